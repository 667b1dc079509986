"""Limits: many requests within a scope of which only few may run at a time, some with calls within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from holdfast_engine.limits import Rule, RuleBook
from tests.simulation.scenario import Request
from tests.simulation.workload.programs import OBJECT, SERVICE, Program, Statement

# In calm histories whoever could go on has to at once, which those who stand in line could only if they had a permit.
_WEATHERS = ("zombies", "operators", "mixed", "crashes", "answers")
_OFTEN = 0.2
_SCOPE = "tenant"
_LIMIT_KEYS = (None, "a", "a", "b", "a/x", "a/y")
_KEY = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What clients ask for within a scope, and its rules."""

    programs: tuple[Program, ...] = ()
    requests: tuple[Request, ...] = ()
    rules: dict[str, int] = field(default_factory=dict)


def book_of(rules: Mapping[str, int]) -> RuleBook:
    """Return a scenario's rules as the engine reads them."""
    return RuleBook(
        [
            Rule(pattern=pattern, concurrency=limit, description=None, is_disabled=False, version=1, modified_ms=0)
            for pattern, limit in rules.items()
        ],
        version=1,
    )


def limited_of(seed: int, weather: str, *, program: int) -> Limited:
    """Return requests within a scope in some scenarios, and none in the others; `program` is the first one's number."""
    # Dice of its own: the rest of the scenario is the same with and without.
    dice = Random(f"{seed} limits")
    if weather not in _WEATHERS or dice.random() >= _OFTEN:
        return Limited()
    author = _Author(dice, program)
    requests = []
    for _ in range(dice.randint(4, 10)):
        number = author.add(depth=1)
        key = f"key{number}" if dice.random() < 0.7 else None
        how = "call" if dice.random() < 0.5 else "send"
        at_ms = dice.randint(0, 6_000)
        requests.append(Request(at_ms=at_ms, how=how, program=number, idempotency_key=key))  # type: ignore[arg-type]
    rules = {_SCOPE: dice.randint(1, 3)} if dice.random() < 0.7 else {"*": 2}
    if dice.random() < 0.5:
        rules["*/*"] = dice.randint(1, 2)
    if dice.random() < 0.3:
        rules[f"{_SCOPE}/a/*"] = 1
    return Limited(programs=tuple(author.programs), requests=tuple(requests), rules=rules)


class _Author:
    def __init__(self, dice: Random, first: int) -> None:
        self.programs: list[Program] = []
        self._dice = dice
        self._first = first
        self._names = 0

    def add(self, *, depth: int) -> int:
        """Write a program with the calls it makes, and return its number."""
        dice = self._dice
        body = [self._statement(depth) for _ in range(dice.randint(1, 4))]
        # Whoever has a key calls nobody, who might want it as well.
        is_object = dice.random() < 0.2 and not any(statement[0] == "call" for statement in body)
        self.programs.append(
            Program(
                service=OBJECT if is_object else SERVICE,
                handler="run",
                key=_KEY if is_object else None,
                body=body,
                scope=_SCOPE,
                limit_key=dice.choice(_LIMIT_KEYS),
            )
        )
        return self._first + len(self.programs) - 1

    def _statement(self, depth: int) -> Statement:
        dice = self._dice
        match dice.choice(("run", "slow", "slow", "sleep", "call")):
            case "call" if depth:
                return ["call", self.add(depth=depth - 1)]
            case "sleep":
                return ["sleep", dice.choice((50, 1_000, 5_000))]
            case "slow":
                return ["slow", self._name(), dice.choice((0.05, 0.5, 2.0))]
            case _:
                return ["run", self._name()]

    def _name(self) -> str:
        self._names += 1
        return f"limited{self._names}"
