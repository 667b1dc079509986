"""Limits: in a scope with rules no more run at a time than they allow."""

from __future__ import annotations

from collections import Counter

from holdfast_engine.limits import RuleBook
from holdfast_engine.permits import Permits
from holdfast_engine.records import Head, Status
from holdfast_engine.scopes import counters_of
from tests.simulation.watch import Attempt, Checker, Violation
from tests.simulation.world.disk import Changed, Disk

_AT_WORK = (Status.RUNNING, Status.QUEUED)


class Limits(Checker):
    """No more invocations of a scope, or of a limit key within it, run at a time than its rules allow.

    Verifies at every change of a scope's permits that no counter has more of them out than its limit, and that nobody
    has two; whenever a closure begins under the newest epoch of an invocation at work, that its permit is out, and that
    epoch's. A zombie may still be in the middle of user code beside its successor. That nobody stands in line for ever
    is D1, and that a line is served by age is not verified: whoever comes while it is looked at may be seen or not.
    """

    def __init__(self, disk: Disk, book: RuleBook) -> None:
        self._disk = disk
        self._book = book

    def on_change(self, changed: Changed) -> None:
        if changed.table != "permits":
            return
        permits: Permits = changed.after
        scope: str = changed.partition
        out = Counter(permit.invocation_id for permit in permits.out)
        if out and max(out.values()) > 1:
            raise Violation("limits", f"an invocation has two permits of {scope}: {permits}")
        counts = Counter(counter for permit in permits.out for counter in counters_of(permit.limit_key))
        for permit in permits.out:
            for counter, limit in self._book.limits(scope, permit.limit_key).items():
                if counts[counter] > limit:
                    raise Violation("limits", f"{counts[counter]} run in {scope}/{counter}, where {limit} may")

    def on_closure(self, attempt: Attempt, name: str) -> None:
        head: Head = self._disk.get("head", attempt.invocation_id)
        scope = head.target.scope
        if scope is None or not self._book.limits(scope, head.limit_key):
            return
        if head.epoch != attempt.epoch or head.status not in _AT_WORK:
            return
        permits: Permits | None = self._disk.get("permits", scope)
        permit = None if permits is None else permits.of(head.id)
        if permit is None or permit.epoch != head.epoch:
            raise Violation("limits", f"{head.id} executes {name} in epoch {head.epoch}, and has permit {permit}")
