"""What is measured: requests with 32 outstanding, what they may cost, and the figures to aim for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OUTSTANDING = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of request; `path` takes the number of the request.

    `write_units_max` is asserted, `aim` is only printed. `beyond` names the case that is done the same way but for what
    is to be measured: costs are shown and judged beyond those of that case.
    """

    name: str
    path: Callable[[int], str]
    body: str
    requests: int
    write_units_max: int
    outstanding: int = OUTSTANDING
    aim: str = ""
    beyond: str | None = None


def _always(path: str) -> Callable[[int], str]:
    return lambda _: path


_STEPS = _always("/Bench/steps")
_RESUMED = _always("/Bench/resumed")

CASES = [
    Case(
        name="empty call",
        path=_always("/Bench/empty"),
        body='"hello"',
        requests=2000,
        write_units_max=3,
        aim="<= 1 ms CPU",
    ),
    Case(name="1 step", path=_STEPS, body="1", requests=1500, write_units_max=3),
    Case(
        name="10 sequential steps",
        path=_STEPS,
        body="10",
        requests=1000,
        write_units_max=13,
        aim=">= 400/s, <= 3 ms CPU",
    ),
    Case(name="10 gathered steps", path=_always("/Bench/gathered_steps"), body="10", requests=500, write_units_max=5),
    Case(
        name="20-way fan-out of calls",
        path=_always("/Bench/fan_out"),
        body="20",
        requests=150,
        # A parent and one child may cost 8; its share of the parent's pages is what grows with each further child.
        write_units_max=8 + 19 * 4,
        aim="<= 15 ms CPU",
    ),
    Case(name="hot key", path=_always("/Tally/hot/add"), body="1", requests=2000, write_units_max=7, aim=">= 700/s"),
    # Four, and a little more where two of them meet at one key.
    Case(name="100 keys", path=lambda number: f"/Tally/{number % 100}/add", body="1", requests=2000, write_units_max=5),
    Case(
        name="200 one-second sleeps",
        path=_always("/Bench/nap"),
        body="1000",
        requests=200,
        write_units_max=5,
        outstanding=200,
    ),
    Case(name="500 entries journaled", path=_RESUMED, body="0", requests=4, write_units_max=300, outstanding=1),
    Case(
        name="... and resumed 20 times",
        path=_RESUMED,
        body="20",
        requests=4,
        write_units_max=20 * 3,
        outstanding=1,
        aim="<= 150 ms CPU",
        beyond="500 entries journaled",
    ),
]
