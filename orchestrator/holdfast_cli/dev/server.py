"""The server of `holdfast dev`: embedded engine, ingress and admin on one event loop, from start to drained end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast_cli.dev.functions import LambdaEndpoints
from holdfast_cli.dev.http_server import HttpServer
from holdfast_cli.dev.registering import register_when_up
from holdfast_cli.dev.signals import stop_on_signals
from holdfast_cli.dev.sockets import url_of
from holdfast_cli.problems import ServerStopped, UsageProblem
from holdfast_engine.errors import DiscoveryFailed, RequestRejected, StoreUnreachable
from holdfast_http.admin.app import Admin
from holdfast_http.ingress.app import Ingress
from holdfast_local.composition import LocalServer, Reach
from holdfast_local.surroundings import SystemClock

if TYPE_CHECKING:
    from holdfast import Endpoint as HandlerEndpoint
    from holdfast_engine.endpoints.identity import RequestSigner
    from holdfast_engine.registry import Endpoint, ServiceSpec
    from holdfast_http.admin.gate import Gate

# The address under which the services of this process are registered; the same at every start, so that each start
# replaces what the last one saw.
_IN_PROCESS_ADDRESS = "dev"

# How long requests may take to be answered once the server stops; a client that waits for a long invocation is told
# to come back. A reload has somebody looking at it.
STOP_SECONDS = 3.0
RELOAD_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to serve and where.

    `handlers` is None when this process has no services of its own, `signer` when requests are not signed,
    `ca_file` when no authorities are trusted beyond the system's.
    """

    handlers: HandlerEndpoint | None
    folder: Path
    ingress: socket.socket
    admin: socket.socket
    endpoints: Sequence[Endpoint]
    waiting_max: int
    gate: Gate
    signer: RequestSigner | None = None
    ca_file: Path | None = None


class DevServer:
    """One run of the server."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        handlers = {} if plan.handlers is None else {_IN_PROCESS_ADDRESS: plan.handlers}
        self._functions = LambdaEndpoints(clock=SystemClock(), signer=plan.signer)
        self._local = LocalServer(
            data_dir=plan.folder,
            endpoints=handlers,
            sdk_version=f"restate-sdk-holdfast/{version('holdfast')}",
            signer=plan.signer,
            ca_file=plan.ca_file,
            reaches={"lambda": Reach(invoker=self._functions, discovery=self._functions)},
        )
        engine = self._local.engine
        self._ingress = Ingress(engine, now_ms=SystemClock().now_ms, waiting_max=plan.waiting_max)
        self._admin = Admin(
            engine, product_version=version("holdfast"), ingress_url=url_of(plan.ingress), gate=plan.gate
        )
        self._servers = (HttpServer(self._ingress, plan.ingress), HttpServer(self._admin, plan.admin))

    @property
    def services(self) -> list[ServiceSpec]:
        """What can be called."""
        return self._local.engine.registry.services()

    async def run(
        self, *, announce: Callable[[int], None], wait_for_change: Callable[[], Awaitable[str]] | None
    ) -> str | None:
        """Serve until a signal, or until the code has changed; return what changed.

        Args:
            announce: Called when everything is up, with the number of unfinished invocations that go on.
            wait_for_change: Returns the name of what changed; None when nobody watches.

        Raises:
            UsageProblem: The data folder or the services cannot be used.
            ServerStopped: The data can no longer be written.
        """
        stop = asyncio.Event()
        stop_on_signals(stop)
        failures: list[StoreUnreachable] = []

        def fail(failure: StoreUnreachable) -> None:
            failures.append(failure)
            stop.set()

        self._local.store.database.on_failure = fail
        unfinished = await self._start()
        registering = [
            asyncio.create_task(register_when_up(self._local.engine, endpoint)) for endpoint in self._plan.endpoints
        ]
        announce(unfinished)
        changed: str | None = None
        try:
            changed = await _first_of(stop, wait_for_change)
        finally:
            for task in registering:
                task.cancel()
            await self._stop(STOP_SECONDS if changed is None else RELOAD_SECONDS)
        if failures:
            raise ServerStopped(
                f"{failures[0]}. What was accepted is in the file: make room, or mend what is wrong with the disk, and"
                " start the server again."
            )
        return changed

    async def _start(self) -> int:
        try:
            unfinished = await self._local.start()
        except (StoreUnreachable, RequestRejected, DiscoveryFailed) as error:
            raise UsageProblem(f"{error}.") from error
        for server in self._servers:
            await server.start()
        return unfinished

    async def _stop(self, seconds: float) -> None:
        stopping = [asyncio.create_task(server.stop()) for server in self._servers]
        await asyncio.wait(stopping, timeout=seconds)
        self._ingress.waiting_room.release()
        await asyncio.gather(*stopping)
        await self._ingress.waiting_room.close()
        await self._admin.close()
        await self._local.stop()
        self._functions.close()


async def _first_of(stop: asyncio.Event, wait_for_change: Callable[[], Awaitable[str]] | None) -> str | None:
    stopped = asyncio.ensure_future(stop.wait())
    if wait_for_change is None:
        await stopped
        return None
    changed = asyncio.ensure_future(wait_for_change())
    await asyncio.wait((stopped, changed), return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, changed):
        task.cancel()
    await asyncio.gather(stopped, changed, return_exceptions=True)
    return changed.result() if changed.done() and not changed.cancelled() and not stop.is_set() else None
