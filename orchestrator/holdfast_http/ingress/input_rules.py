"""Which requests a handler takes: content type, emptiness, JSON, and its JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from holdfast_engine.errors import BadPayload

if TYPE_CHECKING:
    from holdfast_engine.registry import HandlerSpec
    from holdfast_http.ingress.schemas import Schemas
    from holdfast_http.messages import Request
    from holdfast_protocol.manifest import InputSpec


def check_input(request: Request, handler: HandlerSpec, schemas: Schemas) -> None:
    """Check a request against what the handler declared.

    Raises:
        BadPayload: It does not fit; the message is one sentence that says what would.
    """
    spec = handler.input
    if spec is None:
        return
    if not request.body:
        _check_empty(handler, spec)
        return
    if spec.content_type is None and spec.json_schema is None and not spec.required:
        raise BadPayload(f"{_name(handler)} takes no input, and the request has a body: send it without one")
    accepted = spec.content_type or "*/*"
    given = _media_type(request.header("content-type") or "")
    if not _matches(accepted, given):
        said = f"says {given}" if given else "has no content-type"
        raise BadPayload(
            f"{_name(handler)} takes {accepted}, and the request {said}: send the header 'content-type: {accepted}'"
        )
    # A schema beside another content type describes what the handler makes of the bytes, not the bytes.
    if _is_json(given) and (spec.json_schema is not None or _is_json(accepted)):
        _check_json(request.body, handler, spec, schemas)


def _check_empty(handler: HandlerSpec, spec: InputSpec) -> None:
    # Many clients name a content type even when there is no body, so its name does not count here.
    if spec.required:
        accepted = spec.content_type or "any content type"
        raise BadPayload(f"{_name(handler)} needs a body of {accepted}, and the request's is empty")


def _check_json(body: bytes, handler: HandlerSpec, spec: InputSpec, schemas: Schemas) -> None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise BadPayload(f"the body for {_name(handler)} is not JSON: {reason}") from error
    if spec.json_schema is None:
        return
    misfit = schemas.misfit(_name(handler), spec, value)
    if misfit is not None:
        raise BadPayload(f"the body for {_name(handler)} does not fit its JSON schema: {misfit}")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _matches(pattern: str, media_type: str) -> bool:
    accepted = _media_type(pattern)
    if accepted == "*/*" or accepted == media_type:
        return True
    kind, _, subtype = accepted.partition("/")
    return subtype == "*" and media_type.startswith(f"{kind}/")


def _is_json(pattern: str) -> bool:
    accepted = _media_type(pattern)
    return accepted == "application/json" or accepted.endswith("+json")


def _name(handler: HandlerSpec) -> str:
    return f"{handler.service}/{handler.name}"
