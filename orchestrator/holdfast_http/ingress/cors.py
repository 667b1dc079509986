"""Cross-origin requests: allowed from everywhere, without credentials."""

from __future__ import annotations

from dataclasses import replace

from holdfast_http.messages import Request, Response

_METHODS = "GET, POST, OPTIONS"
# A day; browsers cut it down to their own bound.
_MAX_AGE_SECONDS = "86400"


def preflight(request: Request) -> Response:
    """Answer the question a browser asks before a cross-origin request."""
    # A bare * would leave out `authorization`, so what is asked for is named.
    wanted = request.header("access-control-request-headers") or "*"
    headers = (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", _METHODS),
        ("access-control-allow-headers", wanted),
        ("access-control-max-age", _MAX_AGE_SECONDS),
        ("vary", "access-control-request-headers"),
    )
    return Response(status=204, headers=headers)


def opened(request: Request, response: Response) -> Response:
    """Return the response with what lets a page of another origin read it, headers included."""
    if request.header("origin") is None:
        return response
    shared = (("access-control-allow-origin", "*"), ("access-control-expose-headers", "*"))
    return replace(response, headers=(*response.headers, *shared))
