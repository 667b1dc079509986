"""The checkpoint of an attempt on Lambda: it appends to the journal by itself, or leaves entries to the answer.

What is appended is durable, and nobody acts on it before the attempt ends. So some entries are not appended but travel
in the answer, as those of other SDKs do, and with them all behind them; the attempt then ends before its next closure,
waiting for something that is in the journal by then, so that the next attempt follows at once:

* commands that others wait for: the dispatcher must see them to perform them;
* entries too large for a page: only the store can put them elsewhere;
* what could not be appended for trouble with DynamoDB.

The same way an attempt ends whose function runs out of time: before a closure that would need more than is left, as
far as the past tells. The first closure of an attempt is always started, so that there is no attempt without progress;
one that takes longer than the function may run cannot be helped from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from time import monotonic
from typing import Final

from holdfast._dynamo import Undecided
from holdfast._lambda_journal import JournalWriter
from holdfast._tail import EFFECTS
from holdfast_protocol.frames import HEADER_BYTES
from holdfast_protocol.grants import Reached
from holdfast_protocol.messages import MessageType, decode
from holdfast_protocol.schema_pb2 import CallCommand, Notification, OneWayCallCommand

_LOG = logging.getLogger("holdfast")

# From this size on the store keeps a frame outside of its page.
FRAME_BYTES_MAX: Final = 100_000
# An item may weigh 400 KB; what an open one weighs already is little, or one Input of less than a frame's limit.
_PORTION_BYTES_MAX: Final = 256_000

# An attempt shall not end so late that what follows the last checkpoint has no time left.
_SPARE_MS_MIN: Final = 5_000
# Of a function that may run for a few seconds only, that would be all.
_SPARE_SHARE: Final = 4
_APPEND_S_MAX: Final = 10.0
_APPEND_S_MIN: Final = 0.5

# The first byte of the type of every completion; a signal's is another.
_COMPLETION_BYTE: Final = 0x80
_CALLS: Final = tuple(message_type.to_bytes(2) for message_type in (MessageType.CALL, MessageType.ONE_WAY_CALL))


class LambdaCheckpoint:
    """What one attempt has made durable by itself, and what it leaves to its answer.

    `sent` are the entries that came with the request; those from `durable` on go in front of the first append.
    """

    def __init__(
        self,
        writer: JournalWriter,
        *,
        sent: Sequence[bytes],
        durable: int,
        taken: Sequence[str],
        thread: Executor,
        remaining_ms: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._sent = sent
        self._pending = tuple(sent[durable:])
        self._taken = tuple(taken)
        self._thread = thread
        self._remaining_ms = remaining_ms
        self._spare_ms = min(_SPARE_MS_MIN, remaining_ms() // _SPARE_SHARE)
        self.travelling: list[bytes] = []
        self._answered_id: int | None = None
        self._has_appended = False
        self._since_s = monotonic()
        self._slowest_append_s = 0.0
        self._slowest_step_s = 0.0

    async def append(self, frames: Sequence[bytes]) -> bool:
        """Append entries, or keep them for the answer; False when the attempt is fenced."""
        self._answered_id = _last_answered(frames) or self._answered_id
        if self.travelling or not self._is_storable(frames):
            self.travelling += frames
            return True
        began_s = monotonic()
        self._slowest_step_s = max(self._slowest_step_s, began_s - self._since_s)
        try:
            return await self._store(frames)
        finally:
            self._since_s = monotonic()
            self._has_appended = True
            self._slowest_append_s = max(self._slowest_append_s, self._since_s - began_s)

    @property
    def reached(self) -> Reached:
        """How far the attempt got by itself."""
        return self._writer.reached

    async def barrier(self) -> bool:
        """Return at once: whatever a dispatcher sends is durable."""
        return True

    def handover(self) -> int | None:
        """Return a completion that is known, to suspend on instead of starting a closure; None to go on."""
        if self.travelling or (self._has_appended and self._is_time_up()):
            return self._answered_id or _last_answered(self._sent)
        return None

    def _is_time_up(self) -> bool:
        needed_s = max(2 * self._slowest_append_s, self._slowest_step_s)
        return self._remaining_ms() < max(self._spare_ms, needed_s * 1000)

    def _is_storable(self, frames: Sequence[bytes]) -> bool:
        if any(frame[:2] in EFFECTS for frame in frames):
            return False
        if sum(map(len, self._pending)) > _PORTION_BYTES_MAX - FRAME_BYTES_MAX:
            return False
        return all(len(frame) < FRAME_BYTES_MAX for frame in (*self._pending, *frames))

    async def _store(self, frames: Sequence[bytes]) -> bool:
        begin = 0
        for end in _ends_of_portions(frames, sum(map(len, self._pending))):
            try:
                if not await self._write(frames[begin:end]):
                    return False
            except Undecided as error:
                _LOG.warning("A checkpoint failed; what it holds travels in the attempt's answer: %s", error)
                self.travelling += frames[begin:]
                return True
            begin = end
        return True

    async def _write(self, frames: Sequence[bytes]) -> bool:
        budget_s = max(_APPEND_S_MIN, min(_APPEND_S_MAX, (self._remaining_ms() - self._spare_ms / 2) / 1000))

        def append() -> bool:
            return self._writer.append([*self._pending, *frames], self._taken, budget_s=budget_s)

        if len(asyncio.all_tasks()) == 1:
            # Nobody else is kept waiting, and handing it to a thread would cost nearly as much again.
            is_durable = append()
        else:
            # Not one of the loop's own threads: all of those may be taken by steps that block.
            is_durable = await asyncio.get_running_loop().run_in_executor(self._thread, append)
        self._pending = self._taken = ()
        return is_durable


def _ends_of_portions(frames: Sequence[bytes], in_front_bytes: int) -> list[int]:
    """Return behind which frames to cut, so that each portion fits into one update."""
    ends: list[int] = []
    size = in_front_bytes
    for index, frame in enumerate(frames):
        if index > (ends[-1] if ends else 0) and size + len(frame) > _PORTION_BYTES_MAX:
            ends.append(index)
            size = 0
        size += len(frame)
    return [*ends, len(frames)]


def _last_answered(frames: Sequence[bytes]) -> int | None:
    """Return the id of the last completion among entries, or of one that a call gets as soon as anybody looks."""
    for frame in reversed(frames):
        if frame[0] == _COMPLETION_BYTE:
            return Notification.FromString(frame[HEADER_BYTES:]).completion_id
        if frame[:2] in _CALLS:
            call = decode(frame)
            assert isinstance(call, CallCommand | OneWayCallCommand)
            return call.invocation_id_notification_idx
    return None
