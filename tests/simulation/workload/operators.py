"""Operators: cancel, kill, pause and resume invocations while they run, and deploy the services anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from holdfast_engine.engine import Engine
from holdfast_engine.errors import RequestRejected, Unavailable
from tests.simulation.scenario import Order
from tests.simulation.world.fleet import ConnectionLost, Fleet

_RETRY_S = 1.0


class Operators:
    """Carries out orders; each is tried until somebody has answered."""

    def __init__(self, fleet: Fleet, deploy: Callable[[], None]) -> None:
        self._fleet = fleet
        self._deploy = deploy
        self.killed: set[str] = set()
        self.disturbed: set[str] = set()

    async def carry_out(self, order: Order) -> None:
        """Wait until an order's time has come, and see it through."""
        await asyncio.sleep(order.at_ms / 1000)
        if order.what == "redeploy":
            self._fleet.history.add("deploys the services anew")
            self._deploy()
            return
        ids = [each for each, rows in self._fleet.disk.items["head"].items() if rows]
        if not ids:
            return
        invocation_id = ids[order.which % len(ids)]
        self._note(order, invocation_id)
        self._fleet.history.add(f"orders: {order.what} {invocation_id}")
        while True:
            try:
                await self._fleet.request("op", lambda engine: _carry_out(engine, order, invocation_id))
            except (ConnectionLost, Unavailable):
                await asyncio.sleep(_RETRY_S)
            except RequestRejected as rejected:
                self._fleet.history.add(f"{order.what} {invocation_id} is refused: {rejected!r}")
                return
            else:
                return

    def _note(self, order: Order, invocation_id: str) -> None:
        if order.what in ("cancel", "kill"):
            self.disturbed.add(invocation_id)
        if order.what == "kill":
            self.killed.add(invocation_id)


async def _carry_out(engine: Engine, order: Order, invocation_id: str) -> None:
    match order.what:
        case "cancel":
            await engine.cancel(invocation_id)
        case "kill":
            await engine.kill(invocation_id)
        case _:
            raise AssertionError(order)
