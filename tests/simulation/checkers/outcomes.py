"""O1 and I1: an outcome is one and stays, and so is the invocation of an idempotency key."""

from __future__ import annotations

from holdfast_engine.engine import Finished
from holdfast_engine.outcomes import GONE
from holdfast_engine.records import Head, Outcome, Status
from holdfast_engine.wire import outcome_of
from holdfast_protocol.messages import encode
from tests.simulation.checkers.ledger import Entry, Ledger, Past
from tests.simulation.watch import Checker, Violation
from tests.simulation.workload.clients import Answered
from tests.simulation.world.disk import Changed

_LASTING = ("status", "outcome", "outcome_index", "completed_ms")


class OneOutcome(Checker):
    """O1: an outcome never changes, and everyone who attaches gets the same bytes.

    Verifies at every change that a completed head stays completed with the same outcome, until an operator has it
    forgotten, and, in the end, that every client was told this very outcome, or that it is gone where it is; where an
    operator has let another one have the id, the outcome of any of them. That the
    notes in callers' journals say the same is what the model compares, when it predicts what callers have seen.
    """

    def __init__(self, ledger: Ledger, answered: list[Answered]) -> None:
        self._ledger = ledger
        self._answered = answered

    def on_change(self, changed: Changed) -> None:
        before, after = changed.before, changed.after
        if not isinstance(before, Head) or before.status is not Status.COMPLETED or after is None:
            return
        kept = ("status", "completed_ms") if after.kept is not before.kept else _LASTING
        changed_fields = [name for name in kept if getattr(before, name) != getattr(after, name)]
        if changed_fields:
            raise Violation("O1", f"{before.id} had completed, and its {', '.join(changed_fields)} changed")

    def at_rest(self) -> None:
        for answered in self._answered:
            if isinstance(answered.answer, Finished):
                invocation_id = answered.answer.invocation_id
                stored = [outcome_stored(self._ledger, invocation_id)]
                stored += [outcome_of_past(past) for past in self._ledger.past.get(invocation_id, ())]
                is_gone = answered.answer.outcome == GONE and invocation_id in self._ledger.forgotten
                if answered.answer.outcome not in stored and not is_gone:
                    raise Violation(
                        "O1",
                        f"a client of {invocation_id} was told {answered.answer.outcome}, and it came to {stored}",
                    )


class OneInvocation(Checker):
    """I1: one idempotency key, one invocation; and whatever is tried again meets its first try.

    Verifies that no head is created twice, and, in the end, that every program was given to one invocation at most, but
    for those that operators restart: clients try again only with an idempotency key, and each call and send names a
    program of its own. Retention is not simulated: what a key means after it has ended is left to other tests.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def at_rest(self) -> None:
        twice = [invocation_id for invocation_id, count in self._ledger.created.items() if count > 1]
        if twice:
            raise Violation("I1", f"{twice[0]} was created {self._ledger.created[twice[0]]} times")
        first_by_program: dict[int, str] = {}
        for invocation_id in self._ledger.originals:
            program = self._ledger.program_of(invocation_id)
            first = first_by_program.setdefault(program, invocation_id)
            if first != invocation_id:
                raise Violation("I1", f"{first} and {invocation_id} both execute program {program}")


def outcome_stored(ledger: Ledger, invocation_id: str) -> Outcome | None:
    """Return what an invocation has come to, whatever is kept of it; None when it has not ended."""
    head = ledger.ended.get(invocation_id)
    return None if head is None else _outcome(head, ledger.entries[invocation_id])


def outcome_of_past(past: Past) -> Outcome | None:
    """Return what an invocation had come to whose id another one has by now."""
    return _outcome(past.head, past.entries)


def _outcome(head: Head, entries: list[Entry]) -> Outcome | None:
    if head.outcome is not None:
        return head.outcome
    assert head.outcome_index is not None
    return outcome_of(encode(entries[head.outcome_index].message))
