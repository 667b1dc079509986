"""The dispatcher: every wake-up brings the invocation it names as far as it goes, and says when it has to come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

from holdfast_aws.runtime.batches import handle_batch
from holdfast_aws.runtime.visibility import Heartbeat, Visibilities
from holdfast_aws.wakeups import Announced, Message, read_message
from holdfast_engine.errors import Unavailable
from holdfast_engine.records import KeyRef

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from holdfast_aws.runtime.process import Process

_LOG = logging.getLogger("holdfast.aws")

# A message that was put back more often than this goes on as a fresh one. Each receive counts towards the dead-letter
# queue, which is meant for messages that fail, not for those that watch over long work.
PUT_BACKS_MAX = 10
_UNAVAILABLE_MAX_S = 60


class PutBack(Exception):
    """The message is not done with; its visibility says when it comes back."""


class Dispatcher:
    """Handles batches of wake-ups, all messages of a batch at once on one event loop."""

    def __init__(self, process: Process, *, queue: Visibilities) -> None:
        self._process = process
        self._queue = queue
        self._count = process.telemetry.count

    async def handle(self, event: Mapping[str, Any], _: object) -> dict[str, Any]:
        """Handle a batch; return which messages are not done with."""
        receipts = [record["receiptHandle"] for record in event["Records"]]
        # Of an event that failed as a whole.
        self._process.world.in_hand.clear()
        async with Heartbeat(self._queue, receipts, seconds=self._process.settings.visibility_s) as heartbeat:

            async def one(record: SQSRecord) -> None:
                await self._one(record, heartbeat)

            answer = await handle_batch(event, one)
            # Children may be under way; their messages are watchdogs that come after this process's end.
            await self._process.settle()
            cut_off = [record for record in event["Records"] if not self._may_go(record["body"])]
            for record in cut_off:
                # At once, and not when its visibility is over.
                await heartbeat.put_back(record["receiptHandle"], seconds=0)
        self._process.world.in_hand.clear()
        failures = [*answer["batchItemFailures"], *({"itemIdentifier": each["messageId"]} for each in cut_off)]
        return {"batchItemFailures": failures}

    def _may_go(self, body: str) -> bool:
        """Return whether a message may be acknowledged: not if an invocation taken up by it has not come to rest."""
        invocation_id = _named(body)
        return invocation_id is None or self._process.world.in_hand.let_go(invocation_id)

    async def _one(self, record: SQSRecord, heartbeat: Heartbeat) -> None:
        message = read_message(record.body)
        try:
            async with asyncio.timeout(self._process.left_s):
                again_ms = await self._advance(message)
        except TimeoutError:
            self._count("WakeupsCutOff")
            _LOG.warning("the time for %s was over; it comes back", message)
            raise
        except Unavailable as error:
            _LOG.warning("%s could not be handled and comes back: %s", message, error)
            again_ms = self._process.now_ms() + 1000 * _pause_s(_receives(record))
        except Exception:
            # It comes back when its visibility ends, and goes to the dead-letter queue when that happens too often.
            self._count("WakeupsFailed")
            _LOG.exception("handling the wake-up of %s failed", message)
            raise
        if again_ms is not None:
            await self._again(record, message, again_ms, heartbeat)
        elif (invocation_id := _named(record.body)) is not None:
            self._process.world.in_hand.put(invocation_id)

    async def _advance(self, message: Message) -> int | None:
        if isinstance(message, KeyRef):
            await self._process.engine.check_key(message)
            return None
        if isinstance(message, Announced):
            return await self._process.engine.advance(message.invocation_id, expected_until_ms=message.until_ms)
        return await self._process.engine.advance(message)

    async def _again(self, record: SQSRecord, message: Message, again_ms: int, heartbeat: Heartbeat) -> None:
        if _receives(record) > PUT_BACKS_MAX:
            await self._renew(message, again_ms)
            return
        seconds = ceil((again_ms - self._process.now_ms()) / 1000)
        await heartbeat.put_back(record.receipt_handle, seconds=seconds)
        self._count("WakeupsPutBack")
        raise PutBack(record.message_id)

    async def _renew(self, message: Message, again_ms: int) -> None:
        wakeups = self._process.world.wakeups
        if isinstance(message, KeyRef):
            await wakeups.check_key(message, not_before_ms=again_ms)
        elif isinstance(message, Announced):
            # Whether or not there is one by now: from then on nobody will create it any more.
            await wakeups.wake(message.invocation_id, not_before_ms=max(again_ms, message.until_ms))
        else:
            await wakeups.wake(message, not_before_ms=again_ms)


def _named(body: str) -> str | None:
    """Return the invocation that a message names; None when it names a key, or nothing that can be read."""
    try:
        message = read_message(body)
    except ValueError:
        return None
    if isinstance(message, Announced):
        return message.invocation_id
    return message if isinstance(message, str) else None


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _pause_s(receives: int) -> int:
    return min(1 << min(receives, 10), _UNAVAILABLE_MAX_S)
