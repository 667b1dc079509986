"""K1, K2 and K3: one holder per key, first in first out, and state that equals what its writers wrote."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.records import Head, KeyRef, Status
from holdfast_protocol import schema_pb2 as pb
from tests.simulation.checkers.journals import is_let_go
from tests.simulation.checkers.ledger import Entry, Ledger, page_of
from tests.simulation.watch import Attempt, Checker, Violation
from tests.simulation.world.disk import Changed, Disk
from tests.simulation.world.keys import NEVER_LOCKED, Locked


class OneHolder(Checker):
    """K1: at most one holder per key.

    Verifies that an exclusive invocation's journal grows only while the lock names it, and that a closure of its newest
    epoch executes only then. A zombie of an older epoch may still be in the middle of user code: it cannot be stopped
    before its next write, and nothing it writes gets in (J2).
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def on_change(self, changed: Changed) -> None:
        if changed.table not in ("head", "page") or changed.after is None:
            return
        before, after = page_of(changed.before), page_of(changed.after)
        assert after is not None
        has_grown = after.count > (before.count if before is not None else 0)
        is_input = changed.table == "head" and before is None
        if has_grown and not is_input and not is_let_go(self._disk, changed.partition):
            self._check(changed.partition, "writes to its journal")

    def on_closure(self, attempt: Attempt, name: str) -> None:
        head: Head = self._disk.get("head", attempt.invocation_id)
        if head.epoch == attempt.epoch and head.status is not Status.COMPLETED:
            self._check(attempt.invocation_id, f"executes {name}")

    def _check(self, invocation_id: str, what: str) -> None:
        head: Head = self._disk.get("head", invocation_id)
        if head.kind.holds_key:
            holder = (self._disk.get("lock", head.key_ref) or NEVER_LOCKED).lock.holder
            if holder != invocation_id:
                raise Violation("K1", f"{invocation_id} {what} while {holder} holds {head.target}")


class FirstInFirstOut(Checker):
    """K2: first in, first out per key; one sender's messages in order.

    Verifies at every change of a lock that tickets are drawn and served one by one, that the holder is the one whose
    ticket is served, and, in the end, that what one handler or one client has sent to a key without delay was served in
    the order of sending. Messages of different senders have no order but that of their tickets.
    """

    def __init__(self, disk: Disk, ledger: Ledger) -> None:
        self._disk = disk
        self._ledger = ledger
        self.served: dict[str, int] = {}

    def on_change(self, changed: Changed) -> None:
        if changed.table != "lock":
            return
        before = changed.before.lock if changed.before is not None else NEVER_USED
        after = changed.after.lock
        key: KeyRef = changed.partition
        if not (before.next <= after.next <= before.next + 1 and before.serving <= after.serving <= before.serving + 1):
            raise Violation("K2", f"the lock of {key} leaps from {before} to {after}")
        if after.serving > after.next or (after.holder is not None and after.serving >= after.next):
            raise Violation("K2", f"the lock of {key} serves a ticket that nobody has drawn: {after}")
        if after.holder is None or (after.holder, after.serving) == (before.holder, before.serving):
            return
        owner = self._disk.get("wait", key, after.serving)
        was_free = before.serving == before.next
        if owner != after.holder and not (was_free and owner is None):
            raise Violation("K2", f"{after.holder} gets {key} with ticket {after.serving}, which is {owner}'s")
        self.served.setdefault(after.holder, changed.number)

    def at_rest(self) -> None:
        for sender, entries in self._ledger.entries.items():
            last_by_target: dict[tuple[str, str, str], tuple[int, str]] = {}
            for entry in entries:
                self._check_order(sender, entry, last_by_target)

    def check_sequence(self, sender: str, invocation_ids: list[str]) -> None:
        """Check that invocations that a client has sent one after the other were served in this order."""
        served = [(self.served[each], each) for each in invocation_ids if each in self.served]
        for (earlier, first), (later, second) in pairwise(served):
            if later < earlier:
                raise Violation("K2", f"{sender} sent {first} before {second}, and {second} was served first")

    def _check_order(
        self, sender: str, entry: Entry, last_by_target: dict[tuple[str, str, str], tuple[int, str]]
    ) -> None:
        message = entry.message
        if not isinstance(message, pb.CallCommand | pb.OneWayCallCommand) or message.HasField("idempotency_key"):
            return
        if isinstance(message, pb.OneWayCallCommand) and message.invoke_time:
            return
        callee = self._callee(sender, message.invocation_id_notification_idx)
        if callee is None or callee not in self.served:
            return
        target = (message.service, message.key, message.scope)
        last = last_by_target.get(target)
        if last is not None and self.served[callee] < last[0]:
            raise Violation("K2", f"{sender} sent {last[1]} before {callee} to {target}, and {callee} was served first")
        last_by_target[target] = (self.served[callee], callee)

    def _callee(self, sender: str, completion_id: int) -> str | None:
        for entry in self._ledger.entries[sender]:
            message = entry.message
            if isinstance(message, pb.Notification) and message.completion_id == completion_id:
                return message.invocation_id or None
        return None


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One holder's turn at a key: the state it found, and how long its journal was then."""

    holder: str
    serving: int
    found: dict[str, bytes]
    began: int


class FoldedState(Checker):
    """K3: the state equals the fold of the committed state commands, in lock order.

    Verifies at every change of a lock: while a holder keeps its key, the state is what it found with a prefix of the
    state commands that it has written under this ticket; when it leaves, with all of them. Between two turns nothing
    changes. What handlers read is compared with this by the model, which knows their programs.
    """

    def __init__(self, disk: Disk, ledger: Ledger) -> None:
        self._disk = disk
        self._ledger = ledger
        self._turn_by_key: dict[KeyRef, _Turn] = {}
        self.found: dict[str, dict[str, bytes]] = {}

    def on_change(self, changed: Changed) -> None:
        if changed.table != "lock":
            return
        key: KeyRef = changed.partition
        before: Locked = changed.before or NEVER_LOCKED
        after: Locked = changed.after
        turn = self._turn_by_key.get(key)
        is_over = turn is not None and (after.lock.holder, after.lock.serving) != (turn.holder, turn.serving)
        if turn is None:
            if after.state != before.state:
                raise Violation("K3", f"the state of {key} changed while nobody held it")
        elif after.state != before.state or is_over:
            self._check(key, turn, after.state, is_over=is_over)
        if is_over:
            del self._turn_by_key[key]
        if after.lock.holder is not None and key not in self._turn_by_key:
            self._begin(key, after)

    def _begin(self, key: KeyRef, locked: Locked) -> None:
        holder = locked.lock.holder
        assert holder is not None
        began = len(self._ledger.entries[holder])
        self._turn_by_key[key] = _Turn(holder=holder, serving=locked.lock.serving, found=locked.state, began=began)
        if began == 1:
            # What a program reads builds on the state of the turn in which its journal has begun to grow.
            self.found[holder] = locked.state

    def _check(self, key: KeyRef, turn: _Turn, state: dict[str, bytes], *, is_over: bool) -> None:
        expected = [turn.found]
        for entry in self._ledger.entries[turn.holder][turn.began :]:
            after = _folded(expected[-1], entry.message)
            if after is not None:
                expected.append(after)
        if is_over and state != expected[-1]:
            raise Violation("K3", f"{turn.holder} leaves {key} with {state}, its journal says {expected[-1]}")
        if state not in expected:
            raise Violation("K3", f"{turn.holder} makes the state of {key} {state}, its journal says {expected}")


def _folded(state: dict[str, bytes], command: object) -> dict[str, bytes] | None:
    """Return the state after a command; None when it is no state command."""
    match command:
        case pb.SetStateCommand():
            return {**state, command.key.decode(): command.value.content}
        case pb.ClearStateCommand():
            return {name: value for name, value in state.items() if name != command.key.decode()}
        case pb.ClearAllStateCommand():
            return {}
        case _:
            return None
