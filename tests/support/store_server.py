"""An engine in this process over a store of any kind: what is under test is the store, so all else is embedded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from holdfast_engine.engine import Engine
from holdfast_engine.ports import Blobs, Store
from holdfast_engine.registry import Endpoint, Registry
from holdfast_engine.upkeep import recover, renew_leases
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.in_process import InProcessDiscovery, InProcessInvoker, LocalEndpoint
from holdfast_local.surroundings import SystemClock, SystemDice
from holdfast_local.wakeups import LocalWakeups


class StoreServer:
    """Handlers of this process over a store, which is not closed with it."""

    def __init__(
        self, store: Store, *, blobs: Blobs, endpoints: Mapping[str, LocalEndpoint], settings: Settings | None = None
    ) -> None:
        self._endpoints = endpoints
        settings = settings or Settings()
        clock, tasks = SystemClock(), Tasks(settings.attempts_max)
        self.wakeups = LocalWakeups(clock=clock, tasks=tasks, settle=lambda _: None)
        self.engine = Engine(
            World(
                store=store,
                wakeups=self.wakeups,
                invoker=InProcessInvoker(endpoints),
                discovery=InProcessDiscovery(endpoints, sdk_version=None),
                blobs=blobs,
                clock=clock,
                dice=SystemDice(),
                registry=Registry(),
                settings=settings,
                tasks=tasks,
            )
        )
        self.wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)
        self._renewing: asyncio.Task[None] | None = None

    async def start(self, *, recovering: bool = False) -> None:
        """Register the handlers, and wake what an earlier server left if that is wanted."""
        await self.engine.load_registry()
        for address in self._endpoints:
            endpoint = Endpoint(transport="in-process", address=address)
            await self.engine.register(endpoint, force=True, breaking=False, dry_run=False, metadata=())
        self._renewing = asyncio.create_task(renew_leases(self.engine.world))
        if recovering:
            await recover(self.engine.world)

    async def stop(self, *, within_s: float = 10.0) -> None:
        """Let what is under way end, for so long, and cut off the rest."""
        assert self._renewing is not None
        self.wakeups.stop()
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        await self.engine.world.tasks.drain(within_s)
        self.wakeups.stop()
