"""The model held against the whole: every program saw what it must have seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from holdfast_engine.ids import seed_of
from holdfast_engine.records import Head, KeyRef, Promise
from holdfast_protocol.ids import CANCEL_SIGNAL_ID
from holdfast_protocol.messages import MessageType
from tests.simulation.checkers.keys import FoldedState
from tests.simulation.checkers.ledger import Ledger, Past
from tests.simulation.checkers.outcomes import outcome_of_past, outcome_stored
from tests.simulation.watch import Checker, Violation
from tests.simulation.workload.model import Impossible, Prediction
from tests.simulation.workload.outside import Outside
from tests.simulation.workload.programs import DOOMED, WORKFLOW, Program
from tests.simulation.world.disk import Disk


class Predictions(Checker):
    """What the handlers saw and came to is what their programs say.

    Verifies in the end: each value that a program has seen, results of steps, calls, signals, promises and state
    included, and its outcome; that an invocation ended by a cancellation or a kill was cancelled or killed by somebody.
    Takes as seen what only the order of events decides.
    """

    def __init__(
        self,
        disk: Disk,
        ledger: Ledger,
        outside: Outside,
        programs: Sequence[Program],
        state: FoldedState,
        disturbed: set[str],
    ) -> None:
        """Take what facts come from; `disturbed` are those whom an operator has cancelled or killed."""
        self._disk = disk
        self._ledger = ledger
        self._outside = outside
        self._programs = programs
        self._state = state
        self._ordered = disturbed
        self._id_by_program: dict[int, str] = {}

    def at_rest(self) -> None:
        self._id_by_program = {self._ledger.program_of(each): each for each in self._ledger.originals}
        for head in self._ledger.ended.values():
            self._check(self._ledger.program_of(head.id), head)
        for pasts in self._ledger.past.values():
            for past in pasts:
                self._check_past(past)

    def _check(self, number: int, head: Head) -> None:
        is_disturbed = self._is_disturbed(head)
        if is_disturbed and not self._has_reason(head):
            raise Violation("model", f"{head.id} was cancelled or killed, and nobody has asked for it")
        outcome = self._outcome(head.id)
        if head.outcome_index is None:
            # What has ended without a word of its handler was cancelled, killed, or doomed by its policy.
            if not is_disturbed and head.target.service != DOOMED:
                raise Violation("model", f"{head.id} came to {outcome} without saying so")
            return
        seen = self._outside.last_seen[head.id]
        try:
            Prediction(number, self._programs[number], head.id, seen, self).check(outcome, is_disturbed=is_disturbed)
        except Impossible as error:
            raise Violation("model", f"{head.id}: {error}") from error

    def _check_past(self, past: Past) -> None:
        """Check what somebody had come to whose id another one has by now: all there is to it is its outcome."""
        outcome, invocation_id = outcome_of_past(past), past.head.id
        if outcome is None or outcome.failure is not None:
            if not self._has_reason(past.head):
                raise Violation("model", f"{invocation_id} had failed, and nobody has asked for it")
            return
        came_to = json.loads(outcome.value or b"null")
        number = self._ledger.program_of(invocation_id)
        try:
            prediction = Prediction(number, self._programs[number], invocation_id, came_to["seen"], self)
            prediction.check(came_to, is_disturbed=False)
        except Impossible as error:
            raise Violation("model", f"{invocation_id}, in an earlier life: {error}") from error

    def _is_disturbed(self, head: Head) -> bool:
        if head.is_killed or (head.outcome is not None and head.page.count == 1 and not head.page.closed):
            return head.outcome is not None and head.outcome.failure is not None and head.outcome.failure.code == 409
        signals = self._ledger.commands(head.id, MessageType.SIGNAL)
        return any(entry.message.signal_id == CANCEL_SIGNAL_ID for entry in signals)

    def _has_reason(self, head: Head) -> bool:
        line = self._ledger.lineage(head.id)
        if not self._ordered.isdisjoint(line):
            return True
        for other in self._ledger.created:
            for entry in self._ledger.commands(other, MessageType.SEND_SIGNAL):
                if entry.message.target_invocation_id in line and entry.message.idx == CANCEL_SIGNAL_ID:
                    return True
        return any(self._calls(parent, head.id) for parent in self._ledger.killed_s)

    def _calls(self, parent: str, child: str) -> bool:
        program = self._ledger.program_of(child)
        calls = self._ledger.commands(parent, MessageType.CALL)
        return any(json.loads(entry.message.parameter)["p"] == program for entry in calls)

    # Facts for the model.

    def came_to(self, program: int) -> Any:
        invocation_id = self._id_by_program.get(program)
        return None if invocation_id is None else self._outcome(invocation_id)

    def _outcome(self, invocation_id: str) -> Any:
        outcome = outcome_stored(self._ledger, invocation_id)
        if outcome is None:
            return None
        if outcome.failure is not None:
            return ["error", outcome.failure.code, outcome.failure.message]
        return json.loads(outcome.value or b"null")

    def id_of(self, program: int) -> str | None:
        return self._id_by_program.get(program)

    def executions(self, invocation_id: str, name: str) -> int:
        return max(self._outside.executions[each, name] for each in self._ledger.lineage(invocation_id))

    def found_state(self, invocation_id: str) -> dict[str, bytes] | None:
        return self._state.found.get(invocation_id)

    def promise(self, key: str, name: str) -> tuple[Any, str] | None:
        promise: Promise | None = self._disk.get("promise", KeyRef(service=WORKFLOW, key=key), name)
        if promise is None or promise.outcome is None or promise.by is None:
            return None
        return json.loads(promise.outcome.value or b"null"), promise.by.rpartition(".")[0]

    def seed_of(self, invocation_id: str) -> int:
        return seed_of(self._ledger.ended[invocation_id])
