"""What can be watched while a history unfolds: the events of the simulated world, handed to every checker."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from holdfast_engine.ports import Answer
from tests.simulation.world.disk import Changed


class Violation(Exception):
    """An invariant does not hold; `name` is its name in the design."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name
        self.what = what


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as it was sent: `began` is the number of disk changes at that moment."""

    number: int
    invocation_id: str
    epoch: int
    began: int
    mode: str


ATTEMPT: ContextVar[Attempt | None] = ContextVar("simulated_attempt", default=None)


class Checker:
    """Looks at every event that it cares about, and at the whole when all is quiet; raises Violation."""

    def on_change(self, changed: Changed) -> None:
        """Look at an item that has changed."""

    def on_load(self, invocation_id: str, epoch: int) -> None:
        """Look at an epoch that has read its invocation."""

    def on_attempt(self, attempt: Attempt) -> None:
        """Look at an attempt that is about to be sent."""

    def on_closure(self, attempt: Attempt, name: str) -> None:
        """Look at a step whose closure begins."""

    def on_answer(self, attempt: Attempt, answer: Answer) -> None:
        """Look at what an attempt came to."""

    def at_rest(self) -> None:
        """Look at the whole once nothing is under way any more."""


class Watch:
    """Hands each event to all checkers, and keeps the first violation: nobody may catch it on its way out."""

    def __init__(self) -> None:
        self.checkers: Sequence[Checker] = ()
        self.violation: Violation | None = None
        self.closures = 0
        self.attempts = 0

    def change(self, changed: Changed) -> None:
        for checker in self.checkers:
            self._look(checker.on_change, changed)

    def load(self, invocation_id: str, epoch: int) -> None:
        for checker in self.checkers:
            self._look(checker.on_load, invocation_id, epoch)

    def attempt(self, attempt: Attempt) -> None:
        self.attempts += 1
        for checker in self.checkers:
            self._look(checker.on_attempt, attempt)

    def closure(self, name: str) -> None:
        attempt = ATTEMPT.get()
        assert attempt is not None, "a closure executes outside of any attempt"
        self.closures += 1
        for checker in self.checkers:
            self._look(checker.on_closure, attempt, name)

    def answer(self, attempt: Attempt, answer: Answer) -> None:
        for checker in self.checkers:
            self._look(checker.on_answer, attempt, answer)

    def at_rest(self) -> None:
        for checker in self.checkers:
            self._look(checker.at_rest)

    def found(self, violation: Violation) -> None:
        """Take in a violation that something else than a checker has found."""
        if self.violation is None:
            self.violation = violation

    def _look(self, look: object, *event: object) -> None:
        try:
            look(*event)  # type: ignore[operator]
        except Violation as violation:
            self.found(violation)
