"""D1 while nothing goes wrong: who can go on is taken up at once, not when a watchdog comes by."""

from __future__ import annotations

from collections.abc import Callable

from holdfast_engine.note_keys import completion_key
from holdfast_engine.records import Awaiting, Head, KeyRef, Page, Sink, Status
from holdfast_engine.trees import ALL_COMPLETED
from holdfast_protocol import schema_pb2 as pb
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.watch import Checker, Violation
from tests.simulation.world.disk import Changed, Disk
from tests.simulation.world.keys import NEVER_LOCKED
from tests.simulation.world.surroundings import EPOCH_MS


class Promptness(Checker):
    """D1, and soon: without faults an invocation that could go on is taken up within a bound.

    Verifies that no head stays as it is for long once it is ready, holds the key that it queued for, has had its time
    to start or to retry, or has what it awaits in a note. Only in scenarios without faults, because there watchdogs
    must not be needed: with faults they repair nearly everything, and would hide a wake-up that was never sent. And
    that whoever wants an outcome is told of it within the bound. A signal that an earlier attempt has seen counts as
    not there, and named ones are not looked at.
    """

    def __init__(
        self, disk: Disk, ledger: Ledger, *, bound_s: float, later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        """Take the surroundings; `later` calls something after some seconds."""
        self._disk = disk
        self._ledger = ledger
        self._bound_s = bound_s
        self._later = later
        self._late: Violation | None = None
        self._looked: set[tuple[str, int, Status]] = set()
        self._awaited: set[tuple[str, Sink]] = set()

    def on_change(self, changed: Changed) -> None:
        if self._late is not None:
            raise self._late
        match changed.table:
            case "head":
                self._look(changed.partition)
                if changed.after is not None and changed.after.status is Status.COMPLETED:
                    self._look_at_sinks(changed.after)
            case "note":
                self._look(changed.partition)
            case "lock" if changed.after is not None and changed.after.lock.holder is not None:
                self._look(changed.after.lock.holder)

    def at_rest(self) -> None:
        if self._late is not None:
            raise self._late

    def _look(self, invocation_id: str) -> None:
        head: Head | None = self._disk.get("head", invocation_id)
        if head is None or (head.id, head.epoch, head.status) in self._looked:
            return
        from_ms = self._can_go_on_from(head)
        if from_ms is None:
            return
        self._looked.add((head.id, head.epoch, head.status))
        delay_s = max(0.0, (from_ms - EPOCH_MS) / 1000 - self._ledger.now_s)
        self._later(delay_s + self._bound_s, lambda: self._check(head))

    def _look_at_sinks(self, head: Head) -> None:
        for sink in head.sinks:
            if (head.id, sink) not in self._awaited:
                self._awaited.add((head.id, sink))
                self._later(self._bound_s, lambda head=head, sink=sink: self._check_sink(head, sink))  # type: ignore[misc]

    def _check_sink(self, head: Head, sink: Sink) -> None:
        waiting: Head = self._disk.get("head", sink.invocation_id)
        key = completion_key(sink.completion_id, first_epoch=sink.first_epoch)
        is_told = key in self._disk.under("note", waiting.id) or sink.completion_id in self._in_journal(waiting.id)
        if not is_told and waiting.status is not Status.COMPLETED:
            self._late = Violation(
                "D1", f"{head.id} has ended {self._bound_s:.0f} s ago, and {waiting.id} was not told"
            )

    def _check(self, before: Head) -> None:
        head: Head | None = self._disk.get("head", before.id)
        if head is not None and (head.status, head.epoch) == (before.status, before.epoch):
            self._late = Violation("D1", f"{head.id} is {head.status} and could go on since {self._bound_s:.0f} s")

    def _can_go_on_from(self, head: Head) -> int | None:
        """Return from when on it can go on, in epoch milliseconds; None while it waits for something."""
        now_ms = EPOCH_MS + int(self._ledger.now_s * 1000)
        match head.status:
            case Status.READY:
                return now_ms
            case Status.SCHEDULED:
                return head.invoke_at_ms
            case Status.BACKING_OFF:
                return head.retry_at_ms
            case Status.QUEUED:
                # One that has got the key at once runs as it is, and stays queued until it commits.
                is_waiter = self._is_waiter(head) and head.lease_until_ms <= now_ms
                return now_ms if is_waiter else None
            case Status.SUSPENDED:
                assert head.awaiting is not None
                return now_ms if self._is_there(head, head.awaiting) else None
            case _:
                return None

    def _is_waiter(self, head: Head) -> bool:
        key: KeyRef = head.key_ref
        lock = (self._disk.get("lock", key) or NEVER_LOCKED).lock
        return bool(lock.holder == head.id)

    def _is_there(self, head: Head, awaiting: Awaiting) -> bool:
        """Return whether notes and journal have what is awaited."""
        notes = self._disk.under("note", head.id)
        taken = {token for page in self._pages(head) for token in page.taken}
        arrived = {key for key in notes if key not in taken}
        in_journal = self._in_journal(head.id)
        keys = [completion_key(each, first_epoch=head.first_epoch) for each in awaiting.completions]
        came = zip(awaiting.completions, keys, strict=True)
        leaves = [completion in in_journal or key in arrived for completion, key in came]
        leaves += [f"s#{signal}" in arrived for signal in awaiting.signals if signal > 1]
        leaves += [self._is_there(head, node) for node in awaiting.nested]
        if awaiting.combinator == ALL_COMPLETED:
            return all(leaves) and not awaiting.names and bool(leaves)
        return any(leaves)

    def _in_journal(self, invocation_id: str) -> set[int]:
        """Return the ids of the completions in a journal."""
        messages = [entry.message for entry in self._ledger.entries[invocation_id]]
        return {each.completion_id for each in messages if isinstance(each, pb.Notification) and each.completion_id}

    def _pages(self, head: Head) -> list[Page]:
        return [head.page, *self._disk.under("page", head.id).values()]
