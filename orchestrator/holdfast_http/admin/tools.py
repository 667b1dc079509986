"""What the routes of the admin API have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from holdfast_http.messages import Response

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
# What each method of a path does.
Answers = dict[str, Callable[[], Response | Awaitable[Response]]]


class RunsQueries(Protocol):
    """What answers SQL."""

    async def run(self, query: str, *, as_json: bool) -> bytes:
        """Return the result as JSON or as an Arrow stream."""
        ...

    async def close(self) -> None:
        """End what is behind it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the handler functions of the admin API work with."""

    engine: Engine
    product_version: str
    ingress_url: str
    queries: Callable[[], RunsQueries]
