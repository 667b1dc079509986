"""What the log of `services/work.py` tells: which steps began, and whether any was lost or repeated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.support.services.work import STEPS

# What one invocation returns.
EXPECTED = sum(range(STEPS)) + 2 * 5
# What a step writes to the log.
STEP_BYTES = len("r10-10 5 begin\nr10-10 5 end\n")

Begun = dict[str, list[int]]


def begun_by_name(log: Path) -> Begun:
    """Return the steps that each invocation began, in order; the next one's beginning shows that one is completed."""
    begun: Begun = defaultdict(list)
    for line in log.read_text().splitlines() if log.exists() else []:
        name, number, what = line.split(" ")
        if what == "begin":
            begun[name].append(int(number))
    return begun


def steps_to_go(name: str, begun: Begun) -> int:
    """Return how many steps an invocation has not begun yet."""
    return STEPS - 1 - begun[name][-1] if name in begun else STEPS


def size(log: Path) -> int:
    """Return how long the log is by now."""
    return log.stat().st_size if log.exists() else 0


def nothing_lost_or_repeated(log: Path, names: Iterable[str]) -> None:
    """Check that just these invocations ran, each step of them, and none again that was completed."""
    begun = begun_by_name(log)
    assert begun.keys() == set(names)
    for name, steps in begun.items():
        assert steps == sorted(steps), f"{name} went back to a completed step: {steps}"
        assert set(steps) == set(range(STEPS)), f"{name} left out a step: {steps}"


def totals(names: Iterable[str]) -> Counter[str]:
    """Return what each account must have in the end, by the path that tells."""
    return Counter(f"/Ledger/{kind}-{name[-1]}/total" for name in names for kind in ("called", "sent"))
