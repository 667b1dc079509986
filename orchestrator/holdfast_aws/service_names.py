"""The names of all services that have invocations: who lists all of them has to ask for each.

A name is written down before the first invocation of its service is created, so no list can miss one; it stays when the
service's deployments are removed, as its invocations do. Those of deployments are written when they are registered, and
a process knows them from reading its registry: on the main path nothing is asked or written.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_aws.dynamo import Dynamo
from holdfast_aws.models import ServiceNameItem


class ServiceNames:
    """The names in one deployment's tables, and those of them that this process knows to be there."""

    def __init__(self, dynamo: Dynamo, model: type[ServiceNameItem]) -> None:
        self._dynamo = dynamo
        self._model = model
        self._written: set[str] = set()
        self._deployed: set[str] = set()

    def deployed(self, names: Iterable[str]) -> None:
        """Take note of the names that stored deployments have."""
        self._deployed = set(names)

    async def note(self, names: Iterable[str]) -> None:
        """See that names are written down; of what is known to be, it costs nothing."""
        missing = set(names) - self._written - self._deployed
        if missing:
            await self._write(missing - set(await self._all()))

    async def everything(self) -> list[str]:
        """Return all names, in order; those that were deployed before names were written are written now."""
        await self._write(self._deployed - set(await self._all()))
        return sorted(self._written)

    async def _all(self) -> list[str]:
        kind = self._model(name="").kind
        names = [raw["s"]["S"] for raw in await self._dynamo.query(self._model, "p = :kind", {":kind": kind})]
        self._written.update(names)
        return names

    async def _write(self, names: set[str]) -> None:
        # Two that write the same name at once write the same item.
        for name in sorted(names):
            await self._dynamo.note(self._model(name=name))
            self._written.add(name)
