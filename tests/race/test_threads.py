"""Sixteen threads fight over every operation, thousands of times: exactly one wins each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast_aws.store import DynamoStore
from holdfast_engine.ports import Store
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.surroundings import SystemClock
from tests.race.contests import CONTESTS, Contest, Round
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide

THREADS = 16
ROUNDS = 12

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def shared_sqlite(folder: Path) -> Iterator[tuple[list[Store], list[Run]]]:
    """One embedded store, which lives on one event loop: the threads ask that loop, all at the same time."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    async def opened() -> SqliteStore:
        store = SqliteStore(folder / "holdfast.db")
        store.open()
        return store

    store = run(opened())
    yield [store] * THREADS, [run] * THREADS
    run(store.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def stores_on(server: Dynoxide) -> Iterator[tuple[list[Store], list[Run]]]:
    """A store and an event loop per thread, on the same tables."""
    client = client_of(server.url)
    tables, blobs = new_tables(client), MemoryBlobs()
    stores = [DynamoStore(client, tables, clock=SystemClock(), blobs=blobs) for _ in range(THREADS)]
    loops = [asyncio.new_event_loop() for _ in range(THREADS)]
    yield list(stores), [loop.run_until_complete for loop in loops]
    for store, loop in zip(stores, loops, strict=True):
        store.close()
        loop.close()


@pytest.fixture(params=["sqlite", "dynoxide"])
def contenders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[Store], list[Run]]]:
    """A store for each thread, and how the thread runs what it asks of it."""
    if request.param == "sqlite":
        with shared_sqlite(tmp_path) as each:
            yield each
    else:
        with stores_on(request.getfixturevalue("dynoxide")) as each:
            yield each


@pytest.mark.parametrize("contest", CONTESTS, ids=str)
def test_exactly_one_wins(contenders: tuple[list[Store], list[Run]], contest: Contest) -> None:
    """Of sixteen threads that write at the same moment one wins, and what is stored is the winner's."""
    stores, runs = contenders
    barrier = threading.Barrier(THREADS)

    def compete(round_: Round, number: int) -> Any:
        barrier.wait(timeout=60)
        return runs[number](contest.compete(stores[number], round_, number))

    with ThreadPoolExecutor(max_workers=THREADS) as threads:
        for number in range(ROUNDS):
            round_ = Round(number)
            runs[0](contest.prepare(stores[0], round_))
            answers = list(threads.map(compete, [round_] * THREADS, range(THREADS)))
            runs[0](contest.check(stores[0], round_, answers))
