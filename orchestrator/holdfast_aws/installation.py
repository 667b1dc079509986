"""An installation as an operator's machine sees it: found by its CloudFormation stack, used through the same ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast_aws.clients import Clients, make_clients
from holdfast_aws.dynamo import Dynamo
from holdfast_aws.errors import AWS_ERRORS
from holdfast_aws.models import TableNames
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_aws.stack import Stack, variables_of
from holdfast_aws.store import DynamoStore
from holdfast_aws.timers import Timers
from holdfast_aws.wakeup_queue import WakeupQueue
from holdfast_aws.wakeups import SqsWakeups
from holdfast_engine.ports import Clock
from holdfast_engine.upkeep import wake_all


class NoInstallation(Exception):
    """There is none to be found; the message says where it was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What an installation consists of, by name."""

    tables: TableNames
    blobs_bucket: str
    wakeups_queue_url: str


def find_installation(stack: str, session: Any) -> Installation:
    """Return the installation in a stack, as its dispatcher was told of it.

    Raises:
        NoInstallation: The stack is not there, may not be looked at, or holds no dispatcher.
    """
    try:
        dispatcher = Stack(stack, session).functions.get("dispatcher")
    except AWS_ERRORS as error:
        raise NoInstallation(f"The stack {stack!r} could not be looked at: {error}") from error
    if dispatcher is not None:
        return _told(variables_of(dispatcher))
    raise NoInstallation(f"The stack {stack!r} has no Holdfast in it: none of its functions is a dispatcher.")


class _Counting(SqsWakeups):
    """Wake-ups that are counted, for somebody who waits."""

    def __init__(self, queue: WakeupQueue, timers: Timers, *, clock: Clock, tell: Callable[[int], None]) -> None:
        # Nothing that is sent here is a watchdog: whoever sends those has an end.
        super().__init__(queue, timers, clock=clock, ends_ms=clock.now_ms)
        self._count = 0
        self._tell = tell

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        """Have an invocation advanced."""
        await super().wake(invocation_id, not_before_ms=not_before_ms)
        self._count += 1
        self._tell(self._count)


def recovered(installation: Installation, *, clock: Clock, tell: Callable[[int], None]) -> int:
    """Make every wake-up and timer of an installation anew from its tables; return how many invocations were woken.

    Args:
        installation: What to recover.
        clock: The time.
        tell: Called after each, with how many have been woken so far.

    Raises:
        Unavailable: AWS did not do it to the end; what was done does no harm, and all can be done again.
    """
    return asyncio.run(_recovered(installation, make_clients(), clock, tell))


async def _recovered(installation: Installation, clients: Clients, clock: Clock, tell: Callable[[int], None]) -> int:
    blobs = S3Blobs(clients.s3, installation.blobs_bucket)
    store = DynamoStore(clients.dynamodb, installation.tables, clock=clock, blobs=blobs)
    timers = Timers(Dynamo(clients.dynamodb, meter=store.meter), installation.tables.timers)
    queue = WakeupQueue(clients.sqs, installation.wakeups_queue_url)
    wakeups = _Counting(queue, timers, clock=clock, tell=tell)
    try:
        return await wake_all(store, wakeups)
    finally:
        queue.close()
        store.close()


def _told(variables: Mapping[str, str]) -> Installation:
    return Installation(
        tables=TableNames(
            journal=variables["HOLDFAST_JOURNAL_TABLE"],
            keys=variables["HOLDFAST_KEYS_TABLE"],
            timers=variables["HOLDFAST_TIMERS_TABLE"],
            registry=variables["HOLDFAST_REGISTRY_TABLE"],
        ),
        blobs_bucket=variables["HOLDFAST_BLOBS_BUCKET"],
        wakeups_queue_url=variables["HOLDFAST_WAKEUPS_QUEUE_URL"],
    )
