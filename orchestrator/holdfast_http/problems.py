"""Refusals that HTTP itself calls for, before or instead of asking the engine."""

from __future__ import annotations

from holdfast_http.messages import Headers


class HttpProblem(Exception):
    """A request cannot be answered as asked; both APIs turn it into their own error JSON."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def bad_request(message: str) -> HttpProblem:
    """Return the problem of a request that says something it must not."""
    return HttpProblem(400, message)


def method_not_allowed(method: str, path: str, allowed: tuple[str, ...]) -> HttpProblem:
    """Return the problem of a method that the route does not have; the answer lists those it has."""
    message = f"{path} does not take {method}; use {' or '.join(allowed)}"
    return HttpProblem(405, message, (("allow", ", ".join(allowed)),))
