"""One simulation: a scenario unfolds until nothing is under way, and every checker has looked."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random

from holdfast_engine.records import Status
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_engine.upkeep import recover
from holdfast_engine.world import Settings
from tests.simulation.checkers.journals import GrowingJournals
from tests.simulation.history import History
from tests.simulation.logs import listening
from tests.simulation.scenario import Scenario
from tests.simulation.watch import Checker, Violation, Watch
from tests.simulation.workload.clients import Clients
from tests.simulation.workload.handlers import endpoint
from tests.simulation.workload.outside import Outside
from tests.simulation.workload.programs import POISON
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import DrawnFaults, Fault, Faults, Kind, PlayedFaults, counts
from tests.simulation.world.fleet import Fleet, Habits
from tests.simulation.world.loop import NothingLeft, SimLoop, TooMuch
from tests.simulation.world.port import Latency
from tests.simulation.world.queue import SimQueue
from tests.simulation.world.surroundings import EPOCH_MS, sdk_in_virtual_time
from tests.simulation.world.sweeper import sweep_for_ever

_STEPS_MAX = 300_000
# Everything has come to rest long before; whatever has not never will.
_REST_S_MAX = 6 * 3600.0
_LOOK_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a simulation came to."""

    violation: Violation | None
    history: History
    faults: tuple[Fault, ...]
    stats: Counter[str]

    @property
    def faults_by_kind(self) -> Counter[Kind]:
        """How often each kind of fault happened."""
        return counts(self.faults)


class Simulation:
    """A scenario in the making."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.loop = SimLoop(steps_max=_STEPS_MAX)
        self.history = History(self.loop)
        self.faults = _faults(scenario)
        self.disk = Disk()
        self.watch = Watch(self._checkers())
        self.disk.observers.append(self.watch.change)
        self.disk.load_observers.append(self.watch.load)
        self.outside = Outside(self.watch, self.history)
        self.endpoint = endpoint(scenario.programs, self.outside)
        around = scenario.surroundings
        self.queue = SimQueue(
            self.loop,
            self._stream("queue"),
            faults=self.faults,
            history=self.history,
            visibility_s=around.visibility_s,
            spread_s=around.spread_s,
        )
        self.fleet = Fleet(
            self.loop,
            disk=self.disk,
            queue=self.queue,
            runner=self.endpoint,
            faults=self.faults,
            latency=Latency(self._stream("latency"), scale_s=around.latency_s),
            history=self.history,
            watch=self.watch,
            dice=self._stream("fleet"),
            habits=_habits(scenario),
        )
        self.clients = Clients(self.fleet, self.outside, scenario, self._stream("clients"))

    def run(self) -> Result:
        """Let it unfold."""
        violation: Violation | None = None
        with sdk_in_virtual_time(self.loop), listening(self.watch, self.history):
            try:
                self.loop.run(self._unfold())
            except NothingLeft:
                violation = Violation("D1", "everything waits, and nothing is under way")
            except TooMuch as error:
                violation = Violation("P1", f"it never comes to rest: {error}")
            except Violation as found:
                violation = found
        return Result(
            violation=self.watch.violation or violation,
            history=self.history,
            faults=tuple(self.faults.happened),
            stats=self._stats(),
        )

    async def _unfold(self) -> None:
        self._deploy(1)
        self.loop.call_later(self.scenario.faults_end_ms / 1000, self.faults.stop)
        self.clients.start()
        self.loop.create_task(sweep_for_ever(self.fleet))
        await asyncio.sleep(self.scenario.faults_end_ms / 1000)
        if any(fault.kind is Kind.DROPPED for fault in self.faults.happened):
            await self.fleet.request("recover", lambda engine: recover(engine.world))
        await self._rest()
        self._check_everything_ended()
        self.watch.at_rest()

    async def _rest(self) -> None:
        """Wait until nothing is under way."""
        until_s = self.loop.now_s + _REST_S_MAX
        while self.watch.violation is None:
            has_timers = any(self.disk.items["timer"].values())
            if not len(self.queue) and not has_timers and not self.fleet.alive and self.clients.are_done:
                return
            if self.loop.now_s > until_s:
                raise Violation("P1", f"never comes to rest: {self.queue.bodies()}")
            await asyncio.sleep(_LOOK_EVERY_S)
        raise self.watch.violation

    def _check_everything_ended(self) -> None:
        for invocation_id, rows in self.disk.items["head"].items():
            head = rows.get("")
            if head is None or (head.status is Status.PAUSED and head.target.service == POISON):
                continue
            if head.status is not Status.COMPLETED:
                raise Violation("D1", f"{invocation_id} is {head.status} and nothing is under way")

    def _deploy(self, number: int) -> None:
        mode = self.scenario.surroundings.mode
        deployment = Deployment(
            id=f"dp_1{number:022d}",
            endpoint=Endpoint(transport="in-process", address=f"{mode}:{number}"),
            manifest=self.endpoint.manifest(),
            revisions=tuple((name, number) for name in self.endpoint.service_by_name),
            created_ms=EPOCH_MS + number,
        )
        self.disk.put("deployment", deployment.id, item=deployment)

    def _checkers(self) -> list[Checker]:
        return [GrowingJournals(self.disk)]

    def _stream(self, name: str) -> Random:
        # A stream of its own for each user, so that a change of one does not shift all others.
        return Random(f"{self.scenario.seed} {name}")

    def _stats(self) -> Counter[str]:
        heads = [rows[""] for rows in self.disk.items["head"].values() if "" in rows]
        completed = sum(head.status is Status.COMPLETED for head in heads)
        return Counter(
            steps=self.loop.steps,
            invocations=len(heads),
            completed=completed,
            attempts=self.watch.attempts,
            closures=self.watch.closures,
            crashes=self.fleet.crashes,
            messages=self.queue.delivered,
        )


def run(scenario: Scenario) -> Result:
    """Simulate a scenario."""
    return Simulation(scenario).run()


def _faults(scenario: Scenario) -> Faults:
    if scenario.faults is not None:
        return PlayedFaults(scenario.faults)
    dice = Random(f"{scenario.seed} faults")
    return DrawnFaults(dice, rate_by_site=scenario.rate_by_site, kinds=scenario.kinds)


def _habits(scenario: Scenario) -> Habits:
    around = scenario.surroundings
    return Habits(
        life_s=around.life_s,
        dispatchers_max=around.dispatchers_max,
        batch_max=around.batch_max,
        acks_at_end=around.acks_at_end,
        renews=around.renews,
        skew_ms_max=around.skew_ms_max,
        settings=Settings(
            is_alone=False,
            lease_ms=around.lease_ms,
            runs_max=around.runs_max,
            blob_bytes_min=around.blob_bytes_min,
            eager_state_bytes_max=around.eager_state_bytes_max,
        ),
    )
