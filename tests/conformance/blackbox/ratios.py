"""How long the cases of each group take here and there: reported, never asserted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One case that passed."""

    group: str
    case: str
    orchestrator: str
    sdk: str
    seconds: float


def ratio_lines(played: list[Played]) -> list[str]:
    """Return one line per group: times, and ours as a multiple of theirs, over the cases that both passed."""
    seconds: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for each in played:
        seconds[each.group, each.case, each.sdk][each.orchestrator] = each.seconds
    pairs = {where: both for where, both in seconds.items() if len(both) == 2}
    groups = sorted({group for group, _, _ in pairs})
    lines = [f"{'group':<24}{'cases':>7}{'holdfast s':>12}{'restate s':>12}{'ratio':>8}"]
    for group in groups:
        both = [times for (its_group, _, _), times in pairs.items() if its_group == group]
        ours, theirs = (sum(times[name] for times in both) for name in ("holdfast", "restate"))
        lines.append(f"{group:<24}{len(both):>7}{ours:>12.2f}{theirs:>12.2f}{ours / theirs:>8.2f}")
    return lines if pairs else []
