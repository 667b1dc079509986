"""One execution environment of Lambda: its event loop, its engine, and the time its present event has."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from holdfast_aws.runtime.composition import compose
from holdfast_aws.runtime.deadline import Deadline
from holdfast_aws.runtime.registry_cache import RegistryCache
from holdfast_aws.runtime.settings import RuntimeSettings
from holdfast_aws.runtime.surroundings import SystemClock
from holdfast_aws.runtime.telemetry import LambdaContext, Telemetry
from holdfast_engine.engine import Engine
from holdfast_engine.upkeep import renew_leases

_LOG = logging.getLogger("holdfast.aws")

Handle = Callable[[dict[str, Any], Any], Awaitable[Any]]


class Process:
    """Made once, when Lambda loads the function; then it handles one event after the other.

    The loop lives as long as the process. Lambda freezes it between two events, so nothing may be under way then but
    what is harmless to resume: the renewal of leases, which finds none. One that `invokes` handlers with most of its
    events makes ready for that at once.
    """

    def __init__(self, settings: RuntimeSettings, *, runs_max: int, invokes: bool = False) -> None:
        self.settings = settings
        clock = SystemClock()
        self.now_ms = clock.now_ms
        self.deadline = Deadline(clock=clock, margin_ms=int(settings.margin_s * 1000))
        self.telemetry = Telemetry(tracing=settings.tracing)
        self._loop = asyncio.new_event_loop()
        self.ports = compose(settings, clock=clock, deadline=self.deadline, runs_max=runs_max, invokes=invokes)
        self.world = self.ports.world
        self.engine = Engine(self.world)
        self._registry = RegistryCache(self.world, seconds=settings.registry_s)
        self._renewing = self._loop.create_task(self._renew())
        # What is there now stays as long as the process: no collection has to look through it again.
        gc.freeze()
        gc.enable()

    def handler(self, handle: Handle, *, looks_first: bool = True) -> Callable[[dict[str, Any], LambdaContext], Any]:
        """Return the function that Lambda calls with each event; without a look at the registry nothing is begun."""

        async def work(event: dict[str, Any], context: LambdaContext) -> Any:
            if looks_first:
                await self.look()
            return await handle(event, context)

        def handler(event: dict[str, Any], context: LambdaContext) -> Any:
            self.deadline.begin(remaining_ms=context.get_remaining_time_in_millis())
            with self.telemetry.event(context):
                return self._loop.run_until_complete(work(event, context))

        return handler

    @property
    def left_s(self) -> float:
        """How long the present event may still take, what storing its results needs taken off."""
        return self.deadline.left_ms / 1000

    async def look(self) -> None:
        """Read the registry if the last look at it is too old."""
        await self._registry.refresh()

    async def look_again(self) -> bool:
        """Read the registry because something is not in it; False when that has just been done."""
        return await self._registry.refresh_after_miss()

    async def settle(self) -> None:
        """Wait for the work that this process has taken on; what is cut off at the end of its time has a watchdog."""
        if not await self.world.tasks.idle(self.left_s):
            cut_off = await self.world.tasks.drain(0)
            _LOG.warning("%d pieces of work did not end in time; their watchdogs will find them", cut_off)

    async def _renew(self) -> None:
        while True:
            try:
                await renew_leases(self.world)
            except Exception:  # noqa: BLE001 - the next round is soon, and a lease that ends costs an attempt at most.
                _LOG.warning("leases could not be renewed", exc_info=True)
                await asyncio.sleep(1)
