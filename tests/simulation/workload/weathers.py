"""Weathers: what goes wrong in a history, and the surroundings in which it does."""

from __future__ import annotations

from random import Random

from tests.simulation.scenario import Surroundings
from tests.simulation.world.faults import Kind, Site
from tests.simulation.world.invokers import DIRECT, MODES

_CRASHES = frozenset(
    {Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.KILLED, Kind.FUNCTION_CRASH, Kind.DOUBLED, Kind.STALE_ACK, Kind.DROPPED}
)
_STALLS = frozenset(
    {
        Kind.STALL_BEFORE,
        Kind.STALL_AFTER,
        Kind.FROZEN,
        Kind.FUNCTION_FROZEN,
        Kind.ANSWER_LOST,
        Kind.TIMED_OUT,
        Kind.DOUBLED,
        Kind.STALE_ACK,
    }
)
_ANSWERS = frozenset({Kind.LOST, Kind.UNKNOWN, Kind.REPEATED, Kind.THROTTLED, Kind.ANSWER_LOST, Kind.REFUSED})

# What goes wrong in a history, and how often. Many faults of one sort find more than a few of every sort.
WEATHERS: dict[str, tuple[dict[Site, float], frozenset[Kind]]] = {
    "calm": ({}, frozenset()),
    "crashes": (
        {Site.WRITE: 0.05, Site.SEND: 0.04, Site.READ: 0.005, Site.DELIVERY: 0.1, Site.PROCESS: 0.3, Site.INVOKE: 0.1},
        _CRASHES,
    ),
    "zombies": (
        {
            Site.WRITE: 0.04,
            Site.READ: 0.02,
            Site.PAGE: 0.08,
            Site.DELIVERY: 0.3,
            Site.PROCESS: 0.3,
            Site.INVOKE: 0.3,
        },
        _STALLS,
    ),
    "answers": ({Site.WRITE: 0.12, Site.SEND: 0.08, Site.READ: 0.02, Site.INVOKE: 0.15}, _ANSWERS),
    "operators": (
        {Site.WRITE: 0.03, Site.SEND: 0.01, Site.PROCESS: 0.1, Site.INVOKE: 0.05},
        frozenset({Kind.STALL_BEFORE, Kind.STALL_AFTER, Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.KILLED, Kind.FROZEN}),
    ),
    "mixed": (
        {Site.WRITE: 0.03, Site.SEND: 0.02, Site.READ: 0.006, Site.DELIVERY: 0.1, Site.PROCESS: 0.1, Site.INVOKE: 0.1},
        frozenset(Kind),
    ),
}


def surroundings_of(dice: Random, weather: str) -> Surroundings:
    """Return surroundings in which a weather shows what it can."""
    has_zombies = weather == "zombies"
    has_room = has_zombies or weather == "calm"
    life_s = dice.choice((15.0, 40.0, 90.0))
    latency_s = dice.choice((0.002, 0.02) if has_room else (0.002, 0.02, 0.1))
    renews = has_zombies or dice.random() < 0.7
    modes = (DIRECT,) if has_zombies and dice.random() < 0.5 else (dice.choice(MODES), dice.choice(MODES))
    # A handler that appends by itself leaves large values to the answer, as there is no telling what is large here.
    blob_bytes_min = 100_000 if DIRECT in modes else dice.choice((100_000, 100_000, 60))
    # Short ones still leave time for what a message asks for, or nothing would ever be done but begin again.
    short_s = max(life_s * 0.3, latency_s * 200)
    return Surroundings(
        modes=modes,
        life_s=life_s,
        visibility_s=short_s if has_zombies else dice.choice((life_s + 5.0, life_s + 5.0, short_s)),
        spread_s=dice.choice((0.0, 0.05, 2.0)),
        latency_s=latency_s,
        dispatchers_max=8 if has_room else dice.choice((1, 3, 8)),
        batch_max=dice.choice((1, 3, 10)),
        acks_at_end=dice.random() < 0.5,
        renews=renews,
        # Whoever does not renew has a lease that outlasts an attempt, or none would ever end.
        lease_ms=2_000 if has_zombies else dice.choice((2_000, 8_000, 20_000)) if renews else 40_000,
        skew_ms_max=dice.choice((0, 0, 300, 3_000)),
        runs_max=dice.choice((None, None, 0, 2)),
        blob_bytes_min=blob_bytes_min,
        eager_state_bytes_max=dice.choice((4_194_304, 4_194_304, 12)),
        page_bytes_max=300 if has_zombies else dice.choice((1015, 450, 300)),
    )
