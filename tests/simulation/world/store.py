"""The simulated store: the engine's own pure operations on the items of the disk, one process's way to them.

It behaves like a table of single items that are written under conditions: every operation is atomic, a query is not a
snapshot (each item is read at its own moment), and what a client library makes of a lost answer is simulated as well.
"""

from __future__ import annotations

from holdfast_engine.records import KeyRef
from holdfast_engine.registry import Deployment
from tests.simulation.world.faults import Site
from tests.simulation.world.retention import SimRetention

_READ, _WRITE = Site.READ, Site.WRITE


class SimStore(SimRetention):
    """The `Store` port of one process."""

    async def flushed(self) -> None:
        """Return at once: what this store has answered is durable."""

    async def save_deployment(self, deployment: Deployment) -> None:
        def effect() -> None:
            self._disk.put("deployment", deployment.id, item=deployment)

        await self._do(_WRITE, f"save deployment {deployment.id}", effect)

    async def forget_deployment(self, deployment_id: str) -> None:
        def effect() -> None:
            self._disk.items["deployment"].pop(deployment_id, None)

        await self._do(_WRITE, f"forget deployment {deployment_id}", effect)

    async def deployments(self) -> list[Deployment]:
        return [rows[""] for rows in self._disk.items["deployment"].values()]

    async def busy_keys(self, *, after: KeyRef | None, limit: int) -> list[KeyRef]:
        def effect() -> list[KeyRef]:
            keys = sorted(self._disk.items["lock"], key=_order)
            busy = [key for key in keys if (lock := self._locked(key).lock).serving < lock.next]
            return [key for key in busy if after is None or _order(key) > _order(after)][:limit]

        return await self._do(_READ, "busy keys", effect)


def _order(key: KeyRef) -> tuple[str, str, str]:
    return key.scope or "", key.service, key.key
