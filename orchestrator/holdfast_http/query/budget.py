"""What one query may read; beyond it the query is refused with what to do, rather than answered in part."""

from __future__ import annotations

from holdfast_http.turns import Turns

ROWS_MAX = 50_000
BYTES_MAX = 64 * 1024 * 1024
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

    def take_reason(self) -> bool:
        """Return whether another sentence may be computed."""
        self.reasons += 1
        return self.reasons <= REASONS_MAX
