"""What running a piece of code in a bare interpreter costs, and which modules it brings."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

ROUNDS_MIN = 5
ROUNDS_MAX = 20

_MEASURE = """
import json, sys, time
before = time.process_time()
exec(compile(sys.argv[1], "<measured>", "exec"), {"__name__": "measured"})
print(json.dumps([time.process_time() - before, sorted(sys.modules)]))
"""


@cache
def _run_once(code: str, round_number: int) -> tuple[float, frozenset[str]]:
    result = subprocess.run(
        [sys.executable, "-I", "-c", _MEASURE, code], check=True, capture_output=True, text=True, timeout=60
    )
    cpu_s, modules = json.loads(result.stdout)
    return cpu_s, frozenset(modules)


def cost_ratio(code: str, baseline: str, *, ratio_max: float) -> float:
    """Return how many times the CPU time of `baseline` some code takes, each in its least disturbed round.

    They take turns, so that load hits both. Noise only ever adds, so a ratio beyond the maximum is measured further:
    what really costs more stays beyond it in every round.
    """
    costs_s, baselines_s = list[float](), list[float]()
    while True:
        number = len(costs_s)
        costs_s.append(_run_once(code, number)[0])
        baselines_s.append(_run_once(baseline, number)[0])
        ratio = min(costs_s) / min(baselines_s)
        if number + 1 >= ROUNDS_MIN and (ratio <= ratio_max or number + 1 == ROUNDS_MAX):
            print(f"{min(costs_s) * 1000:.1f} ms, {ratio:.2f} x {min(baselines_s) * 1000:.1f} ms, {number + 1} rounds")
            return ratio


def modules_after(code: str) -> frozenset[str]:
    """Return the modules that are loaded once the code has run."""
    return _run_once(code, 0)[1]
