"""R1 and R2: what a recorded journal means for the attempts that follow."""

from __future__ import annotations

import asyncio

from holdfast_engine.ids import seed_of
from holdfast_engine.ports import Answer
from holdfast_engine.records import Head
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest, AttemptRunner
from holdfast_protocol.frames import frame_type
from holdfast_protocol.ids import decode_invocation_id
from holdfast_protocol.messages import MessageType, decode, encode, encode_notification
from tests.simulation.checkers.ledger import Entry, Ledger
from tests.simulation.watch import ATTEMPT, Attempt, Checker, Violation
from tests.simulation.world.disk import Changed, Disk

_MISMATCHES = (570, 571)
# What an attempt may fail with besides its own errors: a checkpoint that did not work, for a reason that was injected.
_INJECTED = ("StoreUnreachable", "Throttled")


class RecordedSteps(Checker):
    """R1: no attempt that loads after a run's result is in the journal runs its closure.

    Verifies, whenever a closure begins, that its result was not there when its epoch loaded, nor written by this epoch
    before the attempt was sent; and that no attempt executes a step twice. A zombie whose epoch loaded earlier may
    execute it: it cannot be stopped before its next write. What closures do to the world is the user's.
    """

    def __init__(self, disk: Disk, ledger: Ledger) -> None:
        self._disk = disk
        self._ledger = ledger
        self._loaded: dict[tuple[str, int], int] = {}
        self._executed: set[tuple[int, str]] = set()

    def on_change(self, changed: Changed) -> None:
        after = changed.after
        if isinstance(after, Head) and (changed.before is None or changed.before.epoch < after.epoch):
            # Who needs no load has it all in hand.
            self._loaded[after.id, after.epoch] = changed.number

    def on_load(self, invocation_id: str, epoch: int) -> None:
        self._loaded[invocation_id, epoch] = self._disk.number

    def on_closure(self, attempt: Attempt, name: str) -> None:
        if (attempt.number, name) in self._executed:
            raise Violation("R1", f"attempt {attempt.number} of {attempt.invocation_id} executes {name} twice")
        self._executed.add((attempt.number, name))
        result = self._ledger.result_of(attempt.invocation_id, name)
        if result is not None and self._was_known(result, attempt):
            raise Violation(
                "R1",
                f"{name} of {attempt.invocation_id} executes in epoch {attempt.epoch}, and epoch {result.epoch} had"
                f" recorded it as entry {result.index}",
            )

    def _was_known(self, result: Entry, attempt: Attempt) -> bool:
        if result.epoch == attempt.epoch:
            return result.number <= attempt.began
        loaded = self._loaded.get((attempt.invocation_id, attempt.epoch), 0)
        return result.epoch < attempt.epoch and result.number <= loaded


class SameCommands(Checker):
    """R2: replaying a journal yields the same commands.

    Verifies that no attempt answers with a journal mismatch or a protocol violation, or fails in a way that no fault
    explains; and, in the end, that the journal of every completed invocation replays to its very end, with and without
    checkpoints. The handlers of the simulation are deterministic; what others do is theirs.
    """

    def __init__(self, disk: Disk, ledger: Ledger, runner: AttemptRunner) -> None:
        self._disk = disk
        self._ledger = ledger
        self._runner = runner

    def on_answer(self, attempt: Attempt, answer: Answer) -> None:
        if answer.failure is not None:
            message = answer.failure.message
            if " raised " in message and not any(name in message for name in _INJECTED):
                raise Violation("R2", f"attempt {attempt.number} of {attempt.invocation_id}: {message}")
            return
        last = decode(answer.frames[-1]) if answer.frames else None
        if isinstance(last, pb.Error) and last.code in _MISMATCHES:
            raise Violation("R2", f"attempt {attempt.number} of {attempt.invocation_id}: {last.message}")

    async def replay(self) -> None:
        """Replay every completed journal."""
        for invocation_id, head in self._ledger.ended.items():
            if head.outcome_index is not None:
                for checkpoint in (None, _Untouched(invocation_id)):
                    await self._replay(head, self._ledger.entries[invocation_id], checkpoint)

    async def _replay(self, head: Head, entries: list[Entry], checkpoint: _Untouched | None) -> None:
        frames = [_encoded(entry) for entry in entries[: (head.outcome_index or 0) + 1]]
        raw_id = decode_invocation_id(head.id)
        request = AttemptRequest(
            service=head.target.service,
            handler=head.target.handler,
            protocol_version=head.protocol_version or 7,
            headers={},
            start=pb.Start(
                id=raw_id,
                debug_id=head.id,
                known_entries=len(frames),
                partial_state=True,
                key=head.target.key or "",
                random_seed=seed_of(head),
            ),
            entries=frames,
        )
        attempt = Attempt(number=0, invocation_id=head.id, epoch=1_000_000, began=self._disk.number, mode="replay")
        token = ATTEMPT.set(attempt)
        try:
            answer = await asyncio.wait_for(self._runner.run(request, checkpoint), 1.0)
        finally:
            ATTEMPT.reset(token)
        kinds = [MessageType(frame_type(frame)) for frame in answer]
        if kinds != [MessageType.END]:
            last = decode(answer[-1])
            raise Violation("R2", f"the journal of {head.id} replays to {[kind.name for kind in kinds]}: {last}")


class _Untouched:
    """A checkpoint that a replay must not need."""

    def __init__(self, invocation_id: str) -> None:
        self._invocation_id = invocation_id

    async def append(self, frames: object) -> bool:
        raise Violation("R2", f"the replay of {self._invocation_id} has something new to store")

    async def barrier(self) -> bool:
        raise Violation("R2", f"the replay of {self._invocation_id} wants to execute a step")

    def handover(self) -> int | None:
        return None


def _encoded(entry: Entry) -> bytes:
    if isinstance(entry.message, pb.Notification):
        return encode_notification(MessageType(entry.kind), entry.message)
    return encode(entry.message)
