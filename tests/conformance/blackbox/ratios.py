"""How long the cases of each group take here and there, and which group takes longer here than it may.

Absolute times say more of the machine than of us, so none is asserted. Each case is played here and there within
seconds, with one SDK after the other; what counts of a case is the median over the SDKs, so that a busy moment that hit
one of the two servers is no verdict. A group's time is the sum over its cases that both servers passed; how long a
server takes to start when a case has killed it is left out.

What a group may take beyond the other server's time is what the design's section 9 documents, and what a machine with
other work adds: whoever waits for an invocation that is in other hands looks at it with growing pauses, of which each
case is granted the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# The first pause between two looks at an invocation in other hands: `_POLL_FIRST_S` of the engine.
POLLING_S = 0.25
# A share of the other server's time, for days when the processor is not there when it is wanted. With two whole runs at
# once on two cores no group needed it.
NOISE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One case that passed."""

    group: str
    case: str
    orchestrator: str
    sdk: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The cases of one file that both servers passed, and the times they took there."""

    name: str
    cases: int
    plays: int
    ours_s: float
    theirs_s: float

    @property
    def ratio(self) -> float:
        """Return our time as a multiple of theirs."""
        return self.ours_s / self.theirs_s

    @property
    def ratio_max(self) -> float:
        """Return the ratio that the documented polling and noise allow."""
        return 1 + NOISE + POLLING_S * self.cases / self.theirs_s

    @property
    def is_too_slow(self) -> bool:
        """Return whether it takes longer here than it may."""
        return self.ratio > self.ratio_max


def groups_of(played: list[Played]) -> list[Group]:
    """Return the groups in which both servers passed something."""
    seconds: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for each in played:
        seconds[each.group, each.case, each.sdk][each.orchestrator] = each.seconds
    times: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for (group, case, _), by_orchestrator in seconds.items():
        if len(by_orchestrator) == 2:
            times[group][case].append((by_orchestrator["holdfast"], by_orchestrator["restate"]))
    return [
        Group(
            name=name,
            cases=len(cases),
            plays=sum(len(pairs) for pairs in cases.values()),
            ours_s=sum(median(ours for ours, _ in pairs) for pairs in cases.values()),
            theirs_s=sum(median(theirs for _, theirs in pairs) for pairs in cases.values()),
        )
        for name, cases in sorted(times.items())
    ]


def ratio_lines(groups: Sequence[Group]) -> list[str]:
    """Return one line per group, under a heading; nothing when there is none."""
    head = f"{'group':<24}{'cases':>7}{'plays':>7}{'holdfast s':>12}{'restate s':>12}{'ratio':>8}{'allowed':>9}"
    lines = [
        f"{each.name:<24}{each.cases:>7}{each.plays:>7}{each.ours_s:>12.2f}{each.theirs_s:>12.2f}"
        f"{each.ratio:>8.2f}{each.ratio_max:>9.2f}{'  too slow' * each.is_too_slow}"
        for each in groups
    ]
    return [head, *lines] if lines else []
