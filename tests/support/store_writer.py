"""A process that writes to a store until it is killed: prints the number of each write that it knows to be durable."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from holdfast_engine.records import KeyRef, Note, StateWrites
from holdfast_local.sqlite_store import SqliteStore

OWNER = "inv_writer"
KEY = KeyRef(service="Counter", key="k")


async def write(path: Path, flush_every: int) -> None:
    """Write notes and state with rising numbers; say so whenever a barrier has let them through."""
    store = SqliteStore(path)
    store.open()
    assert await store.enter_free(KEY, OWNER) is not None
    for number in itertools.count(1):
        await store.note(OWNER, Note(key=f"c#{number}", frame=b"%d" % number))
        writes = StateWrites(clear_all=False, values=(("n", b"%d" % number),))
        assert await store.apply(KEY, ticket=0, invocation_id=OWNER, index=number, writes=writes)
        if number % flush_every == 0:
            await store.flushed()
            print(number, flush=True)
        elif number % 50 == 0:
            # Let batches be committed that nobody waits for.
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
