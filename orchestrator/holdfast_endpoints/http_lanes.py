"""The lanes to one origin: how many requests share a connection, when the next is opened, and when one is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from holdfast_endpoints.http_address import Mode

# How long a request may wait for its turn when all lanes are full, before it is told so.
TURN_TIMEOUT_S = 30.0

# uvicorn, hypercorn and Node close a connection that was idle for 5 s; we let go first, or a request would now and
# then be sent into a connection that is just being closed.
KEEPALIVE_EXPIRY_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """How many lanes an origin may have, and how many requests may be on one at a time."""

    lanes_max: int
    requests_max: int


WIDTH_BY_MODE = {
    # One connection each. The library's own pool looks at all its connections for every request, which for a few dozen
    # costs more than the request. 256 is a quarter of the usual 1,024 file descriptors.
    Mode.HTTP_11: Width(lanes_max=256, requests_max=1),
    # The library puts 100 requests on one connection and queues the others behind them; as an attempt may take
    # minutes, the 101st gets a connection of its own.
    Mode.H2C: Width(lanes_max=16, requests_max=100),
    Mode.ALPN: Width(lanes_max=16, requests_max=100),
}


@dataclass(slots=True, eq=False)
class Lane:
    """A transport and how many requests are on it.

    A retired one takes no more and closes after its last. That is what becomes of an HTTP/2 connection on which a
    request was given up: the library does not reset the stream, so the endpoint would go on working for nobody, the
    bytes it still sends would use up the connection's window, and a frame that was being written may have been cut.
    """

    transport: httpx.AsyncBaseTransport
    in_flight: int = 0
    is_retired: bool = False
    idle_since: float = 0.0


class Lanes:
    """All lanes to one origin in one mode; requests prefer the first, so that the last fall idle and are closed."""

    def __init__(self, open_transport: Callable[[], httpx.AsyncBaseTransport], width: Width) -> None:
        self._open = open_transport
        self._width = width
        self._lanes: list[Lane] = []
        self._turns = asyncio.Semaphore(width.lanes_max * width.requests_max)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Lane]:
        """Yield a lane for one request.

        Raises:
            httpx.PoolTimeout: All lanes were full all the time.
        """
        await self._wait_for_turn()
        try:
            lane = self._first_free()
            lane.in_flight += 1
            try:
                yield lane
            finally:
                lane.in_flight -= 1
                lane.idle_since = asyncio.get_running_loop().time()
                await self._let_go(lane)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Close every lane; requests under way fail."""
        lanes, self._lanes = self._lanes, []
        for lane in lanes:
            await lane.transport.aclose()

    async def _wait_for_turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turns.acquire()
        except TimeoutError:
            full = self._width.lanes_max * self._width.requests_max
            raise httpx.PoolTimeout(f"{full} attempts are under way there, the limit") from None

    def _first_free(self) -> Lane:
        for lane in self._lanes:
            if lane.in_flight < self._width.requests_max and not lane.is_retired:
                return lane
        lane = Lane(transport=self._open())
        self._lanes.append(lane)
        return lane

    async def _let_go(self, lane: Lane) -> None:
        """Close the lane if it is done for, and the last one if it has not been needed for a while."""
        done = [lane] if lane.is_retired and lane.in_flight == 0 else []
        last = self._lanes[-1] if self._lanes else lane
        if last.in_flight == 0 and lane.idle_since - last.idle_since > KEEPALIVE_EXPIRY_S:
            done.append(last)
        for each in done:
            # It may be gone already: the pool was closed, or two requests ended at once.
            if each in self._lanes:
                self._lanes.remove(each)
                await each.transport.aclose()
