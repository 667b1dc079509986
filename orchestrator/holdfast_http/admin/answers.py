"""Error JSON of the admin API."""

from __future__ import annotations

from holdfast_engine.errors import DiscoveryFailed, OrchestratorError, RegistrationRejected
from holdfast_http.messages import BadPath, Headers, Response, json_response
from holdfast_http.problems import HttpProblem

# What a request or a dependency can do to itself; anything else is a bug of ours.
EXPECTED = (BadPath, HttpProblem, OrchestratorError)


def problem_response(error: Exception) -> Response:
    """Return the answer to what went wrong; the error is one of `EXPECTED`."""
    match error:
        case HttpProblem():
            return error_response(error.status, str(error), headers=error.headers)
        case RegistrationRejected() | DiscoveryFailed():
            return error_response(error.http_status, str(error), restate_code=error.meta_code)
        case OrchestratorError():
            return error_response(error.http_status, str(error))
        case _:
            return error_response(400, str(error))


def error_response(status: int, message: str, *, restate_code: str | None = None, headers: Headers = ()) -> Response:
    """Return error JSON; a code that Restate's documentation explains goes along when there is one."""
    content = {"message": message}
    if restate_code is not None:
        content["restate_code"] = restate_code
    return json_response(status, content, headers)
