"""The ingress under Lambda: it looks at the registry by itself, and answers before its time is up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from holdfast_engine.errors import Unavailable
from holdfast_http.ingress.app import Ingress

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.messages import Request, Response

_NOT_FOUND = 404
_GATEWAY_TIMEOUT = 504
_STILL_RUNNING = (
    "this request's time is over; what it started goes on. Repeat it with the same idempotency key, or attach to the"
    " invocation, to get the outcome"
)


class Process(Protocol):
    """What the ingress asks of the process it runs in."""

    @property
    def engine(self) -> Engine:
        """The engine."""
        ...

    @property
    def left_s(self) -> float:
        """How long the present request may still take."""
        ...

    def now_ms(self) -> int:
        """Return the time."""
        ...

    async def look(self) -> None:
        """Read the registry if the last look at it is too old."""
        ...

    async def look_again(self) -> bool:
        """Read the registry because something is not in it; False when that has just been done."""
        ...

    async def settle(self) -> None:
        """Wait for the work that this process has taken on."""
        ...


class LambdaIngress:
    """An ingress whose requests have a deadline."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ingress = Ingress(process.engine, now_ms=process.now_ms)

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        try:
            async with asyncio.timeout(self._process.left_s):
                await self._process.look()
                response = await self._ingress.handle(request)
                # What is not found may have been registered since this process last looked; nothing has happened yet.
                if response.status == _NOT_FOUND and await self._process.look_again():
                    response = await self._ingress.handle(request)
        except TimeoutError:
            response = self._ingress.refuse(request, status=_GATEWAY_TIMEOUT, message=_STILL_RUNNING)
        except Unavailable as error:
            # The registry could not be read. Raised it would fail the function, which says nothing to a caller.
            response = self._ingress.trouble(request, error)
        # The outcome is known before all that follows from it is done, and afterwards this process stands still.
        await self._process.settle()
        return response

    def refuse(self, request: Request, *, status: int, message: str) -> Response:
        """Return the ingress' error response."""
        return self._ingress.refuse(request, status=status, message=message)
