"""Minimising: the smallest scenario found that still breaks the same invariant, by leaving things out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Result, run

T = TypeVar("T")


def listed(scenario: Scenario, result: Result) -> Scenario:
    """Return a scenario with the faults that were drawn as a list: what is left out later does not draw others."""
    return replace(scenario, faults=result.faults, rate_by_site={}, kinds=frozenset())


def minimised(scenario: Scenario, *, tries_max: int) -> Scenario:
    """Return the smallest scenario found that breaks what this one breaks; at most so many are tried."""
    first = run(scenario)
    assert first.violation is not None, "there is nothing to minimise"
    scenario = listed(scenario, first) if scenario.faults is None else scenario
    judge = _Judge(first.violation.name, tries_max)
    if not judge(scenario):
        # Played from its list it should be the same; whoever finds that it is not has found a bug of the simulation.
        return scenario
    before = None
    while before != scenario and judge.has_tries:
        before = scenario
        scenario = _smaller(scenario, judge)
    return scenario


def _smaller(scenario: Scenario, judge: _Judge) -> Scenario:
    """Leave out faults, orders, requests and statements, each as long as it still fails."""
    assert scenario.faults is not None
    base = scenario
    faults = without(scenario.faults, lambda kept: judge(replace(base, faults=tuple(kept))))
    scenario = base = replace(scenario, faults=tuple(faults))
    orders = without(scenario.orders, lambda kept: judge(replace(base, orders=tuple(kept))))
    scenario = base = replace(scenario, orders=tuple(orders))
    requests = without(scenario.requests, lambda kept: judge(replace(base, requests=tuple(kept))))
    scenario = replace(scenario, requests=tuple(requests))
    for number in range(len(scenario.programs)):
        scenario = _with_less_to_do(scenario, number, judge)
    return scenario


def _with_less_to_do(scenario: Scenario, number: int, judge: _Judge) -> Scenario:
    def with_body(body: Sequence[list[object]]) -> Scenario:
        programs = list(scenario.programs)
        programs[number] = replace(programs[number], body=list(body))
        return replace(scenario, programs=tuple(programs))

    return with_body(without(scenario.programs[number].body, lambda kept: judge(with_body(kept))))


def without(items: Sequence[T], still_fails: Callable[[list[T]], bool]) -> list[T]:
    """Return as few of the items as still fail: delta debugging, by halves, quarters, and so on."""
    kept = list(items)
    size = len(kept)
    while size > 0 and kept:
        start = 0
        while start < len(kept):
            candidate = kept[:start] + kept[start + size :]
            if still_fails(candidate):
                kept = candidate
            else:
                start += size
        size //= 2
    return kept


class _Judge:
    """Says whether a scenario breaks an invariant, so many times."""

    def __init__(self, name: str, tries_max: int) -> None:
        self._name = name
        self._left = tries_max

    @property
    def has_tries(self) -> bool:
        """Whether it will look at another one."""
        return self._left > 0

    def __call__(self, scenario: Scenario) -> bool:
        if not self.has_tries or not scenario.requests:
            return False
        self._left -= 1
        try:
            violation = run(scenario).violation
        except Exception:  # noqa: BLE001 - a program with a part missing may make no sense any more.
            return False
        return violation is not None and violation.name == self._name
