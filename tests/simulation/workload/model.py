"""The model: what a program must see, statement by statement, given what the invocations it started came to.

It knows nothing of attempts, journals or time. What the order of things decides (who wins a race, which execution of a
step was recorded) it takes as seen, as long as it is possible.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Protocol
from uuid import UUID

from tests.simulation.workload.programs import Program, Statement


class Facts(Protocol):
    """What the model has to be told of a history."""

    def came_to(self, program: int) -> Any:
        """Return what a program came to: `{"seen": …}` or `["error", code, message]`."""
        ...

    def id_of(self, program: int) -> str | None:
        """Return the invocation that executes a program."""
        ...

    def executions(self, invocation_id: str, name: str) -> int:
        """Return how often a step's closure was begun."""
        ...

    def found_state(self, invocation_id: str) -> dict[str, bytes] | None:
        """Return the state that an invocation found; None when it may have found any."""
        ...

    def promise(self, key: str, name: str) -> tuple[Any, str] | None:
        """Return a promise's value, and which invocation gave it."""
        ...

    def seed_of(self, invocation_id: str) -> int:
        """Return the seed of an invocation's random numbers."""
        ...


class Impossible(Exception):
    """No history may look like this."""


class Prediction:
    """One program held against what it has seen."""

    def __init__(self, number: int, program: Program, invocation_id: str, seen: list[Any], facts: Facts) -> None:
        self._number = number
        self._program = program
        self._id = invocation_id
        self._seen = seen
        self._facts = facts
        self._handles: list[int] = []
        self._random = Random(facts.seed_of(invocation_id))
        found = facts.found_state(invocation_id)
        self._state = None if found is None else {name: json.loads(value) for name, value in found.items()}

    def check(self, outcome: Any, *, is_disturbed: bool) -> None:
        """Check what the program came to.

        Args:
            outcome: What it came to, as a caller sees it.
            is_disturbed: It was cancelled or killed, so that it may have ended at any await.

        Raises:
            Impossible: It may not have come to that.
        """
        statements = list(self._flat(self._program.body, ""))
        if len(self._seen) > len(statements):
            raise Impossible(f"program {self._number} saw {self._seen}, more than it has statements")
        for (statement, where), seen in zip(statements, self._seen, strict=False):
            try:
                self._check(statement, where, seen)
            except Impossible as error:
                raise Impossible(f"program {self._number}, statement {where}, {statement}: {error}") from error
        rest = statements[len(self._seen) :]
        if self._is_end(outcome, rest[0] if rest else None) or (is_disturbed and _is_end_of_disturbed(outcome)):
            return
        raise Impossible(f"program {self._number} saw {self._seen}, and came to {outcome}")

    def _flat(self, body: list[Statement], place: str) -> Iterator[tuple[Statement, str]]:
        for number, statement in enumerate(body):
            where = f"{place}{number}"
            if statement[0] == "shield":
                yield from self._flat(statement[1], f"{where}.")
            yield statement, where

    def _is_end(self, outcome: Any, following: tuple[Statement, str] | None) -> bool:
        """Return whether the program comes to that, given the statement that it has not got beyond."""
        if following is None:
            return bool(outcome == {"seen": self._seen})
        match following:
            case ["fail", code], where:
                return bool(outcome == ["error", code, f"fails at {where}"])
            case ["saga", names, code], where if code:
                are_undone = all(self._facts.executions(self._id, f"undo {name}") for name in names)
                return are_undone and bool(outcome == ["error", code, f"saga {where}"])
        return False

    def _check(self, statement: Statement, where: str, seen: Any) -> None:
        verb, *arguments = statement
        getattr(self, f"_check_{verb}")(where, seen, *arguments)

    # Steps.

    def _check_run(self, where: str, seen: Any, name: str) -> None:
        self._check_recorded(seen, name, at_least=1)

    def _check_slow(self, where: str, seen: Any, name: str, seconds: float) -> None:
        self._check_recorded(seen, name, at_least=1)

    def _check_flaky(self, where: str, seen: Any, name: str, failures: int) -> None:
        self._check_recorded(seen, name, at_least=failures + 1)

    def _check_hang(self, where: str, seen: Any, name: str, times: int) -> None:
        self._check_recorded(seen, name, at_least=times + 1)

    def _check_decline(self, where: str, seen: Any, name: str, code: int) -> None:
        _equal(seen, ["error", code, name])

    def _check_use_up(self, where: str, seen: Any, name: str, attempts: int) -> None:
        if seen[:2] != ["error", 500] or name not in seen[2]:
            raise Impossible(f"saw {seen}")

    def _check_recorded(self, seen: Any, name: str, *, at_least: int) -> None:
        if not isinstance(seen, list) or len(seen) != 2 or seen[0] != name:
            raise Impossible(f"saw {seen}")
        if not at_least <= seen[1] <= self._facts.executions(self._id, name):
            raise Impossible(f"saw execution {seen[1]} of {self._facts.executions(self._id, name)}")

    def _check_saga(self, where: str, seen: Any, names: list[str], code: int) -> None:
        _equal(seen, "done")

    # Waiting.

    def _check_sleep(self, where: str, seen: Any, ms: int) -> None:
        _equal(seen, "slept")

    def _check_awakeable(self, where: str, seen: Any, value: Any) -> None:
        _equal(seen, value)

    def _check_signal(self, where: str, seen: Any, name: str, value: Any) -> None:
        _equal(seen, value)

    def _check_call(self, where: str, seen: Any, program: int, idempotency_key: str | None = None) -> None:
        self._handles.append(program)
        _equal(seen, self._facts.came_to(program))

    def _check_send(self, where: str, seen: Any, program: int, *options: Any) -> None:
        self._handles.append(program)
        _equal(seen, self._facts.id_of(program))

    def _check_attach(self, where: str, seen: Any, handle: int) -> None:
        _equal(seen, self._facts.came_to(self._handles[handle]))

    def _check_cancel(self, where: str, seen: Any, handle: int) -> None:
        _equal(seen, None)

    def _check_raise_signal(self, where: str, seen: Any, name: str, value: Any) -> None:
        _equal(seen, None)

    def _check_gather(self, where: str, seen: Any, *statements: Statement) -> None:
        if len(seen) != len(statements):
            raise Impossible(f"saw {seen}")
        for number, (statement, each) in enumerate(zip(statements, seen, strict=True)):
            self._check(statement, f"{where}.{number}", each)

    def _check_select(self, where: str, seen: Any, *statements: Statement) -> None:
        winner, value = seen
        for number, statement in enumerate(statements):
            if number == winner:
                self._check(statement, f"{where}.{number}", value)
            elif statement[0] == "call":
                self._handles.append(statement[1])

    def _check_timeout(self, where: str, seen: Any, statement: Statement, ms: int) -> None:
        if isinstance(seen, list) and seen[:2] == ["error", 408]:
            if statement[0] == "call":
                self._handles.append(statement[1])
            return
        self._check(statement, f"{where}.0", seen)

    # State.

    def _check_get(self, where: str, seen: Any, name: str) -> None:
        if self._state is not None:
            _equal(seen, self._state.get(name))

    def _check_keys(self, where: str, seen: Any) -> None:
        if self._state is not None:
            _equal(seen, sorted(self._state))

    def _check_set(self, where: str, seen: Any, name: str, value: Any) -> None:
        if self._state is not None:
            self._state[name] = value

    def _check_clear(self, where: str, seen: Any, name: str) -> None:
        if self._state is not None:
            self._state.pop(name, None)

    def _check_clear_all(self, where: str, seen: Any) -> None:
        if self._state is not None:
            self._state.clear()

    def _check_add(self, where: str, seen: Any, name: str, amount: int) -> None:
        if self._state is not None:
            self._state[name] = (self._state.get(name) or 0) + amount
            _equal(seen, self._state[name])

    # Promises.

    def _check_promise(self, where: str, seen: Any, name: str) -> None:
        given = self._promise(name)
        _equal(seen, given[0] if given is not None else None)

    def _check_peek(self, where: str, seen: Any, name: str) -> None:
        given = self._promise(name)
        if seen is not None:
            _equal(seen, given[0] if given is not None else None)

    def _check_resolve(self, where: str, seen: Any, name: str, value: Any) -> None:
        given = self._promise(name)
        if given is None:
            raise Impossible("the promise has no value")
        if given[1] == self._id:
            _equal(seen, "first")
            _equal(given[0], value)
        elif seen[:2] != ["error", 409]:
            raise Impossible(f"saw {seen}, and {given[1]} gave the value")

    def _promise(self, name: str) -> tuple[Any, str] | None:
        assert self._program.key is not None
        return self._facts.promise(self._program.key, name)

    # The rest.

    def _check_throw(self, where: str, seen: Any, times: int) -> None:
        _equal(seen, None)

    def _check_shield(self, where: str, seen: Any, body: list[Statement], cleanup: list[Statement]) -> None:
        _equal(seen, "shielded")

    def _check_uuid(self, where: str, seen: Any) -> None:
        _equal(seen, str(UUID(int=self._random.getrandbits(128), version=4)))


def _is_end_of_disturbed(outcome: Any) -> bool:
    return isinstance(outcome, list) and outcome[:2] == ["error", 409]


def _equal(seen: Any, expected: Any) -> None:
    if seen != expected:
        raise Impossible(f"saw {seen}, expected {expected}")
