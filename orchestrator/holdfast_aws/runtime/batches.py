"""Batches of SQS messages on a loop that runs already: each message is answered for by itself, through Powertools."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


class _OnThisLoop(AsyncBatchProcessor):
    """Powertools would run a loop of its own, where the engine's clients, tasks and waiters are not."""

    async def gather(self) -> None:
        await asyncio.gather(*(self._async_process_record(record) for record in self.records))


async def handle_batch(event: Mapping[str, Any], one: Callable[[SQSRecord], Awaitable[None]]) -> dict[str, Any]:
    """Handle all messages of an event at once; return which have to come again: those whose handling raised."""

    async def handle(record: SQSRecord) -> None:
        await one(record)

    # A batch in which everything is put back is no failure: raising would make Lambda slow its poller down.
    processor = _OnThisLoop(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    with processor(records=event["Records"], handler=handle):
        await processor.gather()
    return dict(processor.response())
