"""What the functions do with a queue beside sending wake-ups: visibility of messages in hand, and parking bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast_aws.errors import AWS_ERRORS, unavailable
from holdfast_engine.errors import Unavailable

# So many entries SQS takes in one request.
_BATCH_MAX = 10


class Queue:
    """One queue, by its URL."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    async def change(self, receipts: Sequence[str], *, seconds: int) -> None:
        """Make messages visible again after some seconds from now; one that is gone is skipped.

        Raises:
            Unavailable: SQS did not take the request.
        """
        for first in range(0, len(receipts), _BATCH_MAX):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, receipt in enumerate(receipts[first : first + _BATCH_MAX])
            ]
            # A message that fails alone is gone, or its receipt is old: somebody else has it.
            await self._ask("change_message_visibility_batch", "changing the visibility of messages", Entries=entries)

    async def park(self, body: str, *, attributes: Mapping[str, str]) -> None:
        """Put a message on the queue; it is durable when this returns.

        Raises:
            Unavailable: SQS did not take it.
        """
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        await self._ask("send_message", "parking a message", MessageBody=body, MessageAttributes=typed)

    async def _ask(self, operation: str, doing: str, **parameters: Any) -> None:
        try:
            await asyncio.to_thread(getattr(self._client, operation), QueueUrl=self._url, **parameters)
        except AWS_ERRORS as error:
            raise unavailable(error, doing, Unavailable) from error
