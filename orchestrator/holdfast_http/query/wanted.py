"""What a query wants of one table: which columns, which values of those that can be looked up, and how many rows."""

from __future__ import annotations

from typing import NamedTuple


class Wanted(NamedTuple):
    """One scan of a table.

    `values` holds, for columns the store can select by, the only values that count; `limit` is set when any rows do.
    """

    table: str
    columns: list[str]
    values: dict[str, list[str]]
    limit: int | None

    def only(self, column: str) -> str | None:
        """Return the one value a column must have, if there is just one."""
        values = self.values.get(column)
        return values[0] if values is not None and len(values) == 1 else None


def merged(scans: list[Wanted]) -> list[Wanted]:
    """Return the scans with the columns of all of them, for a table that is loaded once for several."""
    columns = list(dict.fromkeys(column for scan in scans for column in scan.columns))
    if any(not scan.values and scan.limit is None for scan in scans):
        # One of them wants everything; the others find theirs in that.
        return [Wanted(scans[0].table, columns, {}, None)]
    distinct: list[Wanted] = []
    for scan in scans:
        whole = scan._replace(columns=columns)
        if whole not in distinct:
            distinct.append(whole)
    return distinct
