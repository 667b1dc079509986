"""Scenarios from seeds: random programs in a random world with random faults.

A seed does not mix everything: it chooses a few verbs, a few kinds of faults and one way of living, because bugs hide
where one thing happens often rather than everything a little.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.scenario import Scenario
from tests.simulation.workload.author import Author
from tests.simulation.workload.limits import limited_of
from tests.simulation.workload.lives import lives_of
from tests.simulation.workload.orders import orders_of
from tests.simulation.workload.weathers import WEATHERS, surroundings_of
from tests.simulation.world.faults import Kind


def generate(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    dice = Random(f"{seed} scenario")
    weather = dice.choice(tuple(WEATHERS))
    has_orders = weather == "operators" or dice.random() < 0.2
    author = Author(dice, is_disturbed=has_orders, weather=weather)
    requests = author.requests(weather)
    lives = lives_of(seed, weather, program=len(author.programs))
    limited = limited_of(seed, weather, program=len(author.programs) + len(lives.programs))
    rates, wanted = WEATHERS[weather]
    kinds = frozenset(kind for kind in Kind if kind in wanted and dice.random() < dice.choice((0.3, 0.6, 1.0)))
    return Scenario(
        seed=seed,
        weather=weather,
        surroundings=surroundings_of(dice, weather),
        programs=(*author.programs, *lives.programs, *limited.programs),
        requests=(*requests, *lives.requests, *limited.requests),
        orders=(*orders_of(dice, has_orders=has_orders), *lives.orders),
        rate_by_site={site: rate * dice.choice((0.5, 1.0, 2.0)) for site, rate in rates.items()},
        kinds=kinds,
        faults_end_ms=dice.choice((15_000, 40_000, 90_000)),
        rules=limited.rules,
    )


def describe(scenario: Scenario) -> list[str]:
    """Return a scenario as people read it."""
    lines = [f"seed {scenario.seed}", f"{scenario.surroundings}"]
    for number, program in enumerate(scenario.programs):
        where = f"{program.service}{f'/{program.key}' if program.key else ''}/{program.handler}"
        counted = "" if program.scope is None else f" in {program.scope}/{program.limit_key}"
        lines.append(f"program {number} on {where}{counted}: {_text(program.body)}")
    lines += [f"rule {pattern}: {limit}" for pattern, limit in scenario.rules.items()]
    lines += [f"request {request}" for request in scenario.requests]
    lines += [f"order {order}" for order in scenario.orders]
    return lines


def _text(value: Any) -> str:
    return str(value).replace("'", "")
