"""What the ingress answers: outcomes by the output rules, and its error JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.errors import OrchestratorError
from holdfast_http.bounds import RETRY_AFTER
from holdfast_http.messages import JSON_TYPE, BadPath, Headers, Response, json_response
from holdfast_http.problems import HttpProblem
from holdfast_http.times import rfc3339
from holdfast_http.waiting import Overloaded, Stopping
from holdfast_protocol.codes import HoldfastCode

if TYPE_CHECKING:
    from holdfast_engine.engine import Finished
    from holdfast_engine.records import Failure
    from holdfast_protocol.manifest import OutputSpec

# What a request or a dependency can do to itself; anything else is a bug of ours.
EXPECTED = (BadPath, HttpProblem, OrchestratorError, Overloaded, Stopping)

_STOPPING = (
    "the server is stopping; what it accepted goes on when it is back."
    " Attach to the invocation then, or repeat the request with the same idempotency key"
)


def outcome_response(finished: Finished, output: OutputSpec | None) -> Response:
    """Return what a completed invocation answers: its value, or its failure as error JSON."""
    headers: Headers = (("x-restate-id", finished.invocation_id),)
    if finished.was_stored:
        headers = (*headers, ("idempotency-expires", rfc3339(finished.expires_ms)))
    if finished.outcome.failure is not None:
        return _failure_response(finished.outcome.failure, headers)
    body = finished.outcome.value or b""
    content_type = _content_type(output, body)
    if content_type is not None:
        headers = (("content-type", content_type), *headers)
    return Response(status=200, headers=headers, body=body)


def problem_response(error: Exception) -> Response:
    """Return the answer to what went wrong on the way to an invocation; the error is one of `EXPECTED`."""
    match error:
        case HttpProblem():
            return error_response(error.status, str(error), error.headers)
        case OrchestratorError():
            headers = RETRY_AFTER if error.is_retryable else ()
            return error_response(error.http_status, str(error), headers, holdfast_code=error.code)
        case Overloaded():
            return error_response(429, str(error), RETRY_AFTER, holdfast_code=HoldfastCode.OVERLOADED)
        case Stopping():
            return error_response(503, _STOPPING, RETRY_AFTER)
        case _:
            return error_response(400, str(error))


def error_response(status: int, message: str, headers: Headers = (), *, holdfast_code: str | None = None) -> Response:
    """Return the error JSON of something the ingress itself refuses; the code is an anchor of the documentation."""
    content: dict[str, object] = {"code": status, "message": message, "source": "ingress"}
    if holdfast_code is not None:
        content["holdfast_code"] = holdfast_code
    return json_response(status, content, (("x-restate-error-source", "ingress"), *headers))


def failure_json(failure: Failure) -> dict[str, object]:
    """Return the error JSON of a failed invocation."""
    content: dict[str, object] = {"code": failure.code, "message": failure.message, "source": "invocation"}
    if failure.metadata:
        content["metadata"] = dict(failure.metadata)
    return content


def _failure_response(failure: Failure, headers: Headers) -> Response:
    content = failure_json(failure)
    # A terminal error may carry any number; only an HTTP error can be a response's status.
    status = failure.code if 400 <= failure.code <= 599 else 500
    return json_response(status, content, (("x-restate-error-source", "invocation"), *headers))


def _content_type(output: OutputSpec | None, body: bytes) -> str | None:
    if output is None:
        return JSON_TYPE if body else None
    return output.content_type if body or output.set_content_type_if_empty else None
