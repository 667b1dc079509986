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

**Cancellation** is signal 1. An await that would otherwise look further notices it in journal order, so results that
came before it still win. First the signal is sent on to every call made so far: that takes the ids of the callees, and
where one is not known yet the attempt suspends for that id alone. Only then is the error raised at the await.

**The end is final.** An attempt ends by exactly one terminator: End, Suspension or Error. Once it is chosen, the
machine accepts nothing more and raises the same `AttemptEnded` at whatever it is asked, so handler code that swallows
the exception cannot change the answer.
"""

from __future__ import annotations

from enum import Enum, auto
from hashlib import sha256
from typing import cast

from holdfast._arrivals import Arrivals
from holdfast._await import CANCEL, Await, NotificationId
from holdfast._ending import Ending
from holdfast._recording import Mismatch, Recording, split_journal
from holdfast._steps import StepFailure, Steps
from holdfast._suspension import suspension
from holdfast._tail import Tail
from holdfast.errors import AttemptEnded, AttemptFailed, JournalMismatch, Suspended
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.codes import FailureCode
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import CANCEL_SIGNAL_ID, FIRST_AWAKEABLE_SIGNAL_ID
from holdfast_protocol.messages import Message, encode
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


class Progress(Enum):
    """What an await can do next."""

    SETTLED = auto()
    CANCELLED = auto()
    STEPS_TO_START = auto()
    STEPS_EXECUTING = auto()
    STUCK = auto()


class Machine:
    """One attempt of one invocation, as far as it is determined by its journal and its code."""

    __slots__ = (
        "_blocked_on",
        "_is_cancelling",
        "_next_completion_id",
        "_next_signal_id",
        "_recording",
        "_wants_cancel",
        "arrivals",
        "children",
        "ending",
        "has_new_commands",
        "is_live",
        "request",
        "sleeps",
        "start",
        "steps",
        "tail",
        "version",
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
        commands, notifications = split_journal(request)
        self._recording = Recording(request, commands)
        self.arrivals = Arrivals(notifications)
        self.steps = Steps()
        self.tail = Tail()
        self.has_new_commands = False
        self._next_completion_id = 1
        self._next_signal_id = FIRST_AWAKEABLE_SIGNAL_ID
        self.sleeps: dict[int, int] = {}
        self.children: list[int] = []
        self._is_cancelling = False
        self._blocked_on = Await(())
        self._wants_cancel = True
        self.ending = Ending()

    @property
    def is_replaying(self) -> bool:
        """Whether the journal has commands that the code has not repeated yet."""
        return self._recording.is_replaying

    def input(self) -> InputCommand:
        """Return what the invocation was called with.

        Raises:
            DecodeError: the command is malformed.
        """
        return cast("InputCommand", self._recording.input())

    def random_seed(self) -> int:
        """Return the seed that every attempt of the invocation shares."""
        if self.version >= VERSION_WITH_RANDOM_SEED:
            return self.start.random_seed
        return int.from_bytes(sha256(self.start.id).digest()[:8])

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
        return self._recording.next()

    def issue(self, command: Message) -> None:
        """Take the handler's next command: compare it with the journal, or add it.

        Raises:
            AttemptEnded: the attempt is over, or the journal recorded something else here.
        """
        if self.ending.error is not None and not self.ending.accepts_commands():
            return
        raw = encode(command)
        recording = self._recording
        recorded = recording.next()
        if recorded is None:
            self.tail.add_command(raw)
            self.has_new_commands = True
        elif recorded != raw:
            try:
                mismatch = recording.mismatch(recorded, raw, command)
            except DecodeError as error:
                raise self._violated(str(error)) from error
            if mismatch is not None:
                raise self._mismatched(mismatch)
        recording.index += 1

    def issue_run(self, name: str) -> int:
        """Issue a step, whose closure waits to be started until somebody awaits it."""
        completion_id = self.new_completion_id()
        self.issue(RunCommand(result_completion_id=completion_id, name=name))
        self.steps.add(completion_id, command_index=self._recording.index, name=name)
        return completion_id

    def seek(self, notification_id: NotificationId) -> bool:
        """Look at notifications until this one; return False if it is not there or a cancellation comes first.

        The short cut of `progress` for replay, where nearly every await waits for one thing that is there.
        """
        if self.ending.error is not None:
            self.ending.check()
        see_next = self.arrivals.see_next
        try:
            if CANCEL not in self.arrivals.seen:
                while (seen := see_next()) is not None:
                    if seen == notification_id:
                        return True
                    if seen == CANCEL:
                        break
        except DecodeError as error:
            raise self._violated(str(error)) from error
        return False

    def take(self, notification_id: NotificationId) -> Notification:
        """Return a notification that was seen."""
        try:
            return self.arrivals.take(notification_id)
        except DecodeError as error:
            raise self._violated(str(error)) from error

    def progress(self, want: Await) -> Progress:
        """Go as far as the notifications allow towards what is awaited; say what to do next.

        Raises:
            AttemptEnded: the attempt is over: earlier, or because a step that is awaited has failed.
        """
        self.ending.check()
        try:
            if self._is_cancelling:
                return self._cancel_children()
            if want.settle_all(self.arrivals.seen):
                return Progress.SETTLED
            return self._look(want)
        except DecodeError as error:
            raise self._violated(str(error)) from error

    def finish_step(self, completion_id: int, outcome: bytes | Failure | StepFailure) -> None:
        """Take what the closure of a step came to: a value, a final failure, or one that is to be retried."""
        if isinstance(outcome, StepFailure):
            self.steps.finish(completion_id, outcome)
            return
        self.steps.finish(completion_id, None)
        if isinstance(outcome, bytes):
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
        return min((due_at_ms for due_at_ms, _ in self._awaited_sleeps(want)), default=None)

    def end_sleeps(self, want: Await, now_ms: int) -> None:
        """Record the end of every awaited sleep that is over, the first one first."""
        assert self.is_live, "without checkpoints only the server ends sleeps"
        for due_at_ms, completion_id in sorted(self._awaited_sleeps(want)):
            if due_at_ms <= now_ms:
                del self.sleeps[completion_id]
                self._add_result(Notification(completion_id=completion_id, void=Void()))

    def finish(self, output: bytes | Failure) -> None:
        """End the invocation with the handler's result."""
        if isinstance(output, bytes):
            self.issue(OutputCommand(value=Value(content=output)))
        else:
            self.issue(OutputCommand(failure=output))
        self.ending.choose(End(), AttemptFailed("The handler has returned: its context can do nothing more."))

    def suspend(self) -> AttemptEnded:
        """End the attempt to wait for what the last `progress` was stuck at."""
        terminator = suspension(self._blocked_on, version=self.version, with_cancel=self._wants_cancel)
        return self.ending.choose(terminator, Suspended(), will_be_resumed=True)

    def suspend_on(self, completion_id: int) -> AttemptEnded:
        """End the attempt to go on at once in another one: it waits for a completion that is known already."""
        terminator = suspension(Await.leaf(completion_id), version=self.version, with_cancel=False)
        return self.ending.choose(terminator, Suspended(), will_be_resumed=True)

    def fail(self, error: Error) -> AttemptEnded:
        """End the attempt with an error, so that the server tries again by its policy."""
        return self.ending.choose(error, AttemptFailed(error.message), will_be_resumed=True)

    def stop(self, reason: AttemptEnded) -> AttemptEnded:
        """End the attempt at once, because what it does does not count any more; nobody reads the answer."""
        return self.ending.choose(Error(code=FailureCode.INTERNAL, message=str(reason)), reason)

    def take_frames(self) -> list[bytes]:
        """Return the answer of the ended attempt."""
        assert self.ending.terminator, "the attempt has not ended"
        frames = self.tail.take_in_wire_form(with_acks=self.version >= VERSION_WITH_TREES)
        return [*frames, self.ending.terminator]

    def _look(self, want: Await) -> Progress:
        """Look at notifications until one settles the await."""
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
        leaves, steps = set(want.leaves()), self.steps
        if self.is_replaying:
            awaited = [steps.title_of(leaf) for leaf in sorted(leaves, key=str)]
            raise self._mismatched(self._recording.added_await(awaited))
        if (failure := steps.failure_among(leaves)) is not None:
            if self.is_live and steps.executing:
                return Progress.STEPS_EXECUTING
            raise self.fail(failure)
        if steps.are_waiting(leaves):
            return Progress.STEPS_TO_START
        if steps.are_executing(leaves):
            return Progress.STEPS_EXECUTING
        self._blocked_on, self._wants_cancel = want, with_cancel
        return Progress.STUCK

    def _awaited_sleeps(self, want: Await) -> list[tuple[int, int]]:
        """Return the awaited sleeps that have not ended, each with when it is over."""
        seen, sleeps = self.arrivals.seen, self.sleeps
        leaves = [leaf for leaf in want.leaves() if isinstance(leaf, int)]
        return [(sleeps[leaf], leaf) for leaf in leaves if leaf in sleeps and leaf not in seen]

    def _add_result(self, notification: Notification) -> None:
        self.tail.add_result(notification)
        if self.is_live:
            self.arrivals.append(notification)

    def _violated(self, what: str) -> AttemptEnded:
        """End the attempt because the journal breaks the protocol."""
        where = self._recording.where(self._recording.index)
        return self.fail(
            Error(code=FailureCode.PROTOCOL_VIOLATION, message=f"Protocol violation after {where}: {what}.")
        )

    def _mismatched(self, mismatch: Mismatch) -> AttemptEnded:
        """End the attempt because the code has left the recording."""
        error = Error(
            code=FailureCode.JOURNAL_MISMATCH,
            message=mismatch.text,
            related_command_index=mismatch.command_index,
            related_command_name=mismatch.command_name or None,
            related_command_type=mismatch.command_type,
        )
        return self.ending.choose(error, JournalMismatch(mismatch.text), will_be_resumed=True)
