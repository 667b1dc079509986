"""Error JSON of the admin API."""

from __future__ import annotations

from collections.abc import Mapping

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
            codes = {"restate_code": error.meta_code, "holdfast_code": error.code}
            return error_response(error.http_status, str(error), codes=codes)
        case OrchestratorError():
            return error_response(error.http_status, str(error), codes={"holdfast_code": error.code})
        case _:
            return error_response(400, str(error))


def error_response(
    status: int, message: str, *, codes: Mapping[str, str | None] | None = None, headers: Headers = ()
) -> Response:
    """Return error JSON; codes lead to the documentation, Restate's and ours, where there is an entry."""
    shown = {name: code for name, code in (codes or {}).items() if code is not None}
    return json_response(status, {"message": message, **shown}, headers)
