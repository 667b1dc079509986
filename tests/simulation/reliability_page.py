"""What docs/reliability.md says, given what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.simulation.long_run import Ran
from tests.simulation.mutants.all import MUTANTS
from tests.simulation.mutants.hunt import Caught
from tests.simulation.world.faults import DESCRIPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kills:
    """How often all processes of functions were killed, how many those were, and under how many invocations."""

    rounds: int
    processes: int
    invocations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was measured.

    `hostile`: by what reads it, the file of its tests and how many inputs they tried. `limits`: by what may be beyond
    one, what happens and the file of its tests.
    """

    ran: Ran
    caught: Mapping[str, Caught]
    regressions: Sequence[str]
    kill_rounds: int
    kills_passed: int
    damage_passed: int
    aws_kills: Kills
    limits: Mapping[str, tuple[str, str]]
    limits_passed: int
    hostile: Mapping[str, tuple[str, int]]


_INTRODUCTION = """# Reliability

What Holdfast promises is in [guarantees.md](guarantees.md). This page says how that is tried, what was found to
hold, and how you can see it for yourself. It is written by `make reliability`, which runs all that it reports;
nothing here is typed in by hand.

"""

_HOW = """## How it is tried

The real engine and the real SDK run on virtual time, in one thread, from one seed: the same seed is the same
history, to the last byte. Several processes share one simulated store and queue, random programs over all
operations of a context run in them, and things go wrong. After every step each invariant of the design is checked,
and in the end a model says what every program must have seen. See
[tests/simulation](../tests/simulation/README.md).

"""

_REAL = """## Real processes

A server with its data on disk was killed with -9 {kill_rounds} times under a load of fifty invocations with
handlers in its own process, a fifth as often with handlers that live on in another one, and the process of those
handlers as often again: every accepted invocation completed, no completed step ran again, and state adds up.
`make chaos` kills a hundred times.

On the stand-in for AWS all processes of functions, {aws_processes:,} of them, were killed with -9 in {aws_rounds}
rounds under {aws_invocations:,} invocations: those of the ingress, the dispatcher and the handlers, at work and while
they started. The same held. `make chaos-aws` does it again.

{damage_passed} tests damage the data. A database with a broken header, of which the end is missing, or that may not
be written, is refused with what to do, and no byte of it changes. A server whose disk is full stops, and completes
all that it had accepted once there is room. A second server on the same data folder is refused as well. See for
yourself: `pytest tests/e2e/test_damaged_data.py tests/e2e/test_dev_command.py`.

"""

_NOT_COVERED = """## What is not covered

* Real clocks, real networks and the services of AWS: the simulation knows the store as single items that are
  written under conditions, the queue as messages that come at least once. Other tests hold the real stores to the
  same rules.
* Retention that ends by itself. Invocations are purged by operators, but no history lasts long enough to expire.
* An awakeable or a signal of an invocation that is purged, and asked for again with the same idempotency key: it is
  for whoever has the id when it comes. Nor do the ids that are asked for again in the simulation call others.
* Restarts of invocations that have started others, and restarts of journals of several pages.
* Files damaged in the middle: a server notices when it reads there, not at the start.
* A load that was begun before a newer attempt and reads on behind it: no seed within the bounds shows an engine
  that does not look at the epochs of pages, which the model of the design has shown.
* Handlers that are not deterministic, and what steps do to the world outside: they are yours.
"""


def written(page: Page) -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION + _summary(page), _HOW + _faults(page), _mutants(page), _real(page), _NOT_COVERED])


def _summary(page: Page) -> str:
    stats, ran = page.ran.stats, page.ran
    seeds = stats["seeds"]
    simulate = f"make sim SEEDS={seeds}"
    kills = f"pytest tests/e2e/test_kill.py --kill-rounds={page.kill_rounds}"
    rows = [
        ("seeds played", seeds, simulate),
        ("violations of an invariant", len(ran.failures), simulate),
        ("faults injected", sum(ran.faults.values()), simulate),
        ("orders of operators carried out", sum(ran.orders.values()), simulate),
        ("invocations completed", stats["completed"], simulate),
        ("attempts", stats["attempts"], simulate),
        ("simulated processes that crashed", stats["crashes"], simulate),
        ("objects whose histories are linearizable", stats["objects_linearized"], simulate),
        ("idempotency keys whose histories are linearizable", stats["keys_linearized"], simulate),
        (f"broken engines found, of {len(MUTANTS)}", len(page.caught), "pytest tests/simulation/test_mutants.py"),
        ("findings kept, which no longer occur", len(page.regressions), "pytest tests/simulation/test_regressions.py"),
        ("kill -9 of a real server under load, and its restart", page.kill_rounds, kills),
        (
            "kill -9 of all functions' processes under load, on the stand-in for AWS",
            page.aws_kills.rounds,
            f"make chaos-aws ROUNDS={page.aws_kills.rounds}",
        ),
        ("tests of what is beyond a limit", page.limits_passed, "make reliability"),
        ("hostile inputs tried", sum(tried for _, tried in page.hostile.values()), "make reliability"),
    ]
    return _table(("what", "how many", "see for yourself"), [(a, f"{b:,}", f"`{c}`") for a, b, c in rows])


def _faults(page: Page) -> str:
    faults = [(kind.value, what, f"{page.ran.faults[kind.value]:,}") for kind, what in DESCRIPTIONS.items()]
    orders = [(what, f"{count:,}") for what, count in sorted(page.ran.orders.items())]
    return (
        _table(("fault", "what happens", "how often"), faults)
        + "\nMessages overtake each other in most histories, and in half of them the clocks of processes differ.\n\n"
        + _table(("order of an operator", "how often"), orders)
    )


def _mutants(page: Page) -> str:
    rows = [
        (mutant.name, mutant.breaks, str(page.caught[mutant.name].seed), page.caught[mutant.name].violation.name)
        for mutant in MUTANTS
    ]
    return (
        "## Engines that are broken on purpose\n\n"
        "A checker that finds nothing may be blind. Each of these engines is wrong in one place, and is found.\n\n"
        + _table(("what is wrong", "rule", "seed", "found by"), rows)
        + "\nWhat was found in the engine itself is kept, minimised, and played in every build:\n\n"
        + "".join(f"* `{name}`\n" for name in page.regressions)
    )


def _real(page: Page) -> str:
    hostile = [(what, f"{tried:,}", f"`pytest {path}`") for what, (path, tried) in page.hostile.items()]
    limits = [(what, happens, f"`pytest {path}`") for what, (happens, path) in page.limits.items()]
    kills = page.aws_kills
    real = _REAL.format(
        kill_rounds=page.kill_rounds,
        damage_passed=page.damage_passed,
        aws_rounds=kills.rounds,
        aws_processes=kills.processes,
        aws_invocations=kills.invocations,
    )
    return (
        real
        + "## Limits\n\n"
        + "What is beyond a limit is refused by the limit's name and number, and holds up nobody else.\n\n"
        + _table(("beyond its limit", "what happens", "see for yourself"), limits)
        + "\n## Hostile input\n\n"
        + "No input makes ingress or admin answer with 500 or more; no decoder raises anything but its one error.\n\n"
        + _table(("read by", "inputs tried", "see for yourself"), hostile)
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
