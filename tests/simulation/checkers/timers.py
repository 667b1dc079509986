"""T1: timers are never early, and not late for long."""

from __future__ import annotations

from holdfast_engine.records import Head, Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.watch import Checker, Violation
from tests.simulation.world.disk import Changed
from tests.simulation.world.surroundings import EPOCH_MS

_SLEEP_COMPLETION = int(MessageType.SLEEP_COMPLETION)


class PunctualTimers(Checker):
    """T1: no timer fires early; each fires within its bound.

    Verifies that a sleep's completion, the start of a scheduled invocation and the next attempt after a pause for retry
    are written no earlier than their time, by the world's clock, but for the skew of the writer's; and, where no fault
    has happened, that a suspended invocation whose sleep is over is taken up within the bound. With faults a timer is
    late by as long as it takes to recover, which the end of the simulation bounds.
    """

    def __init__(self, ledger: Ledger, *, skew_ms_max: int, late_ms_max: int | None) -> None:
        self._ledger = ledger
        self._skew_ms_max = skew_ms_max
        self._late_ms_max = late_ms_max
        self._checked: dict[str, int] = {}

    def on_change(self, changed: Changed) -> None:
        if changed.table in ("head", "page") and changed.after is not None:
            self._check_sleeps(changed.partition)
        before, after = changed.before, changed.after
        if not isinstance(before, Head) or not isinstance(after, Head) or before.status is after.status:
            return
        if before.status is Status.SCHEDULED and after.status in (Status.READY, Status.QUEUED):
            self._check("the start of", before.id, before.invoke_at_ms)
        if before.status is Status.BACKING_OFF and after.status is Status.RUNNING:
            self._check("the retry of", before.id, before.retry_at_ms)
        if before.status is Status.SUSPENDED and after.status is Status.RUNNING and self._late_ms_max is not None:
            self._check_lateness(before)

    def _check_sleeps(self, invocation_id: str) -> None:
        entries = self._ledger.entries.get(invocation_id, [])
        checked = self._checked.get(invocation_id, 0)
        # A shorter one is the journal of another invocation that has the id by now.
        for entry in entries[checked if checked <= len(entries) else 0 :]:
            if entry.kind == _SLEEP_COMPLETION:
                due_ms = self._sleeps(invocation_id)[entry.message.completion_id]
                self._check(f"sleep {entry.message.completion_id} of", invocation_id, due_ms)
        self._checked[invocation_id] = len(entries)

    def _check(self, what: str, invocation_id: str, due_ms: int | None) -> None:
        assert due_ms is not None
        early_ms = due_ms - self._now_ms() - self._skew_ms_max
        if early_ms > 1:
            raise Violation("T1", f"{what} {invocation_id} is {early_ms} ms early")

    def _check_lateness(self, head: Head) -> None:
        """Check how long a sleep that was awaited alone has been over."""
        awaiting = head.awaiting
        if awaiting is None or awaiting.nested or len(awaiting.completions) != 1:
            return
        due_ms = self._sleeps(head.id).get(awaiting.completions[0])
        assert self._late_ms_max is not None
        if due_ms is not None and self._now_ms() - max(due_ms, head.modified_ms) > self._late_ms_max:
            raise Violation("T1", f"{head.id} is woken {self._now_ms() - due_ms} ms late")

    def _sleeps(self, invocation_id: str) -> dict[int, int]:
        sleeps = self._ledger.commands(invocation_id, MessageType.SLEEP)
        messages = [entry.message for entry in sleeps]
        return {each.result_completion_id: each.wake_up_time for each in messages if isinstance(each, pb.SleepCommand)}

    def _now_ms(self) -> int:
        return EPOCH_MS + int(self._ledger.now_s * 1000)
