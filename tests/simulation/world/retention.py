"""The part of the simulated store by which what has ended goes, and what has not is found again."""

from __future__ import annotations

from holdfast_engine import operations
from holdfast_engine.records import Head, Kept, Status
from tests.simulation.world.faults import Site
from tests.simulation.world.journals import SimJournals

_READ, _WRITE = Site.READ, Site.WRITE


class SimRetention(SimJournals):
    """The ends of invocations in one process's store."""

    async def succeed(self, head: Head, *, nonce: str) -> bool:
        def clear() -> bool:
            present: Head | None = self._disk.get("head", head.id)
            if operations.succeed(present, head=head, nonce=nonce) is None:
                return False
            for table in ("note", "unsettled"):
                self._drop(table, head.id)
            return True

        def effect() -> bool:
            present: Head | None = self._disk.get("head", head.id)
            if operations.succeed(present, head=head, nonce=nonce) is None:
                # Met again by its own nonce, it is this very request's earlier try.
                return present is not None and present.nonce == head.nonce
            self._disk.put("head", head.id, item=None)
            self._put_head(head)
            return True

        # Notes go item by item, before it goes itself; pages stay, and fence whoever is left over.
        if not await self._do(_WRITE, f"clear {head.id}", clear):
            return False
        return await self._do(_WRITE, f"succeed {head.id} {head.status} e{head.epoch}", effect)

    async def forget(self, invocation_id: str, *, nonce: str) -> bool:
        def effect() -> bool:
            head: Head | None = self._disk.get("head", invocation_id)
            if head is None or head.nonce != nonce or head.status is not Status.COMPLETED:
                return False
            self._disk.put("head", invocation_id, item=None)
            for table in ("page", "note", "unsettled"):
                self._drop(table, invocation_id)
            return True

        return await self._do(_WRITE, f"forget {invocation_id}", effect)

    async def strip(self, invocation_id: str, *, nonce: str, kept: Kept, output: bytes | None) -> Head | None:
        def effect() -> Head | None:
            head: Head | None = self._disk.get("head", invocation_id)
            after = None if head is None else operations.strip(head, nonce=nonce, kept=kept, output=output)
            # Later pages count as gone, and fence whoever stands still.
            return self._update(after)

        return await self._do(_WRITE, f"strip {invocation_id}", effect)

    async def retire(self, invocation_id: str, *, head: Head | None, expires_ms: int, is_thorough: bool) -> None:
        def effect() -> None:
            present: Head | None = self._disk.get("head", invocation_id)
            if present is None or (head is not None and head.nonce == present.nonce):
                self._drop("note", invocation_id)
            if present is None:
                self._drop("page", invocation_id)

        await self._do(_WRITE, f"retire {invocation_id}", effect)

    async def keep(self, invocation_id: str) -> None:
        """Do nothing: no history lasts that long."""

    async def unfinished(self, *, after: str | None, limit: int) -> list[Head]:
        def effect() -> list[Head]:
            ids = sorted(self._disk.items["head"])
            heads = [self._disk.get("head", each) for each in ids if after is None or each > after]
            # All of them: a store that many processes share knows no better; what is done is found done.
            return [head for head in heads if head is not None][:limit]

        return await self._do(_READ, "unfinished", effect)

    async def expired(self, *, now_ms: int, limit: int) -> list[Head]:
        return []
