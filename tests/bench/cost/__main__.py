"""Print what the reference run costs, and write it to its page: `python -m tests.bench.cost`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.cost.bill import LOAD, measured, table
from tests.bench.cost.page import PAGE, with_table
from tests.support.dynoxide import Dynoxide


async def run(url: str) -> str:
    """Measure one run alone and many at once, and return the table."""
    return table(await measured(url, 1), await measured(url, LOAD))


def main() -> None:
    """Start a DynamoDB, measure, print, and keep the page up to date."""
    with tempfile.TemporaryDirectory(prefix="holdfast-cost-") as folder:
        server = Dynoxide(folder=Path(folder))
        server.start()
        try:
            printed = asyncio.run(run(server.url))
        finally:
            server.stop()
    print(printed)
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), printed), encoding="utf-8")


if __name__ == "__main__":
    main()
