"""A journal and just enough of a server to run attempts on it: it stores what they answer, and answers nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from holdfast import Endpoint, Service, VirtualObject, Workflow
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, decode, encode, encode_notification, is_command

RAW_ID = bytes(range(24))
ServiceKind = Literal["service", "object", "workflow"]
_TERMINATORS = (pb.End, pb.Suspension, pb.Error)


@dataclass
class FakeCheckpoint:
    """Keeps what is appended to it; refuses or fails after so many appends, or at the barrier, if told to."""

    appends: list[list[bytes]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    fenced_after: int | None = None
    error_after: int | None = None
    is_fenced_at_barrier: bool = False
    delay_s: float = 0.0
    under_way: int = 0
    handover_to: int | None = None

    async def append(self, frames: Sequence[bytes]) -> bool:
        assert self.under_way == 0, "appends must not overlap"
        self.under_way += 1
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.under_way -= 1
        if self.error_after is not None and len(self.appends) >= self.error_after:
            raise OSError("disk full")
        if self.fenced_after is not None and len(self.appends) >= self.fenced_after:
            return False
        self.appends.append(list(frames))
        self.log.append("append")
        return True

    async def barrier(self) -> bool:
        await asyncio.sleep(0)
        self.log.append("barrier")
        return not self.is_fenced_at_barrier

    def handover(self) -> int | None:
        return self.handover_to


@dataclass
class Attempted:
    """What one attempt answered."""

    messages: list[Message]
    frames: list[bytes]

    @property
    def terminator(self) -> Message:
        return self.messages[-1]

    @property
    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.messages]

    @property
    def error(self) -> pb.Error:
        assert isinstance(self.terminator, pb.Error), self.terminator
        return self.terminator

    @property
    def output(self) -> bytes | pb.Failure:
        output = self.messages[-2]
        assert isinstance(self.terminator, pb.End), self.terminator
        assert isinstance(output, pb.OutputCommand)
        return output.value.content if output.HasField("value") else output.failure


@dataclass
class Journal:
    """One invocation of a handler, as a server sees it."""

    fn: Callable[..., Awaitable[Any]]
    kind: ServiceKind = "service"
    handler_kind: str | None = None
    version: int = 7
    input: bytes = b""
    key: str = ""
    state: dict[str, bytes] = field(default_factory=dict)
    is_state_partial: bool = False
    start: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    handler_options: dict[str, Any] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.entries:
            self.entries = [encode(pb.InputCommand(value=pb.Value(content=self.input)))]
        self.endpoint = Endpoint([self._service()])

    async def attempt(self, checkpoint: FakeCheckpoint | None = None) -> Attempted:
        """Run one attempt and store what it did."""
        frames = await self.endpoint.run(self.request(), checkpoint)
        if checkpoint is not None:
            for appended in checkpoint.appends:
                self.entries += appended
            checkpoint.appends = []
        messages = [decode(raw) for raw in frames]
        assert [isinstance(message, _TERMINATORS) for message in messages] == [False] * (len(messages) - 1) + [True]
        self.store(frames)
        return Attempted(messages, frames)

    async def live(self) -> Attempted:
        """Run one attempt with checkpoints."""
        return await self.attempt(FakeCheckpoint())

    def request(self) -> AttemptRequest:
        """Return the request of the next attempt."""
        fields: dict[str, Any] = {"known_entries": len(self.entries), **self.start}
        start = pb.Start(
            id=RAW_ID,
            debug_id="inv_x",
            state_map=[pb.StateEntry(key=key.encode(), value=value) for key, value in self.state.items()],
            partial_state=self.is_state_partial or self.kind == "service",
            key=self.key,
            **fields,
        )
        return AttemptRequest(
            service="Tested",
            handler=self.fn.__name__,
            protocol_version=self.version,
            headers=self.headers,
            start=start,
            entries=list(self.entries),
        )

    def store(self, frames: Sequence[bytes]) -> None:
        """Store an answer as a server does: commands as they are, proposals as the notifications they propose."""
        for raw in frames:
            if is_command(frame_type(raw)):
                self.entries.append(raw)
            elif frame_type(raw) == MessageType.PROPOSE_RUN_COMPLETION:
                self.entries.append(_notification_of(cast("pb.ProposeRunCompletion", decode(raw))))

    def commands(self) -> list[Message]:
        """Return the stored commands, without the input."""
        return [decode(raw) for raw in self.entries[1:] if is_command(frame_type(raw))]

    def notify(self, message_type: MessageType, **fields: Any) -> None:
        """Add a notification."""
        self.entries.append(encode_notification(message_type, pb.Notification(**fields)))

    def value(self, completion_id: int, content: bytes, of: MessageType = MessageType.CALL_COMPLETION) -> None:
        """Complete a command with a value."""
        self.notify(of, completion_id=completion_id, value=pb.Value(content=content))

    def failure(self, completion_id: int, message: str, code: int = 500) -> None:
        """Complete a call with a failure."""
        failure = pb.Failure(code=code, message=message)
        self.notify(MessageType.CALL_COMPLETION, completion_id=completion_id, failure=failure)

    def sleep_over(self, completion_id: int) -> None:
        """Complete a sleep."""
        self.notify(MessageType.SLEEP_COMPLETION, completion_id=completion_id, void=pb.Void())

    def callee(self, completion_id: int, invocation_id: str) -> None:
        """Tell the id of a callee."""
        self.notify(MessageType.CALL_INVOCATION_ID_COMPLETION, completion_id=completion_id, invocation_id=invocation_id)

    def cancel(self) -> None:
        """Send the cancel signal."""
        self.notify(MessageType.SIGNAL, signal_id=1, void=pb.Void())

    def signal(self, signal: int | str, content: bytes) -> None:
        """Send a signal with a value."""
        to = {"signal_name": signal} if isinstance(signal, str) else {"signal_id": signal}
        self.notify(MessageType.SIGNAL, value=pb.Value(content=content), **to)

    def _service(self) -> Service | VirtualObject | Workflow:
        options: dict[str, Any] = dict(self.handler_options)
        if self.kind == "service":
            service = Service("Tested")
            service.handler(**options)(self.fn)
            return service
        if self.kind == "object":
            counter = VirtualObject("Tested")
            counter.handler(kind=cast("Any", self.handler_kind or "exclusive"), **options)(self.fn)
            return counter
        workflow = Workflow("Tested")
        (workflow.handler(**options) if self.handler_kind == "shared" else workflow.main(**options))(self.fn)
        return workflow


def _notification_of(proposal: pb.ProposeRunCompletion) -> bytes:
    notification = pb.Notification(completion_id=proposal.result_completion_id)
    if proposal.HasField("failure"):
        notification.failure.CopyFrom(proposal.failure)
    else:
        notification.value.content = proposal.value
    return encode_notification(MessageType.RUN_COMPLETION, notification)
