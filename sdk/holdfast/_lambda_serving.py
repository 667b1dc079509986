"""One endpoint as a Lambda function: what it answers to discovery, to attempts, and to everything else.

Importing this imports all that attempts need, so that a function does it while it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast._driver import run_attempt
from holdfast._endpoint import Endpoint
from holdfast._identity import IdentityVerifier, NotAuthentic
from holdfast._incoming import attempt_request, discovery
from holdfast._lambda_answer import LambdaAnswer, remaining_ms_of
from holdfast._lambda_grants import Journals
from holdfast_protocol.envelope import LambdaRequest, parse_request
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.grants import grant_from_headers, reached_headers
from holdfast_protocol.versions import invocation_media_type, invocation_version

_ROUTES: Final = "An endpoint answers /discover, /health and /invoke/{service}/{handler}."


class LambdaServing:
    """One endpoint as a Lambda function."""

    def __init__(self, endpoint: Endpoint, identity: IdentityVerifier, journals: Journals) -> None:
        self._endpoint = endpoint
        self._identity = identity
        self._journals = journals

    async def answer(self, event: Mapping[str, Any], context: Any) -> LambdaAnswer:
        """Return the answer to one event."""
        try:
            request = parse_request(event)
        except DecodeError as error:
            return LambdaAnswer.of_text(400, f"{error}.")
        if request.path.endswith("/health"):
            return LambdaAnswer(200, b'{"status":"ok"}', "application/json")
        try:
            self._identity.verify(request.headers, request.path)
        except NotAuthentic as error:
            return LambdaAnswer.of_text(401, str(error))
        if request.path.endswith("/discover"):
            return LambdaAnswer(*discovery(self._endpoint, request.headers.get("accept", "")))
        target = request.path.rsplit("/", 3)[1:]
        if len(target) == 3 and target[0] == "invoke":
            return await self._attempt(target[1], target[2], request, context)
        return LambdaAnswer.of_text(404, _ROUTES)

    async def _attempt(self, service: str, name: str, request: LambdaRequest, context: Any) -> LambdaAnswer:
        found = self._endpoint.find(service, name)
        if found is None:
            return LambdaAnswer.of_text(404, f"{service}/{name} is not served here.")
        content_type = request.headers.get("content-type", "")
        version = invocation_version(content_type)
        if version is None:
            text = f"The content type {content_type!r} is no supported version of the protocol."
            return LambdaAnswer.of_text(415, text)
        if request.content_encoding is not None:
            return LambdaAnswer.of_text(415, f"The content encoding {request.content_encoding!r} is not supported.")
        try:
            asked = attempt_request(service, name, version, request.headers, request.body)
            grant = grant_from_headers(request.headers)
        except DecodeError as error:
            return LambdaAnswer.of_text(400, f"The request is not an attempt: {error}.")
        media_type = invocation_media_type(version)
        if grant is None:
            frames = await run_attempt(found, asked, None)
            return LambdaAnswer.of_frames(frames, media_type, {})
        checkpoint = self._journals.checkpoint(
            grant,
            invocation_id=asked.start.debug_id,
            entries=asked.entries,
            remaining_ms=remaining_ms_of(context),
        )
        frames = await run_attempt(found, asked, checkpoint)
        return LambdaAnswer.of_frames(
            [*checkpoint.travelling, *frames], media_type, reached_headers(checkpoint.reached)
        )
