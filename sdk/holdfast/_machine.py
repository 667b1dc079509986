"""The replay machine: journal in, messages out.

An attempt runs a handler from its first line, over a journal that says what earlier attempts did. The machine is the
part of the SDK that makes this safe. It does no I/O, reads no clock and knows no asyncio: the driver feeds it and asks
it, and a test can do the same with plain bytes.

What goes in is the journal: a list of raw frames. Commands are what the handler caused, notifications are what the
world caused. The machine splits them at once, because they are read in two different ways.

**Commands are compared.** Handler code issues commands one after the other. As long as the journal has one at that
place, the new command must equal it, and is then forgotten: that is replay. Where they differ, the code is no longer
the code that wrote the journal, and the attempt ends with a `JournalMismatch` that shows both. Behind the last recorded
command everything is new, and goes to the tail. Bytes are compared first; only where they differ are the two decoded
and compared by field, since another SDK may have written the same command with other bytes. What the clock says and
what the key's state is now may differ between attempts, so wake-up times and the results of state reads are taken over
from the recorded command before it is compared (`_commands`).

**Notifications are waited for.** They answer commands by completion id, or are signals. The order in which they entered
the journal decides every race: an await looks at them one by one, in journal order, until it is settled, and leaves the
later ones unseen (`_arrivals`). So "which of the two came first" has the same answer in every replay, and "has it come
yet" as well, because what counts as come is what some await has looked at.

An await that no notification settles asks, in this order: has the invocation been cancelled? Is there a step in the
awaited set whose closure has not been started? One that is executing? If none of this, the attempt can go no further
and suspends, saying what it waits for (`_await`).

**Ids are counted.** A command that will be answered takes the next completion id, from 1; awakeables take signal ids
from 17. Both counters advance in the same way in every replay, which is why nothing needs to be stored about them.

**Two modes.** In the classic mode the result of a step is proposed to the server and is unknown until it is in the
journal of a later attempt: an attempt ends after every set of steps it awaits. That is what all SDKs do when the
request has been read to its end. In the live mode the driver can make results durable while the attempt goes on, so the
machine queues the result of a step as a notification of its own, behind all others, and the handler goes on with it.
Nothing else differs: the journal that results is an ordinary one, and the next attempt may run in either mode.

**Cancellation** is signal 1. An await that would otherwise look further notices it in its turn, so results that came
before it still win. First every call made so far gets the signal in its turn: that takes the ids of the callees, and
where one is not known yet the attempt suspends for that id alone. Only then is the error raised at the await.

**The end is final.** An attempt ends by exactly one terminator: End, Suspension or Error. Once it is chosen, the
machine accepts nothing more and raises the same `AttemptEnded` at whatever it is asked, so handler code that swallows
the exception cannot change the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256

from holdfast._arrivals import Arrivals
from holdfast._await import CANCEL, Await, NotificationId
from holdfast._describe import differences, entry_name, title
from holdfast._mismatch import added_await, other_command
from holdfast._suspension import suspension
from holdfast._tail import Tail
from holdfast.errors import AttemptEnded, AttemptFailed, JournalMismatch, Suspended
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import frame_type
from holdfast_protocol.ids import CANCEL_SIGNAL_ID, FIRST_AWAKEABLE_SIGNAL_ID
from holdfast_protocol.messages import Message, MessageType, decode, encode
from holdfast_protocol.schema_pb2 import (
    End,
    Error,
    Failure,
    InputCommand,
    Notification,
    OutputCommand,
    RunCommand,
    SendSignalCommand,
    Value,
    Void,
)

VERSION_WITH_FAILURE_METADATA = 6
VERSION_WITH_RANDOM_SEED = 6
VERSION_WITH_TREES = 7

CODE_INTERNAL = 500
CODE_JOURNAL_MISMATCH = 570
CODE_PROTOCOL_VIOLATION = 571
CODE_UNSUPPORTED_FEATURE = 573

# The first byte of a frame is the high byte of its type: 0x04 to 0x07 are commands, 0x80 to 0xFB notifications.
_COMMAND_BYTES = range(0x04, 0x08)
_NOTIFICATION_BYTES = range(0x80, 0xFC)


class Progress(Enum):
    """What an await can do next."""

    SETTLED = auto()
    CANCELLED = auto()
    STEPS_TO_START = auto()
    STEPS_EXECUTING = auto()
    STUCK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """A step threw, and its retries are not used up: the attempt ends if the step is awaited."""

    code: int
    message: str
    stacktrace: str
    retry_after_ms: int | None


class Machine:
    """One attempt of one invocation, as far as it is determined by its journal and its code."""

    __slots__ = (
        "_blocked_on",
        "_commands",
        "_failed_steps",
        "_index",
        "_is_cancelling",
        "_next_completion_id",
        "_next_signal_id",
        "_steps",
        "_terminator",
        "_waiting_steps",
        "_wants_cancel",
        "arrivals",
        "children",
        "ended",
        "executing_steps",
        "has_new_commands",
        "is_live",
        "request",
        "sleeps",
        "start",
        "tail",
        "version",
        "will_be_resumed",
    )

    def __init__(self, request: AttemptRequest, *, is_live: bool) -> None:
        """Take in the journal.

        Raises:
            DecodeError: it is not one.
        """
        self.request = request
        self.start = request.start
        self.version = request.protocol_version
        self.is_live = is_live
        self._commands, notifications = _split(request)
        self.arrivals = Arrivals(notifications)
        self.tail = Tail()
        # Command 0 is the input, which the server wrote.
        self._index = 0
        self.has_new_commands = False
        self._next_completion_id = 1
        self._next_signal_id = FIRST_AWAKEABLE_SIGNAL_ID
        self._steps: dict[int, tuple[int, str]] = {}
        self._waiting_steps: set[int] = set()
        self.executing_steps: set[int] = set()
        self._failed_steps: dict[int, StepFailure] = {}
        self.sleeps: dict[int, int] = {}
        self.children: list[int] = []
        self._is_cancelling = False
        self._blocked_on = Await(())
        self._wants_cancel = True
        self.ended: AttemptEnded | None = None
        self.will_be_resumed = False
        self._terminator = b""

    @property
    def is_replaying(self) -> bool:
        """Whether the journal has commands that the code has not repeated yet."""
        return self._index + 1 < len(self._commands)

    def input(self) -> InputCommand:
        """Return what the invocation was called with."""
        command = decode(self._commands[0])
        assert isinstance(command, InputCommand)
        return command

    def random_seed(self) -> int:
        """Return the seed that every attempt of the invocation shares."""
        if self.version >= VERSION_WITH_RANDOM_SEED:
            return self.start.random_seed
        return int.from_bytes(sha256(self.start.id).digest()[:8])

    def check(self) -> None:
        """Raise what ended the attempt, if something did."""
        if self.ended is not None:
            raise self.ended.with_traceback(None)

    def new_completion_id(self) -> int:
        """Return the id of the next answer."""
        completion_id = self._next_completion_id
        self._next_completion_id = completion_id + 1
        return completion_id

    def new_signal_id(self) -> int:
        """Return the index of the next awakeable."""
        signal_id = self._next_signal_id
        self._next_signal_id = signal_id + 1
        return signal_id

    def recorded_next(self) -> bytes | None:
        """Return the recorded command that the next one must equal, or None behind the last."""
        index = self._index + 1
        return self._commands[index] if index < len(self._commands) else None

    def issue(self, command: Message) -> None:
        """Take the handler's next command: compare it with the journal, or add it.

        Raises:
            AttemptEnded: the attempt is over, or the journal recorded something else here.
        """
        if self.ended is not None:
            self.check()
        raw = encode(command)
        index = self._index + 1
        if index < len(self._commands):
            if self._commands[index] != raw:
                self._compare(index, raw, command)
        else:
            self.tail.add_command(raw)
            self.has_new_commands = True
        self._index = index

    def issue_run(self, name: str) -> int:
        """Issue a step, whose closure waits to be started until somebody awaits it."""
        completion_id = self.new_completion_id()
        self.issue(RunCommand(result_completion_id=completion_id, name=name))
        self._steps[completion_id] = (self._index, name)
        self._waiting_steps.add(completion_id)
        return completion_id

    def seek(self, notification_id: NotificationId) -> bool:
        """Look at notifications until this one; return False if it is not there or a cancellation comes first.

        The short cut of `progress` for replay, where nearly every await waits for one thing that is there.
        """
        if self.ended is not None:
            self.check()
        see_next = self.arrivals.see_next
        try:
            if CANCEL not in self.arrivals.seen:
                while (seen := see_next()) is not None:
                    if seen == notification_id:
                        return True
                    if seen == CANCEL:
                        break
        except DecodeError as error:
            raise self.violated(str(error)) from error
        return False

    def take(self, notification_id: NotificationId) -> Notification:
        """Return a notification that was seen."""
        try:
            return self.arrivals.take(notification_id)
        except DecodeError as error:
            raise self.violated(str(error)) from error

    def progress(self, want: Await) -> Progress:
        """Go as far as the notifications allow towards what is awaited; say what to do next.

        Raises:
            AttemptEnded: the attempt is over: earlier, or because a step that is awaited has failed.
        """
        self.check()
        try:
            if self._is_cancelling:
                return self._cancel_children()
            if want.settle_all(self.arrivals.seen):
                return Progress.SETTLED
            return self._look(want)
        except DecodeError as error:
            raise self.violated(str(error)) from error

    def steps_to_start(self, want: Await) -> list[int]:
        """Return the awaited steps whose closures must be started, and count them as executing."""
        starting = sorted(leaf for leaf in want.leaves() if isinstance(leaf, int) and leaf in self._waiting_steps)
        self._waiting_steps.difference_update(starting)
        self.executing_steps.update(starting)
        return starting

    def finish_step(self, completion_id: int, outcome: bytes | Failure | StepFailure) -> None:
        """Take what the closure of a step came to: a value, a final failure, or one that is to be retried."""
        self.executing_steps.discard(completion_id)
        if isinstance(outcome, StepFailure):
            self._failed_steps[completion_id] = outcome
        elif isinstance(outcome, bytes):
            self._add_result(Notification(completion_id=completion_id, value=Value(content=outcome)))
        else:
            self._add_result(Notification(completion_id=completion_id, failure=outcome))

    def earlier_tries(self) -> tuple[int, int]:
        """Return how often the step that comes next was tried before this attempt, and for how many milliseconds.

        The server counts since the last command it stored, so its counts say nothing about a step issued after that.
        """
        tries = 0 if self.has_new_commands else self.start.retry_count_since_last_stored_entry
        return tries, self.start.duration_since_last_stored_entry if tries else 0

    def due_at_ms(self, want: Await) -> int | None:
        """Return when the first sleep in the awaited set is over, if it has one."""
        seen, sleeps = self.arrivals.seen, self.sleeps
        dues = [sleeps[id_] for id_ in want.leaves() if isinstance(id_, int) and id_ in sleeps and id_ not in seen]
        return min(dues, default=None)

    def end_sleeps(self, want: Await, now_ms: int) -> None:
        """Record the end of every awaited sleep that is over, the first one first."""
        assert self.is_live
        seen, sleeps = self.arrivals.seen, self.sleeps
        over = [(sleeps[id_], id_) for id_ in want.leaves() if isinstance(id_, int) and id_ in sleeps]
        for due_at_ms, completion_id in sorted(over):
            if due_at_ms <= now_ms and completion_id not in seen:
                del sleeps[completion_id]
                self._add_result(Notification(completion_id=completion_id, void=Void()))

    def finish(self, output: bytes | Failure) -> None:
        """End the invocation with the handler's result."""
        if isinstance(output, bytes):
            self.issue(OutputCommand(value=Value(content=output)))
        else:
            self.issue(OutputCommand(failure=output))
        self._end(End(), AttemptFailed("The handler has returned: its context can do nothing more."))

    def suspend(self) -> AttemptEnded:
        """End the attempt to wait for what the last `progress` was stuck at."""
        terminator = suspension(self._blocked_on, version=self.version, with_cancel=self._wants_cancel)
        return self._end(terminator, Suspended(), will_be_resumed=True)

    def fail(self, error: Error) -> AttemptEnded:
        """End the attempt with an error, so that the server tries again by its policy."""
        return self._end(error, AttemptFailed(error.message), will_be_resumed=True)

    def stop(self, reason: AttemptEnded) -> AttemptEnded:
        """End the attempt at once, because what it does does not count any more; nobody reads the answer."""
        return self._end(Error(code=CODE_INTERNAL, message=str(reason)), reason)

    def violated(self, what: str) -> AttemptEnded:
        """End the attempt because the journal breaks the protocol."""
        message = f"Protocol violation in {self.where(self._index)}: {what}."
        return self.fail(Error(code=CODE_PROTOCOL_VIOLATION, message=message))

    def take_frames(self) -> list[bytes]:
        """Return the answer of the ended attempt."""
        assert self._terminator, "the attempt has not ended"
        frames = self.tail.take_in_wire_form(with_acks=self.version >= VERSION_WITH_TREES)
        return [*frames, self._terminator]

    def where(self, index: int) -> str:
        """Return a command's place as error messages name it."""
        request = self.request
        entry = _entry_of_command(request.entries, index)
        return f"entry {entry} (command {index}) of {self.start.debug_id} ({request.service}/{request.handler})"

    def _look(self, want: Await) -> Progress:
        arrivals = self.arrivals
        while CANCEL not in arrivals.seen:
            seen = arrivals.see_next()
            if seen is None:
                return self._block_on(want, with_cancel=True)
            if want.settle(seen):
                return Progress.SETTLED
        arrivals.take(CANCEL)
        self._is_cancelling = True
        return self._cancel_children()

    def _cancel_children(self) -> Progress:
        """Send the signal on to every call made so far, once the ids of all callees are known."""
        arrivals = self.arrivals
        for child in self.children:
            while child not in arrivals.seen:
                if arrivals.see_next() is None:
                    return self._block_on(Await.leaf(child), with_cancel=False)
        children, self.children = self.children, []
        self._is_cancelling = False
        for child in children:
            target = arrivals.take(child).invocation_id
            self.issue(SendSignalCommand(target_invocation_id=target, idx=CANCEL_SIGNAL_ID, void=Void()))
        return Progress.CANCELLED

    def _block_on(self, want: Await, *, with_cancel: bool) -> Progress:
        """Return how an await goes on that no notification settles."""
        if self.is_replaying:
            raise self._added_await(want)
        leaves = set(want.leaves())
        failed = leaves & self._failed_steps.keys()
        if failed and not (self.is_live and self.executing_steps):
            raise self._fail_step(min(leaf for leaf in failed if isinstance(leaf, int)))
        if failed or leaves & self.executing_steps:
            starting = not failed and leaves & self._waiting_steps
            return Progress.STEPS_TO_START if starting else Progress.STEPS_EXECUTING
        if leaves & self._waiting_steps:
            return Progress.STEPS_TO_START
        self._blocked_on, self._wants_cancel = want, with_cancel
        return Progress.STUCK

    def _add_result(self, notification: Notification) -> None:
        self.tail.add_result(notification)
        if self.is_live:
            self.arrivals.append(notification)

    def _fail_step(self, completion_id: int) -> AttemptEnded:
        failure = self._failed_steps[completion_id]
        index, name = self._steps[completion_id]
        return self.fail(
            Error(
                code=failure.code,
                message=failure.message,
                stacktrace=failure.stacktrace,
                related_command_index=index,
                related_command_name=name,
                related_command_type=MessageType.RUN,
                next_retry_delay=failure.retry_after_ms,
            )
        )

    def _compare(self, index: int, raw: bytes, asked: Message) -> None:
        """Compare a command with the recorded one by its fields."""
        recorded_raw, asked_type = self._commands[index], frame_type(raw)
        recorded_type = frame_type(recorded_raw)
        try:
            recorded = decode(recorded_raw)
        except DecodeError as error:
            raise self.violated(str(error)) from error
        found = differences(recorded, asked) if recorded_type == asked_type else []
        if recorded_type == asked_type and not found:
            return
        text = other_command(self.where(index), title(recorded_type, recorded), title(asked_type, asked), found)
        raise self._mismatch(text, index, entry_name(asked), asked_type)

    def _added_await(self, want: Await) -> AttemptEnded:
        index = self._index + 1
        raw = self._commands[index]
        awaited = [self._awaited(leaf) for leaf in sorted(want.leaves(), key=str)]
        text = added_await(self.where(index), title(frame_type(raw), decode(raw)), awaited)
        steps = sorted(leaf for leaf in want.leaves() if isinstance(leaf, int) and leaf in self._steps)
        if steps:
            return self._mismatch(text, *self._steps[steps[0]], MessageType.RUN)
        return self._mismatch(text, index, "", frame_type(raw))

    def _awaited(self, leaf: NotificationId) -> str:
        if isinstance(leaf, str):
            return f"signal {leaf!r}"
        if leaf < 0:
            return f"signal {-leaf}"
        return f"run {self._steps[leaf][1]!r}" if leaf in self._steps else f"completion {leaf}"

    def _mismatch(self, text: str, index: int, name: str, message_type: int) -> AttemptEnded:
        error = Error(
            code=CODE_JOURNAL_MISMATCH,
            message=text,
            related_command_index=index,
            related_command_type=message_type,
        )
        if name:
            error.related_command_name = name
        return self._end(error, JournalMismatch(text))

    def _end(self, terminator: Message, error: AttemptEnded, *, will_be_resumed: bool = False) -> AttemptEnded:
        """Fix the attempt's answer, unless it is fixed already, and return what to raise."""
        if self.ended is None:
            self.ended = error
            self.will_be_resumed = will_be_resumed
            self._terminator = encode(terminator)
        return self.ended


def _split(request: AttemptRequest) -> tuple[list[bytes], list[bytes]]:
    """Return the commands and the notifications of a journal, each in order."""
    commands, notifications = [], []
    for raw in request.entries:
        if raw[0] in _COMMAND_BYTES:
            commands.append(raw)
        elif raw[0] in _NOTIFICATION_BYTES:
            notifications.append(raw)
        else:
            raise DecodeError(f"a frame of type 0x{frame_type(raw):04X} is no journal entry")
    if request.start.known_entries > len(request.entries):
        raise DecodeError(f"the journal has {len(request.entries)} entries of {request.start.known_entries} announced")
    if not commands or frame_type(commands[0]) != MessageType.INPUT or commands[0] is not request.entries[0]:
        raise DecodeError("the journal does not begin with the input command")
    return commands, notifications


def _entry_of_command(entries: Sequence[bytes], index: int) -> int:
    """Return where in the journal a command is, counting notifications; behind the end for a new command."""
    at = [entry for entry, raw in enumerate(entries) if raw[0] in _COMMAND_BYTES]
    return at[index] if index < len(at) else len(entries) + index - len(at)
