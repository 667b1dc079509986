"""The embedded `Store`: tables of journals, of keys, of permits and of deployments over one database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from holdfast_engine.meter import Meter
from holdfast_engine.registry import Deployment
from holdfast_local.chronicle import Chronicle
from holdfast_local.codec import decode_deployment, encode
from holdfast_local.database import Database
from holdfast_local.journal_tables import JournalTables
from holdfast_local.key_tables import KeyTables
from holdfast_local.listing import SqliteListing
from holdfast_local.permit_tables import PermitTables
from holdfast_local.surroundings import SystemClock

_system_ms = SystemClock().now_ms


class SqliteStore(JournalTables, KeyTables, PermitTables):
    """The whole port; `meter` holds what DynamoDB would have billed, `listing` finds things for people.

    `now_ms` dates the moments of histories; whatever decides has its times from the engine.
    """

    def __init__(self, path: Path | None, *, now_ms: Callable[[], int] = _system_ms) -> None:
        self.database = Database(path)
        self.meter = Meter()
        self.listing = SqliteListing(self.database, Chronicle(self.database))
        JournalTables.__init__(self, self.database, self.meter, now_ms)
        KeyTables.__init__(self, self.database, self.meter, self.peek)
        PermitTables.__init__(self, self.database, self.meter)

    def open(self) -> None:
        """Open the file and end what leases an earlier process left: it is dead, or the data folder would be locked.

        Raises:
            StoreUnreachable: The file cannot be used.
        """
        self.database.open()
        self.end_leases()

    async def close(self) -> None:
        """Sync and close."""
        await self.database.close()

    async def flushed(self) -> None:
        """Wait for the disk."""
        await self.database.flushed()

    async def save_deployment(self, deployment: Deployment) -> None:
        """Put a deployment."""
        statement = "INSERT OR REPLACE INTO deployment (id, created_ms, record) VALUES (?, ?, ?)"
        self.database.write(statement, (deployment.id, deployment.created_ms, encode(deployment)))

    async def forget_deployment(self, deployment_id: str) -> None:
        """Delete a deployment."""
        self.database.write("DELETE FROM deployment WHERE id = ?", (deployment_id,))

    async def deployments(self) -> list[Deployment]:
        """Return all deployments, oldest first."""
        rows = self.database.read("SELECT record FROM deployment ORDER BY created_ms, id")
        return [decode_deployment(row[0]) for row in rows]
