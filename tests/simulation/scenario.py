"""Scenarios: all that determines a history, as plain data that a seed generates and a regression keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tests.simulation.workload.programs import Program
from tests.simulation.world.faults import Fault, Kind, Site

What = Literal["cancel", "kill", "pause", "resume", "restart", "purge", "purge journal", "redeploy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one client wants: a call or a send of a program, maybe with an idempotency key, maybe later."""

    at_ms: int
    how: Literal["call", "send"]
    program: int
    idempotency_key: str | None = None
    delay_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator does to an invocation: the n-th of those that it can be done to, counted round.

    Or, `upon_call`, to the one that makes the n-th call of the history, at once, and whenever that is. `for_ms`: how
    long one that is paused stays so, before the operator resumes it. `program`: it is for whoever executes that one.
    """

    at_ms: int
    what: What
    which: int
    upon_call: bool = False
    for_ms: int = 0
    program: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How the processes live, how large the limits are, and how slow and skewed everything is.

    `modes`: how the handlers of the first deployment run, and those of later ones.
    """

    modes: tuple[str, ...] = ("near",)
    life_s: float = 60.0
    visibility_s: float = 70.0
    spread_s: float = 0.05
    latency_s: float = 0.01
    dispatchers_max: int = 4
    batch_max: int = 3
    acks_at_end: bool = True
    renews: bool = True
    lease_ms: int = 10_000
    skew_ms_max: int = 0
    runs_max: int | None = None
    blob_bytes_min: int = 100_000
    eager_state_bytes_max: int = 4_194_304
    page_bytes_max: int = 1015


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything but the engine. `faults` are those to play; None draws them by the rates.

    `rules` are limits by pattern: how many invocations of a scope, or of a limit key in it, run at a time.
    """

    seed: int
    weather: str
    surroundings: Surroundings
    programs: tuple[Program, ...]
    requests: tuple[Request, ...]
    orders: tuple[Order, ...] = ()
    rate_by_site: dict[Site, float] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset()
    faults: tuple[Fault, ...] | None = None
    faults_end_ms: int = 60_000
    rules: dict[str, int] = field(default_factory=dict)

    @property
    def is_calm(self) -> bool:
        """Whether nothing can go wrong."""
        return not self.faults if self.faults is not None else not any(self.rate_by_site.values())

    def to_json(self) -> dict[str, Any]:
        """Return the scenario as a regression keeps it: with the list of its faults."""
        assert self.faults is not None, "a regression lists its faults"
        return {
            "seed": self.seed,
            "weather": self.weather,
            "surroundings": asdict(self.surroundings),
            "programs": [program.to_json() for program in self.programs],
            "requests": [asdict(request) for request in self.requests],
            "orders": [asdict(order) for order in self.orders],
            "faults": [[fault.at, fault.kind.value, fault.amount] for fault in self.faults],
            "faults_end_ms": self.faults_end_ms,
            "rules": self.rules,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Scenario:
        """Return the scenario that a regression has kept."""
        return cls(
            seed=data["seed"],
            weather=data["weather"],
            surroundings=Surroundings(**{**data["surroundings"], "modes": tuple(data["surroundings"]["modes"])}),
            programs=tuple(Program.from_json(program) for program in data["programs"]),
            requests=tuple(Request(**request) for request in data["requests"]),
            orders=tuple(Order(**order) for order in data["orders"]),
            faults=tuple(Fault(at=at, kind=Kind(kind), amount=amount) for at, kind, amount in data["faults"]),
            faults_end_ms=data["faults_end_ms"],
            rules=data.get("rules", {}),
        )
