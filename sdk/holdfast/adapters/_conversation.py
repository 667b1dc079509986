"""A conversation with a protocol state machine: this side is the server at the other end of an open stream.

On Lambda the request has been read to its end before the handler begins, so state machines suspend after every awaited
step: nobody is left to tell them that its result is stored. Here somebody is. The application is given its request as
the beginning of a stream that stays open; what it says comes here frame by frame. When it proposes a step's result, the
commands and results up to there are appended to the journal and the proposal is acknowledged, and the application goes
on. When it waits for something that cannot come while the attempt lasts, the stream is ended, and it suspends as it
would have in the first place. Ending the stream is never wrong, it only costs another attempt.

When does it wait for that? From version 7 on state machines say what they await, but this one keeps the message until
it is spoken to again. So when nothing has been heard for a moment, it gets an empty piece of stream. If it is executing
steps, it does not answer; if it waits, it says for what, and if that is not among what it was told, it would wait for
ever. Before version 7 nobody says anything: then silence for a while is taken for waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, cast

from holdfast_protocol.attempt import Checkpoint
from holdfast_protocol.frames import HEADER_BYTES, FrameReader, frame_type
from holdfast_protocol.messages import MessageType, decode, encode, encode_notification, is_completion
from holdfast_protocol.schema_pb2 import (
    AwaitingOn,
    Error,
    Future,
    Notification,
    ProposeRunCompletion,
    ProposeRunCompletionAck,
    RunCommand,
    Value,
)

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_VERSION_WITH_ACKS: Final = 7
_TERMINATORS: Final = frozenset({MessageType.SUSPENSION, MessageType.ERROR, MessageType.END})

# How long nothing must have been heard before the application is spoken to; twice as long each time, up to the second.
_SILENCE_S_MIN: Final = 0.005
_SILENCE_S_MAX: Final = 0.25
# Before version 7: how much silence means waiting, without and with steps that may be executing. A step that takes
# longer is the last one of its attempt.
_PATIENCE_S: Final = 0.02
_PATIENCE_WITH_STEPS_S: Final = 1.0

_CODE_SUPERSEDED: Final = 500
_STATUS_OK: Final = 200


class Conversation:
    """One attempt of an application, whose steps are checkpointed while it goes on."""

    def __init__(
        self,
        app: AsgiApp,
        scope: Mapping[str, Any],
        *,
        version: int,
        body: bytes,
        entries: Sequence[bytes],
        checkpoint: Checkpoint,
    ) -> None:
        self._app = app
        self._scope = scope
        self._version = version
        self._checkpoint = checkpoint
        self._reader = FrameReader()
        self._pieces: asyncio.Queue[Message] = asyncio.Queue()
        self._news = asyncio.Event()
        self._known = {_completion_id(entry) for entry in entries if is_completion(frame_type(entry))}
        self._tail: list[bytes] = []
        self._proposed: list[ProposeRunCompletion] = []
        self._open_runs: set[int] = set()
        self._awaited: AwaitingOn | None = None
        self._silence_s = 0.0
        self._is_ended = False
        self.status = 500
        self._say(body)

    async def run(self) -> list[bytes]:
        """Run the attempt; return the frames of its answer that were not checkpointed."""
        app = asyncio.ensure_future(self._app(self._scope, self._pieces.get, self._heard))
        app.add_done_callback(lambda _: self._news.set())
        try:
            while not app.done() and not self._is_ended:
                if self._proposed:
                    if not await self._store():
                        return [encode(Error(code=_CODE_SUPERSEDED, message="A newer attempt has taken over."))]
                elif self._waits_in_vain():
                    self._end_stream()
                else:
                    await self._listen()
            await app
        finally:
            if not app.done():
                # Cut off it would still wait for the end of the stream.
                self._pieces.put_nowait({"type": "http.disconnect"})
                app.cancel()
                await asyncio.gather(app, return_exceptions=True)
        self._reader.close()
        return self._tail

    async def _heard(self, message: Message) -> None:
        """Take what the application sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status != _STATUS_OK:
                # A refusal waits for the request to end.
                self._end_stream()
        elif message["type"] == "http.response.body":
            for frame in self._reader.feed(bytes(message.get("body", b""))):
                self._take(frame)
        self._news.set()

    def _take(self, frame: bytes) -> None:
        kind = frame_type(frame)
        self._awaited = None
        if kind == MessageType.AWAITING_ON:
            self._awaited = cast("AwaitingOn", decode(frame))
            return
        self._silence_s = 0.0
        self._tail.append(frame)
        if kind == MessageType.RUN:
            self._open_runs.add(cast("RunCommand", decode(frame)).result_completion_id)
        elif kind == MessageType.PROPOSE_RUN_COMPLETION:
            proposal = cast("ProposeRunCompletion", decode(frame))
            self._open_runs.discard(proposal.result_completion_id)
            self._proposed.append(proposal)
        elif kind in _TERMINATORS:
            self._end_stream()

    async def _store(self) -> bool:
        """Append what the application has done, and tell it so; False when the attempt is fenced."""
        frames, self._tail = self._tail, []
        proposed, self._proposed = self._proposed, []
        if not await self._checkpoint.append([_journal_form(frame) for frame in frames]):
            return False
        if self._checkpoint.handover() is not None:
            # The results are in the journal by the next attempt. In this one they are not told, so it ends with them.
            self._end_stream()
            return True
        self._known.update(proposal.result_completion_id for proposal in proposed)
        self._say(b"".join([self._told(proposal) for proposal in proposed]))
        return True

    def _told(self, proposal: ProposeRunCompletion) -> bytes:
        """Return what tells the application that the result of a step is stored."""
        if self._version >= _VERSION_WITH_ACKS:
            return encode(ProposeRunCompletionAck(completion_id=proposal.result_completion_id))
        return _completion(proposal)

    def _waits_in_vain(self) -> bool:
        """Return whether the application waits for something that this attempt will not see."""
        if self._version < _VERSION_WITH_ACKS:
            return self._silence_s >= (_PATIENCE_WITH_STEPS_S if self._open_runs else _PATIENCE_S)
        awaited = self._awaited
        if awaited is None or awaited.executing_side_effects:
            return False
        # What it has been told by now may be what this message, which is older, asks for.
        return not _is_settled(awaited.awaiting_on, self._known)

    async def _listen(self) -> None:
        """Wait for news; after some silence speak to the application, so that it says what it waits for."""
        pause_s = min(max(_SILENCE_S_MIN, self._silence_s), _SILENCE_S_MAX)
        self._news.clear()
        try:
            async with asyncio.timeout(pause_s):
                await self._news.wait()
        except TimeoutError:
            self._silence_s += pause_s
            self._say(b"")

    def _say(self, piece: bytes) -> None:
        self._pieces.put_nowait({"type": "http.request", "body": piece, "more_body": True})

    def _end_stream(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._pieces.put_nowait({"type": "http.request", "body": b"", "more_body": False})


def _is_settled(awaited: Future, known: set[int]) -> bool:
    """Return whether what is awaited has come, as far as completions go."""
    settled = [completion_id in known for completion_id in awaited.waiting_completions]
    settled += [_is_settled(nested, known) for nested in awaited.nested_futures]
    if awaited.combinator_type == Future.ALL_COMPLETED:
        return all(settled) and not awaited.waiting_signals and not awaited.waiting_named_signals
    return any(settled)


def _journal_form(frame: bytes) -> bytes:
    """Return a frame as the journal keeps it."""
    if frame_type(frame) != MessageType.PROPOSE_RUN_COMPLETION:
        return frame
    return _completion(cast("ProposeRunCompletion", decode(frame)))


def _completion(proposal: ProposeRunCompletion) -> bytes:
    notification = Notification(completion_id=proposal.result_completion_id)
    if proposal.WhichOneof("result") == "failure":
        notification.failure.CopyFrom(proposal.failure)
    else:
        notification.value.CopyFrom(Value(content=proposal.value))
    return encode_notification(MessageType.RUN_COMPLETION, notification)


def _completion_id(entry: bytes) -> int:
    return Notification.FromString(entry[HEADER_BYTES:]).completion_id
