"""C1 and P1: what ends with a cancelled or killed invocation, and what becomes of a poisonous one."""

from __future__ import annotations

import json

from holdfast_engine.records import Head, Status
from holdfast_protocol.ids import CANCEL_SIGNAL_ID
from holdfast_protocol.messages import MessageType
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.checkers.outcomes import outcome_stored
from tests.simulation.watch import Attempt, Checker, Violation
from tests.simulation.workload.programs import DOOMED, POISON
from tests.simulation.world.disk import Disk

_ATTEMPTS_MAX = 400


class EndingTogether(Checker):
    """C1: children of a cancelled parent get the signal, those of a killed one are killed; one-way sends survive.

    Verifies in the end: every call in the journal of a killed invocation has a child, one that was not created yet
    included, and that child has ended within the bound after the kill; every cancellation that a journal sends has
    reached its receiver, unless that had ended before the bound; everything sent one-way exists and, unless it was
    ended by its own, was not killed. It cannot tell a child that was killed from one that ended by itself just then.
    """

    def __init__(self, ledger: Ledger, *, bound_s: float, faults_end_s: float, killed: set[str]) -> None:
        """Take the surroundings; `killed` are those whom an operator has killed himself."""
        self._ledger = ledger
        self._bound_s = bound_s
        self._faults_end_s = faults_end_s
        self._killed = killed

    def at_rest(self) -> None:
        by_program = {self._ledger.program_of(each): each for each in self._ledger.originals}
        for invocation_id in self._ledger.created:
            for entry in self._ledger.commands(invocation_id, MessageType.CALL, MessageType.ONE_WAY_CALL):
                program = int(json.loads(entry.message.parameter)["p"])
                callee = by_program.get(program)
                if entry.kind == MessageType.CALL:
                    self._check_call(invocation_id, callee, program)
                elif callee is not None:
                    self._check_send(invocation_id, callee)
            for entry in self._ledger.commands(invocation_id, MessageType.SEND_SIGNAL):
                if entry.message.idx == CANCEL_SIGNAL_ID:
                    token = f"{invocation_id}.{entry.index}"
                    self._check_cancel(token, entry.message.target_invocation_id, entry.at_s)

    def _check_call(self, parent: str, child: str | None, program: int) -> None:
        killed_s = self._ledger.killed_s.get(parent)
        if killed_s is None:
            return
        if child is None:
            raise Violation("C1", f"{parent} was killed, and its child, program {program}, was not created dead")
        if self._ended_s(child) > self._until_s(killed_s):
            raise Violation("C1", f"{parent} was killed, and its child {child} lived on")

    def _check_send(self, sender: str, receiver: str) -> None:
        if receiver in self._ledger.killed_s and receiver not in self._killed:
            raise Violation("C1", f"{receiver} was sent one-way by {sender}, and was killed")

    def _check_cancel(self, token: str, receiver: str, sent_s: float) -> None:
        if receiver not in self._ledger.created or self._ended_s(receiver) <= self._until_s(sent_s):
            return
        if f"s#{token}" not in self._ledger.taken[receiver]:
            raise Violation("C1", f"{receiver} was cancelled by {token} and never heard of it")

    def _ended_s(self, invocation_id: str) -> float:
        return self._ledger.completed.get(invocation_id, (0, float("inf")))[1]

    def _until_s(self, since_s: float) -> float:
        return max(since_s, self._faults_end_s) + self._bound_s


class Parked(Checker):
    """P1: a poisonous handler is parked where people see it; it never loops for ever and never blocks others.

    Verifies that nothing is attempted without end, and, in the end, that a handler which always throws is paused with
    the reason, or has failed where its policy says so. That everything else has ended is D1. Poisonous messages and
    payloads are left to the tests with hostile input.
    """

    def __init__(self, disk: Disk, ledger: Ledger) -> None:
        self._disk = disk
        self._ledger = ledger
        self._attempts: dict[str, int] = {}

    def on_attempt(self, attempt: Attempt) -> None:
        count = self._attempts[attempt.invocation_id] = self._attempts.get(attempt.invocation_id, 0) + 1
        if count > _ATTEMPTS_MAX:
            raise Violation("P1", f"{attempt.invocation_id} was attempted {count} times")

    def at_rest(self) -> None:
        for rows in self._disk.items["head"].values():
            head: Head = rows[""]
            if head.target.service == POISON and head.status is Status.PAUSED and head.last_failure is None:
                raise Violation("P1", f"{head.id} is paused, and nobody can see why")
            outcome = outcome_stored(self._ledger, head.id)
            if head.target.service in (POISON, DOOMED) and outcome is not None and outcome.failure is None:
                raise Violation("P1", f"{head.id} always throws, and has succeeded")
