"""Lives: an idempotency key that is asked for again while operators end and purge what it stands for.

Each time it is another invocation, with the id of the one before, of which somebody may still be in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.simulation.scenario import Order, Request
from tests.simulation.workload.programs import SERVICE, Program, Statement

# Where somebody may be left over: calm histories have nobody who stands still, and need no more to look at.
_WEATHERS = ("zombies", "operators", "mixed", "crashes")
_OFTEN = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """What clients and operators do to one id, and the program that it executes each time."""

    programs: tuple[Program, ...] = ()
    requests: tuple[Request, ...] = ()
    orders: tuple[Order, ...] = ()


def lives_of(seed: int, weather: str, *, program: int) -> Lives:
    """Return several lives of one id in some scenarios, and none in the others; `program` is the number it gets."""
    # Dice of its own: the rest of the scenario is the same with and without.
    dice = Random(f"{seed} lives")
    if weather not in _WEATHERS or dice.random() >= _OFTEN:
        return Lives()
    body = [_statement(dice, number) for number in range(dice.randint(3, 9))]
    requests, orders = [], []
    at_ms = dice.randint(0, 3_000)
    for _ in range(dice.randint(2, 6)):
        requests.append(_request(dice, at_ms, program))
        at_ms += dice.choice((200, 1_000, 3_000, 9_000)) + dice.randrange(1_000)
        if dice.random() < 0.7:
            orders.append(Order(at_ms=at_ms, what="kill", which=0, program=program))
        at_ms += dice.randrange(1_500)
        orders.append(Order(at_ms=at_ms, what="purge", which=0, program=program))
        at_ms += dice.randrange(1_500)
    # Somebody asks when all is over, so that there is an outcome whatever was killed and purged.
    requests.append(_request(dice, at_ms, program))
    return Lives(
        programs=(Program(service=SERVICE, handler="run", key=None, body=body),),
        requests=tuple(requests),
        orders=tuple(orders),
    )


def _request(dice: Random, at_ms: int, program: int) -> Request:
    how = "call" if dice.random() < 0.5 else "send"
    return Request(at_ms=at_ms, how=how, program=program, idempotency_key=f"life{program}")  # type: ignore[arg-type]


def _statement(dice: Random, number: int) -> Statement:
    verb = dice.choice(("run", "run", "slow", "slow", "sleep"))
    if verb == "sleep":
        return ["sleep", dice.choice((50, 1_000, 5_000))]
    return [verb, f"life{number}", dice.choice((0.05, 0.5, 2.0))] if verb == "slow" else [verb, f"life{number}"]
