"""Linearizability: what clients saw of an object, and of an idempotency key, can have happened one at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from math import inf
from typing import TypeVar

from holdfast_engine.engine import Accepted, Finished
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.linear import creation, objects
from tests.simulation.linear.creation import Asking
from tests.simulation.linear.objects import Held, Turn
from tests.simulation.linear.search import Operation, TooLarge, linearized
from tests.simulation.scenario import Request
from tests.simulation.watch import Checker, Violation
from tests.simulation.workload.clients import Answered
from tests.simulation.workload.programs import HOT, OBJECT, Program

S = TypeVar("S")

_LOOKS_MAX = 20_000


class LinearizableObject(Checker):
    """K3 as clients see it: the requests to an object have an order in which each saw what those before it left.

    Verifies this in the end for the object that only clients use, of its exclusive and its shared handlers, from what
    clients asked for and got, and when. A request that nobody heard of may have happened or not. Histories with more
    orders than a search looks through are counted as undecided, and those in which an operator has started a turn again
    are left out.
    """

    def __init__(self, ledger: Ledger, programs: Sequence[Program], answered: list[Answered]) -> None:
        self._ledger = ledger
        self._programs = programs
        self._answered = answered
        self.decided = 0
        self.undecided = 0

    def at_rest(self) -> None:
        copied = {self._ledger.program_of(each) for each in self._ledger.copies}
        asked: dict[int, list[Answered]] = defaultdict(list)
        for answered in self._answered:
            program = answered.request.program
            if self._programs[program].service == OBJECT and self._programs[program].key == HOT:
                asked[program].append(answered)
        if not asked or not copied.isdisjoint(asked):
            return
        operations = objects.operations_of([self._turn(program, each) for program, each in asked.items()])
        try:
            order = linearized(operations, Held(), looks_max=_LOOKS_MAX)
        except TooLarge:
            self.undecided += 1
            return
        self.decided += 1
        if order is None:
            raise Violation("K3", f"no order of the turns at the hot key explains {_listed(operations)}")

    def _turn(self, program: int, asked: Sequence[Answered]) -> Turn:
        """Return the one turn that all requests with the same idempotency key have asked for."""
        seen = next((seen for each in asked if (seen := _seen(each)) is not None), None)
        return Turn(
            number=program,
            since=min(each.from_s for each in asked),
            until=inf if seen is None else min(each.until_s for each in asked if _seen(each) is not None),
            is_shared=self._programs[program].handler == "look",
            is_sure=seen is not None,
            body=self._programs[program].body,
            seen=seen,
        )


class LinearizableCreation(Checker):
    """I1 as clients see it: of the requests with one idempotency key one was first, and all name what it created.

    Verifies this in the end from what each was told, and when. Whether a call was first it is not told, and whoever had
    to ask again may have been first with the try before. Keys that stood for several invocations, one after the other,
    are left out.
    """

    def __init__(self, ledger: Ledger, answered: list[Answered]) -> None:
        self._ledger = ledger
        self._answered = answered
        self.decided = 0

    def at_rest(self) -> None:
        askings: dict[tuple[int, str], list[Asking]] = defaultdict(list)
        for answered in self._answered:
            request: Request = answered.request
            if request.idempotency_key is not None:
                askings[request.program, request.idempotency_key].append(_asking(answered))
        for (program, key), each in askings.items():
            if not self._ledger.past.keys().isdisjoint(asking.invocation_id or "" for asking in each):
                continue
            operations = creation.operations_of(each)
            self.decided += 1
            if linearized(operations, "", looks_max=_LOOKS_MAX) is None:
                raise Violation("I1", f"no order of the requests {key} for program {program}: {_listed(operations)}")


def _asking(answered: Answered) -> Asking:
    answer = answered.answer
    is_told = isinstance(answer, Accepted) and answered.error is None
    return Asking(
        since=answered.from_s,
        until=inf if answer is None else answered.until_s,
        invocation_id=None if answer is None else answer.invocation_id,
        is_new=answer.is_new if is_told and isinstance(answer, Accepted) else None,
    )


def _seen(answered: Answered) -> list[object] | None:
    """Return what a program saw until its end, if the client was told so."""
    if not isinstance(answered.answer, Finished) or answered.answer.outcome.failure is not None:
        return None
    seen: list[object] = json.loads(answered.answer.outcome.value or b"null")["seen"]
    return seen


def _listed(operations: Sequence[Operation[S]]) -> str:
    return "; ".join(f"[{each.since:.3f}, {each.until:.3f}] {each.what}" for each in operations)
