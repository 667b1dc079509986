"""What one query may read; beyond it the query is refused with what to do, rather than answered in part."""

from __future__ import annotations

from holdfast_http.turns import Turns

ROWS_MAX = 50_000
BYTES_MAX = 64 * 1024 * 1024
# A filter that the store has no index for is tried on one invocation after the other.
LOOKED_AT_MAX = 50_000
# Sentences on why something does not move take reads of their own.
REASONS_MAX = 1_000


class QueryRefused(Exception):
    """The query cannot be answered; says why and what would help."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Budget:
    """Counts what a query has read so far."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.rows = 0
        self.bytes = 0
        self.reasons = 0
        self.looked_at = 0

    def take(self, table: str, *, size: int = 0) -> None:
        """Count a row that was read.

        Raises:
            QueryRefused: That is more than a query may read.
        """
        self.rows += 1
        self.bytes += size
        if self.rows > ROWS_MAX or self.bytes > BYTES_MAX:
            most = f"{ROWS_MAX} rows" if self.rows > ROWS_MAX else f"{BYTES_MAX} bytes"
            raise QueryRefused(
                f"the query has to read more than {most} of {table}: name an id, a service, a key or a status in its"
                " WHERE, or give it a LIMIT without one",
                status=400,
            )

    def look(self, table: str, count: int) -> None:
        """Count invocations that the store has looked at, whether they match or not.

        Raises:
            QueryRefused: Those are more than a query may look at.
        """
        self.looked_at += count
        if self.looked_at > LOOKED_AT_MAX:
            raise QueryRefused(
                f"the query has looked at {LOOKED_AT_MAX} invocations for its rows of {table} and is not at the end:"
                " name an id or a service in its WHERE, or give it a LIMIT",
                status=400,
            )

    def take_reason(self) -> bool:
        """Return whether another sentence may be computed."""
        self.reasons += 1
        return self.reasons <= REASONS_MAX
