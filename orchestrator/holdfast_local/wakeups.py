"""Wake-ups and timers in this process: names in a set, times in the event loop.

They die with the process, and so does everything that sent them; `recover` makes them anew from the tables at the next
start. That is also why a watchdog has nothing to do here: sender and queue can only die together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from holdfast_engine.ports import Clock
from holdfast_engine.records import KeyRef
from holdfast_engine.world import Tasks

_LOG = logging.getLogger("holdfast")

# A wake-up that fails comes back, ever more slowly; the cap keeps a poisoned one from eating the process (P1).
_FAILED_FIRST_MS = 1_000
_FAILED_MAX_MS = 60_000

Message = str | KeyRef


class LocalWakeups:
    """The queue of wake-ups and timers. For each name only the earliest one is kept: it will arm what comes after."""

    def __init__(self, *, clock: Clock, tasks: Tasks, settle: Callable[[str], None]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._settle = settle
        self._advance: Callable[[str], Awaitable[int | None]] | None = None
        self._check_key: Callable[[KeyRef], Awaitable[None]] | None = None
        self._ready: set[Message] = set()
        self._timer_by_message: dict[Message, tuple[int, asyncio.TimerHandle]] = {}
        self._failures_by_message: dict[Message, int] = {}

    def bind(
        self, *, advance: Callable[[str], Awaitable[int | None]], check_key: Callable[[KeyRef], Awaitable[None]]
    ) -> None:
        """Say who handles the messages."""
        self._advance = advance
        self._check_key = check_key

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        """Have an invocation advanced."""
        self._post(invocation_id, not_before_ms)

    async def announce(self, invocation_id: str) -> bool:  # noqa: ARG002 - the port's signature
        """Do nothing: a wake-up costs nothing here."""
        return False

    async def watchdog(self, invocation_id: str) -> None:
        """Do nothing: see the module."""

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        """Have a key's queue looked at."""
        self._post(key, not_before_ms)

    async def settled(self, invocation_id: str) -> None:
        """Let the store forget that a completed invocation needs a look."""
        self._settle(invocation_id)

    def stop(self) -> None:
        """Deliver nothing more."""
        for _, timer in self._timer_by_message.values():
            timer.cancel()
        self._timer_by_message.clear()

    def _post(self, message: Message, not_before_ms: int | None) -> None:
        delay_ms = 0 if not_before_ms is None else not_before_ms - self._clock.now_ms()
        if delay_ms <= 0:
            self._deliver_soon(message)
            return
        assert not_before_ms is not None
        armed = self._timer_by_message.get(message)
        if armed is not None:
            if armed[0] <= not_before_ms:
                return
            armed[1].cancel()
        timer = asyncio.get_running_loop().call_later(delay_ms / 1000, self._fire, message)
        self._timer_by_message[message] = (not_before_ms, timer)

    def _fire(self, message: Message) -> None:
        self._timer_by_message.pop(message, None)
        self._deliver_soon(message)

    def _deliver_soon(self, message: Message) -> None:
        if message not in self._ready:
            self._ready.add(message)
            self._tasks.spawn(self._deliver(message))

    async def _deliver(self, message: Message) -> None:
        # From here on a further wake-up is news that this delivery may not see any more.
        self._ready.discard(message)
        assert self._advance is not None
        assert self._check_key is not None
        try:
            if isinstance(message, KeyRef):
                await self._check_key(message)
                again = None
            else:
                again = await self._advance(message)
        except Exception:  # noqa: BLE001 - whatever it is, the message must come back.
            self._put_back(message)
            return
        self._failures_by_message.pop(message, None)
        if again is not None:
            self._post(message, max(again, self._clock.now_ms() + 1))

    def _put_back(self, message: Message) -> None:
        failures = self._failures_by_message.get(message, 0) + 1
        self._failures_by_message[message] = failures
        delay_ms = min(_FAILED_FIRST_MS * 2 ** min(failures - 1, 10), _FAILED_MAX_MS)
        _LOG.exception("handling the wake-up of %s failed %d times; next try in %d ms", message, failures, delay_ms)
        self._post(message, self._clock.now_ms() + delay_ms)
