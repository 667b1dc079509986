"""The page docs/reliability.md: every figure on it comes from a run that this makes, and names the command for it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import chain, count

from tests.simulation.long_run import Ran, played
from tests.simulation.mutants.all import MUTANTS, SEED_BY_MUTANT, SEEDS_MAX
from tests.simulation.mutants.hunt import Caught, hunt
from tests.simulation.regressions.kept import KEPT
from tests.simulation.reliability_page import Kills, Page, written
from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "reliability.md"

KILLS = ["tests/e2e/test_kill.py"]
# What reads bytes of strangers, each with its tests; what they try is counted by Hypothesis.
HOSTILE = {
    "frames": "tests/properties/protocol/test_frame_properties.py",
    "messages": "tests/properties/protocol/test_message_properties.py",
    "manifests": "tests/properties/protocol/test_manifest_properties.py",
    "answers of Lambda functions": "tests/properties/protocol/test_envelope_properties.py",
    "invocation, deployment and awakeable ids": "tests/properties/protocol/test_id_properties.py",
    "requests to ingress and admin": "tests/properties/http/test_any_request.py",
    "requests made up from our OpenAPI documents": "tests/e2e/test_openapi_fuzz.py",
    "SQL": "tests/e2e/test_sql_fuzz.py",
    "messages on the sends queue": "tests/properties/aws/test_any_message.py",
    "answers to the SDK": "tests/properties/sdk/test_sdk_machine_garbage.py",
}
DAMAGE = ["tests/e2e/test_damaged_data.py"]
AWS_KILLS = "tests/e2e/aws/test_kill.py"
# What may be beyond a limit, what happens then, and the tests that show it.
LIMITS = {
    "the entries of a journal": ("its invocation is paused", "tests/conformance/store/test_limits.py"),
    "the size of a value": ("the attempt fails", "tests/conformance/store/test_limits.py"),
    "the state of a key": ("the handler that sets it fails, with 413", "tests/conformance/store/test_limits.py"),
    "the body of a request": ("413", "tests/e2e/test_ingress.py"),
    "what Lambda carries": ("the invocation is paused at the first try", "tests/unit/aws/test_limits_of_functions.py"),
    "requests that wait": ("429 with retry-after", "tests/e2e/test_overload.py"),
    "the rate of requests to DynamoDB": ("429 with retry-after", "tests/e2e/faults/test_overload.py"),
    "the tries of an invocation": ("it is paused, and nobody else waits", "tests/e2e/test_poison.py"),
    "the same, on AWS": ("it is paused, and nobody else waits", "tests/e2e/aws/test_poison.py"),
}
_TRIED = re.compile(r"(\d+) passing,|tried (\d+) requests")
_KILLED = re.compile(r"killed (\d+) workers under (\d+) invocations")


class RunFailed(Exception):
    """Something that the page would report did not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is run."""

    seeds: int
    kill_rounds: int
    aws_kill_rounds: int


def main() -> int:
    """Run everything and write the page; 1 when anything does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.reliability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--kill-rounds", type=int, default=20)
    parser.add_argument("--aws-kill-rounds", type=int, default=20)
    options = parser.parse_args()
    sizes = Sizes(seeds=options.seeds, kill_rounds=options.kill_rounds, aws_kill_rounds=options.aws_kill_rounds)
    kills, limits_passed = _killed_and_refused(sizes.aws_kill_rounds)
    page = Page(
        caught=_caught(),
        ran=_simulated(sizes.seeds),
        regressions=tuple(path.stem for path in KEPT),
        kill_rounds=sizes.kill_rounds,
        kills_passed=_passed([*KILLS, f"--kill-rounds={sizes.kill_rounds}", "--timeout=3600"]),
        damage_passed=_passed(DAMAGE),
        aws_kills=kills,
        limits=LIMITS,
        limits_passed=limits_passed,
        hostile={what: (path, _tried(path)) for what, path in HOSTILE.items()},
    )
    PAGE.write_text(written(page), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


def _simulated(seeds: int) -> Ran:
    ran = Ran()
    for part in played(0, seeds, jobs=os.cpu_count() or 1):
        ran.add(part)
    if ran.failures:
        raise RunFailed(f"seeds {ran.failures}")
    return ran


def _caught() -> dict[str, Caught]:
    """Return by which seed each mutant is found now: first the one by which it was found last is tried."""
    caught = {
        mutant.name: hunt(mutant, chain([SEED_BY_MUTANT[mutant.name]], count()), tries_max=SEEDS_MAX)
        for mutant in MUTANTS
    }
    missed = [name for name, each in caught.items() if each is None]
    if missed:
        raise RunFailed(f"not found within {SEEDS_MAX} seeds: {missed}")
    return {name: each for name, each in caught.items() if each is not None}


def _passed(arguments: list[str]) -> int:
    """Run tests that must pass; return how many they are."""
    return _count(_output(arguments))


def _count(output: str) -> int:
    found = re.search(r"(\d+) passed", output)
    assert found is not None
    return int(found[1])


def _killed_and_refused(rounds: int) -> tuple[Kills, int]:
    """Kill the workers of the stand-in for AWS so often, and go beyond limits; both at once, for they deploy the same.

    Returns what the kills met, and how many tests of limits passed.
    """
    paths = [AWS_KILLS, *sorted({path for _, path in LIMITS.values()})]
    output = _output([*paths, f"--aws-kill-rounds={rounds}", "-s"])
    killed = _KILLED.search(output)
    if killed is None:
        raise RunFailed("there is no stand-in for AWS here: it needs Node")
    kills = Kills(rounds=rounds, processes=int(killed[1]), invocations=int(killed[2]))
    return kills, _count(output) - 1


def _tried(path: str) -> int:
    """Run the tests of a file; return how many inputs they tried."""
    output = _output([path, "--hypothesis-show-statistics", "-s"])
    return sum(int(passing or tried) for passing, tried in _TRIED.findall(output))


def _output(arguments: list[str]) -> str:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RunFailed(f"{' '.join(command)}\n{ended.stdout[-4000:]}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
