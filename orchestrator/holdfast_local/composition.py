"""The embedded server put together: store, wake-ups, invokers and engine in one process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast_endpoints.http_discovery import HttpDiscovery
from holdfast_endpoints.http_invoker import HttpInvoker
from holdfast_endpoints.http_pool import HttpPool
from holdfast_endpoints.http_transports import Transports
from holdfast_endpoints.router import RoutingDiscovery, RoutingInvoker
from holdfast_engine.endpoints.identity import RequestSigner
from holdfast_engine.engine import Engine
from holdfast_engine.ports import Discovery, Invoker
from holdfast_engine.registry import Endpoint, Registry
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.file_blobs import FileBlobs
from holdfast_local.in_process import InProcessDiscovery, InProcessInvoker, LocalEndpoint
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.surroundings import SystemClock, SystemDice
from holdfast_local.wakeups import LocalWakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A way to endpoints that is not this package's own."""

    invoker: Invoker
    discovery: Discovery


class LocalServer:
    """An engine over an embedded store, with in-process endpoints by address.

    `data_dir` None keeps nothing. `signer` signs the requests to endpoints over HTTP. `reaches` are more ways to
    endpoints, by transport; who gave them closes them. `ca_file` holds authorities that endpoints with https may have
    their certificates of, besides the system's.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None,
        endpoints: Mapping[str, LocalEndpoint],
        sdk_version: str | None,
        settings: Settings | None = None,
        signer: RequestSigner | None = None,
        reaches: Mapping[str, Reach] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._temporary = tempfile.TemporaryDirectory(prefix="holdfast-") if data_dir is None else None
        folder = Path(self._temporary.name) if self._temporary is not None else data_dir
        assert folder is not None
        settings = settings or Settings()
        clock = SystemClock()
        tasks = Tasks(settings.attempts_max)
        self.store = SqliteStore(None if data_dir is None else folder / "holdfast.db")
        self.wakeups = LocalWakeups(clock=clock, tasks=tasks, settle=self.store.settled)
        self._blobs = FileBlobs(folder / "blobs")
        self._pool = HttpPool(Transports(ca_file=ca_file).open)
        every = {
            **(reaches or {}),
            "in-process": Reach(
                invoker=InProcessInvoker(endpoints),
                discovery=InProcessDiscovery(endpoints, sdk_version=sdk_version),
            ),
            "http": Reach(
                invoker=HttpInvoker(self._pool, clock=clock, signer=signer),
                discovery=HttpDiscovery(self._pool, signer=signer),
            ),
        }
        self.engine = Engine(
            World(
                store=self.store,
                wakeups=self.wakeups,
                invoker=RoutingInvoker({name: reach.invoker for name, reach in every.items()}),
                discovery=RoutingDiscovery({name: reach.discovery for name, reach in every.items()}),
                blobs=self._blobs,
                clock=clock,
                dice=SystemDice(),
                registry=Registry(),
                settings=settings,
                tasks=tasks,
                listing=self.store.listing,
            )
        )
        self.wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)

    async def start(self) -> int:
        """Open the store, register the endpoints of this process, and wake what is unfinished; return how much that is.

        Raises:
            StoreUnreachable: The database cannot be used.
            RegistrationRejected: A service changed its kind, or there is no protocol version in common.
        """
        self.store.open()
        await self.engine.load_registry()
        for address in self._endpoints:
            # The code of this process is what it is now: what the last start saw is replaced if it differs.
            await self.engine.refresh(Endpoint(transport="in-process", address=address))
        return await self.engine.start()

    async def stop(self) -> None:
        """Drain, sync and close."""
        self.wakeups.stop()
        await self.engine.stop()
        await self._pool.close()
        await self.store.close()
        self._blobs.close()
        if self._temporary is not None:
            self._temporary.cleanup()
