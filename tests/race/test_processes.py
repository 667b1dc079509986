"""Eight processes fight over every operation: exactly one wins each, whichever process it is in."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from holdfast_aws.models import TableNames
from holdfast_aws.store import DynamoStore
from holdfast_local.surroundings import SystemClock
from tests.race.contests import CONTESTS, Round
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide

PROCESSES = 8
ROUNDS = 6
# Starting eight interpreters on a busy machine takes a while.
_WAIT_S = 120

Report = tuple[int, int, int, Any]


def _rounds() -> list[tuple[int, Round]]:
    """Return which contest is fought in which round; no round's invocation or key is used twice."""
    return [(place, Round(place * ROUNDS + n)) for place in range(len(CONTESTS)) for n in range(ROUNDS)]


def contend(url: str, tables: TableNames, number: int, barrier: Barrier, reports: Queue[Report]) -> None:
    """Take part in every round, as one of the processes."""
    store = DynamoStore(client_of(url), tables, clock=SystemClock(), blobs=MemoryBlobs())

    async def fight() -> None:
        for place, round_ in _rounds():
            if number == 0:
                await CONTESTS[place].prepare(store, round_)
            barrier.wait(_WAIT_S)
            reports.put((place, round_.number, number, await CONTESTS[place].compete(store, round_, number)))

    asyncio.run(fight())
    store.close()


@pytest.mark.timeout(300)
def test_exactly_one_process_wins(dynoxide: Dynoxide) -> None:
    """Of eight processes that write at the same moment one wins, and what is stored is the winner's."""
    client = client_of(dynoxide.url)
    tables = new_tables(client)
    # A fresh interpreter each: no lock, thread or connection of this one can help them.
    context = multiprocessing.get_context("spawn")
    barrier, reports = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=contend, args=(dynoxide.url, tables, number, barrier, reports))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    answers: dict[tuple[int, int], dict[int, Any]] = {}
    for _ in range(PROCESSES * len(_rounds())):
        place, round_number, number, answer = reports.get(timeout=_WAIT_S)
        answers.setdefault((place, round_number), {})[number] = answer
    for process in processes:
        process.join(_WAIT_S)
        assert process.exitcode == 0
    store = DynamoStore(client, tables, clock=SystemClock(), blobs=MemoryBlobs())
    with asyncio.Runner() as runner:
        for place, round_ in _rounds():
            each = answers[place, round_.number]
            runner.run(CONTESTS[place].check(store, round_, [each[number] for number in range(PROCESSES)]))
    store.close()
