"""Operators: cancel, kill, pause and resume what runs, restart and purge what has ended, and deploy anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from holdfast_engine.engine import Engine
from holdfast_engine.errors import RequestRejected, Unavailable
from holdfast_engine.records import Head, Kept, Kind, Status
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.simulation.checkers.ledger import Ledger, page_of
from tests.simulation.scenario import Order, What
from tests.simulation.workload.programs import Program, verbs_in
from tests.simulation.world.disk import Changed
from tests.simulation.world.fleet import ConnectionLost, Fleet

_RETRY_S = 1.0
# What a copy cannot do as its original did: start others, whose programs have run, and give a promise its value.
_ONCE = frozenset({"call", "send", "signal", "raise_signal", "resolve"})
_RETURNING = frozenset({"attach", "cancel"})


class Operators:
    """Carries out orders; each is tried until somebody has answered."""

    def __init__(
        self,
        fleet: Fleet,
        orders: Sequence[Order],
        programs: Sequence[Program],
        ledger: Ledger,
        *,
        deploy: Callable[[], None],
        begin: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Take the orders; `begin` begins something that has to be over before all is quiet."""
        self._fleet = fleet
        self._orders = orders
        self._programs = programs
        self._ledger = ledger
        self._deploy = deploy
        self._begin = begin
        self._calls = 0
        self._orders_by_call: dict[int, list[Order]] = {}
        for order in orders:
            if order.upon_call:
                self._orders_by_call.setdefault(order.which, []).append(order)
        self.killed: set[str] = set()
        self.disturbed: set[str] = set()
        self.carried_out: Counter[What] = Counter()

    def start(self) -> None:
        """Begin to wait for the times of the orders."""
        for order in self._orders:
            if not order.upon_call:
                self._begin(self.carry_out(order))

    def on_change(self, changed: Changed) -> None:
        """Strike at whoever commits the call that an order waits for."""
        if changed.table not in ("head", "page") or changed.after is None:
            return
        before, after = page_of(changed.before), page_of(changed.after)
        assert after is not None
        frames = after.frames[before.count if before is not None else 0 :]
        for _ in [frame for frame in frames if frame_type(frame) == MessageType.CALL]:
            for order in self._orders_by_call.get(self._calls, ()):
                self._begin(self._see_through(order, changed.partition))
            self._calls += 1

    async def carry_out(self, order: Order) -> None:
        """Wait until an order's time has come, and see it through."""
        await asyncio.sleep(order.at_ms / 1000)
        if order.what == "redeploy":
            self._fleet.history.add("deploys the services anew")
            self._deploy()
            self.carried_out["redeploy"] += 1
            return
        ids = [each for each in self._candidates(order) if order.program in (None, self._ledger.program_of(each))]
        if ids:
            await self._see_through(order, ids[order.which % len(ids)])

    def _candidates(self, order: Order) -> list[str]:
        heads: list[Head] = [rows[""] for rows in self._fleet.disk.items["head"].values() if rows]
        match order.what:
            case "restart" | "purge" | "purge journal":
                return [head.id for head in heads if head.status is Status.COMPLETED and self._allows(order, head)]
        waiting = [head.id for head in heads if head.status is Status.SUSPENDED]
        # Every other order is for one that waits for something: there is most to be ended along with it.
        return waiting if order.which % 2 and waiting else [head.id for head in heads]

    def _allows(self, order: Order, head: Head) -> bool:
        """Return whether the model can tell what comes of it."""
        match order.what:
            case "restart":
                body = self._programs[self._ledger.program_of(head.id)].body
                return head.kind is not Kind.WORKFLOW and not _ONCE.intersection(verbs_in(body))
            case "purge":
                # Whoever asks for it again gets another one, which only some programs allow for.
                if order.program is not None:
                    return head.kept is not Kept.NOTHING
                return head.idempotency_key is None and head.kind is not Kind.WORKFLOW and not self._is_asked_for(head)
            case _:
                return True

    def _is_asked_for(self, head: Head) -> bool:
        """Return whether whoever has started an invocation may come back to it by its id."""
        if head.caller is None:
            return False
        body = self._programs[self._ledger.program_of(head.caller.invocation_id)].body
        return not _RETURNING.isdisjoint(verbs_in(body))

    async def _see_through(self, order: Order, invocation_id: str) -> None:
        self._note(order, invocation_id)
        if await self._answered(order.what, order.which, invocation_id) and order.what == "pause":
            await asyncio.sleep(order.for_ms / 1000)
            await self._answered("resume", order.which, invocation_id)

    async def _answered(self, what: What, which: int, invocation_id: str) -> bool:
        """Ask until somebody answers; return whether the answer was yes."""
        self._fleet.history.add(f"orders: {what} {invocation_id}")
        while True:
            try:
                await self._fleet.request("op", lambda engine: _carry_out(engine, what, which, invocation_id))
            except (ConnectionLost, Unavailable):
                await asyncio.sleep(_RETRY_S)
            except RequestRejected as rejected:
                self._fleet.history.add(f"{what} {invocation_id} is refused: {rejected!r}")
                return False
            else:
                self.carried_out[what] += 1
                return True

    def _note(self, order: Order, invocation_id: str) -> None:
        if order.what in ("cancel", "kill"):
            self.disturbed.add(invocation_id)
        if order.what == "kill":
            self.killed.add(invocation_id)


async def _carry_out(engine: Engine, what: What, which: int, invocation_id: str) -> None:
    match what:
        case "cancel":
            await engine.cancel(invocation_id)
        case "kill":
            await engine.kill(invocation_id)
        case "pause":
            await engine.pause(invocation_id)
        case "resume":
            await engine.resume(invocation_id, deployment=("keep", "latest")[which % 2])
        case "restart":
            entries = (await engine.describe(invocation_id)).entries
            await engine.restart(invocation_id, from_index=which % max(len(entries), 1), deployment=None)
        case "purge":
            await engine.purge(invocation_id)
        case "purge journal":
            await engine.purge_journal(invocation_id)
        case _:
            raise AssertionError(what)
