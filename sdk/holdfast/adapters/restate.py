"""Services written with Restate's own Python SDK on AWS Lambda, many steps per invocation."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from restate.aws_lambda import create_scope, wrap_asgi_as_lambda_handler, zstd_decompress
from restate.endpoint import Endpoint

from holdfast._incoming import attempt_request
from holdfast._lambda_answer import LambdaAnswer, remaining_ms_of
from holdfast._lambda_grants import Journals
from holdfast._version import SDK_VERSION
from holdfast.adapters._conversation import AsgiApp, Conversation
from holdfast.aws_lambda import LambdaHandler
from holdfast.errors import DefinitionError
from holdfast_protocol.envelope import LambdaRequest, parse_request
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.grants import TABLE_HEADER, grant_from_headers, reached_headers
from holdfast_protocol.versions import invocation_media_type, invocation_version

if TYPE_CHECKING:
    from restate import Service, VirtualObject, Workflow

__all__ = ["handler"]

_ON_LAMBDA: Final = "AWS_LAMBDA_FUNCTION_NAME"
_SERVER_HEADER: Final = "x-restate-server"
_STATUS_OK: Final = 200


def handler(
    services: Endpoint | Iterable[Service | VirtualObject | Workflow], identity_keys: Iterable[str] | None = None
) -> LambdaHandler:
    """Return the Lambda function that serves services written with Restate's Python SDK.

    Invoked by Holdfast's dispatcher, each step is made durable and the handler goes on, so that many steps are one
    invocation; the code does not change. Invoked by a Restate server it is what `restate.app` is on Lambda.

    Args:
        services: What would be given to `restate.app`, or a whole endpoint. Not the application itself: on Lambda that
            is a function already.
        identity_keys: Public keys of trusted servers; requests of others are refused.

    Raises:
        DefinitionError: what was given is an application.

    Example:
        >>> import restate
        >>> from holdfast.adapters.restate import handler
        >>> greeter = restate.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: restate.Context, name: str) -> str:
        ...     return await ctx.run_typed("greeting", lambda: f"Hello {name}")
        >>> function = handler([greeter])  # the function's handler is module.function
    """
    app = _asgi_app(_endpoint(services, identity_keys))
    plain = wrap_asgi_as_lambda_handler(app)
    # The loop that the wrapper has just made and goes on using: what one request made must be of use in the next.
    loop = asyncio.get_event_loop()
    journals = Journals(os.environ)

    def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(loop)
        if _is_granted_attempt(event):
            return loop.run_until_complete(_converse(app, event, context, journals)).envelope()
        answer = cast("dict[str, Any]", plain(cast("Any", event), context))
        # A dispatcher reads there that grants are of use; people, which SDK is behind it.
        answer["headers"] = {**answer["headers"], _SERVER_HEADER: f"{SDK_VERSION} ({_server_in(answer)})"}
        return answer

    weakref.finalize(lambda_handler, _close, loop, journals)
    return lambda_handler


def _server_in(answer: Mapping[str, Any]) -> str:
    return str(answer["headers"].get(_SERVER_HEADER, "restate-sdk-python"))


def _endpoint(services: Any, identity_keys: Iterable[str] | None) -> Endpoint:
    if isinstance(services, Endpoint):
        endpoint = services
    elif callable(services):
        raise DefinitionError("Give the services to handler(), not the application that restate.app made of them.")
    else:
        endpoint = Endpoint()  # type: ignore[no-untyped-call]  # it takes nothing
        endpoint.bind(*services)
    for key in identity_keys or ():
        endpoint.identity_key(key)
    return endpoint


def _asgi_app(endpoint: Endpoint) -> AsgiApp:
    """Return the ASGI application of an endpoint, which on Lambda would come wrapped."""
    name = os.environ.pop(_ON_LAMBDA, None)
    try:
        return cast("AsgiApp", endpoint.app())  # type: ignore[no-untyped-call]  # hence the cast
    finally:
        if name is not None:
            os.environ[_ON_LAMBDA] = name


def _is_granted_attempt(event: Mapping[str, Any]) -> bool:
    """Return whether this is an attempt that may write to its journal; every other request is the SDK's own."""
    try:
        request = parse_request(event)
    except DecodeError:
        return False
    is_attempt = request.path.rsplit("/", 3)[1:2] == ["invoke"]
    return is_attempt and TABLE_HEADER in request.headers and _version_of(request) is not None


def _version_of(request: LambdaRequest) -> int | None:
    return invocation_version(request.headers.get("content-type", ""))


async def _converse(app: AsgiApp, event: Mapping[str, Any], context: Any, journals: Journals) -> LambdaAnswer:
    """Run an attempt that may write to its journal."""
    request = parse_request(event)
    service, name = request.path.rsplit("/", 2)[1:]
    version = _version_of(request)
    try:
        grant = grant_from_headers(request.headers)
        assert version is not None, "only a granted attempt comes here"
        assert grant is not None, "only a granted attempt comes here"
        body = zstd_decompress(request.body) if request.content_encoding == "zstd" else request.body
        asked = attempt_request(service, name, version, request.headers, body)
    except ValueError as error:
        return LambdaAnswer.of_text(400, f"The request is not an attempt: {error}.")
    checkpoint = journals.checkpoint(
        grant, invocation_id=asked.start.debug_id, entries=asked.entries, remaining_ms=remaining_ms_of(context)
    )
    conversation = Conversation(
        app,
        create_scope(cast("Any", event)),
        version=version,
        body=body,
        entries=asked.entries,
        checkpoint=checkpoint,
    )
    told = await conversation.run()
    if conversation.status != _STATUS_OK:
        return LambdaAnswer.of_text(conversation.status, "")
    frames = [*checkpoint.travelling, *told]
    return LambdaAnswer.of_frames(frames, invocation_media_type(version), reached_headers(checkpoint.reached))


def _close(loop: asyncio.AbstractEventLoop, journals: Journals) -> None:
    journals.close()
    loop.close()
