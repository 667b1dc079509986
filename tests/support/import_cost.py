"""What running a piece of code in a bare interpreter costs, and which modules it brings."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

ROUNDS = 5

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


def cpu_s_of(code: str) -> float:
    """Return the CPU time of the least disturbed round: noise only ever adds."""
    return min(_run_once(code, each)[0] for each in range(ROUNDS))


def cost_ratio(code: str, baseline: str) -> float:
    """Return how many times the CPU time of `baseline` some code takes; they take turns, so that load hits both."""
    for each in range(ROUNDS):
        _run_once(code, each)
        _run_once(baseline, each)
    return cpu_s_of(code) / cpu_s_of(baseline)


def modules_after(code: str) -> frozenset[str]:
    """Return the modules that are loaded once the code has run."""
    return _run_once(code, 0)[1]
