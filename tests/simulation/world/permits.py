"""The part of the simulated store that limits need: the engine's own pure operations on the items of the disk."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast_engine import permits as operations
from holdfast_engine.limits import RuleBook
from holdfast_engine.permits import NONE_OUT, Permit, Permits, Waiting
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.port import Port

_READ, _WRITE = Site.READ, Site.WRITE
_ONLY = "rules"


class SimPermits(Port):
    """The permits, lines and rules of one process's store."""

    _disk: Disk

    async def permits(self, scope: str) -> Permits:
        return await self._do(_READ, f"permits {scope}", lambda: self._permits(scope))

    async def take_permit(self, scope: str, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
        def effect() -> Permits | None:
            return self._put_permits(scope, operations.take(self._permits(scope), permit, limits=limits))

        return await self._do(_WRITE, f"take permit {scope} {permit.invocation_id} e{permit.epoch}", effect)

    async def return_permit(self, scope: str, *, invocation_id: str, epoch: int) -> Permits | None:
        def effect() -> Permits | None:
            returned = operations.give_back(self._permits(scope), invocation_id=invocation_id, epoch=epoch)
            return self._put_permits(scope, returned)

        return await self._do(_WRITE, f"return permit {scope} {invocation_id} e{epoch}", effect)

    async def put_waiting(self, scope: str, waiting: Waiting) -> None:
        def effect() -> None:
            self._disk.put("line", scope, waiting.invocation_id, item=waiting)

        await self._do(_WRITE, f"join line {scope} {waiting.invocation_id}", effect)

    async def line(self, scope: str, *, after: Waiting | None, limit: int) -> tuple[Waiting, ...]:
        def effect() -> tuple[Waiting, ...]:
            line = sorted(self._disk.under("line", scope).values())
            return tuple(each for each in line if after is None or each > after)[:limit]

        return await self._do(_READ, f"line {scope}", effect)

    async def forget_waiting(self, scope: str, waiting: Waiting) -> None:
        def effect() -> None:
            self._disk.put("line", scope, waiting.invocation_id, item=None)

        await self._do(_WRITE, f"leave line {scope} {waiting.invocation_id}", effect)

    async def rules(self) -> RuleBook:
        return await self._do(_READ, "rules", self._rules)

    async def save_rules(self, book: RuleBook, *, replaces: int) -> bool:
        def effect() -> bool:
            if self._rules().version != replaces:
                return False
            self._disk.put("rules", _ONLY, item=book)
            return True

        return await self._do(_WRITE, f"save rules {book.version}", effect)

    def _permits(self, scope: str) -> Permits:
        permits: Permits | None = self._disk.get("permits", scope)
        return permits if permits is not None else NONE_OUT

    def _put_permits(self, scope: str, permits: Permits | None) -> Permits | None:
        if permits is not None:
            self._disk.put("permits", scope, item=permits)
        return permits

    def _rules(self) -> RuleBook:
        book: RuleBook | None = self._disk.get("rules", _ONLY)
        return book if book is not None else RuleBook()
