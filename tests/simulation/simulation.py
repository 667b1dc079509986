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
from tests.simulation.checkers.effects import EffectsOnce
from tests.simulation.checkers.endings import EndingTogether, Parked
from tests.simulation.checkers.journals import GrowingJournals, NewestEpoch
from tests.simulation.checkers.keys import FirstInFirstOut, FoldedState, OneHolder
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.checkers.limits import Limits
from tests.simulation.checkers.linearizable import LinearizableCreation, LinearizableObject
from tests.simulation.checkers.outcomes import OneInvocation, OneOutcome
from tests.simulation.checkers.predictions import Predictions
from tests.simulation.checkers.progress import EverythingEnds
from tests.simulation.checkers.promptness import Promptness
from tests.simulation.checkers.steps import RecordedSteps, SameCommands
from tests.simulation.checkers.timers import PunctualTimers
from tests.simulation.history import History
from tests.simulation.logs import listening
from tests.simulation.scenario import Scenario, What
from tests.simulation.watch import Checker, Violation, Watch
from tests.simulation.workload.clients import Clients
from tests.simulation.workload.handlers import endpoint
from tests.simulation.workload.limits import book_of
from tests.simulation.workload.operators import Operators
from tests.simulation.workload.outside import Outside
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import DrawnFaults, Fault, Faults, Kind, PlayedFaults, counts
from tests.simulation.world.fleet import Fleet, Habits
from tests.simulation.world.loop import NothingLeft, SimLoop, TooMuch
from tests.simulation.world.port import Latency
from tests.simulation.world.queue import SimQueue
from tests.simulation.world.surroundings import EPOCH_MS, pages_of, sdk_in_virtual_time
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
    orders: Counter[What]
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
        self.ledger = Ledger(self.disk)
        self.watch = Watch()
        self.disk.observers += [lambda changed: self.ledger.take(changed, self.loop.now_s), self.watch.change]
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
        self.operators = Operators(
            self.fleet,
            scenario.orders,
            scenario.programs,
            self.ledger,
            deploy=self._deploy,
            begin=self.clients.begin,
        )
        self.disk.observers.append(self.operators.on_change)
        self.replays = SameCommands(self.disk, self.ledger, self.endpoint)
        self.watch.checkers = self._checkers()

    def run(self) -> Result:
        """Let it unfold."""
        violation: Violation | None = None
        with (
            sdk_in_virtual_time(self.loop),
            pages_of(self.scenario.surroundings.page_bytes_max),
            listening(self.watch, self.history),
        ):
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
            orders=self.operators.carried_out,
            stats=self._stats(),
        )

    async def _unfold(self) -> None:
        self._deploy()
        self.disk.put("rules", "rules", item=book_of(self.scenario.rules))
        self.loop.call_later(self.scenario.faults_end_ms / 1000, self.faults.stop)
        self.clients.start()
        self.operators.start()
        self.loop.create_task(sweep_for_ever(self.fleet))
        await asyncio.sleep(self.scenario.faults_end_ms / 1000)
        if any(fault.kind is Kind.DROPPED for fault in self.faults.happened):
            await self.fleet.request("recover", lambda engine: recover(engine.world))
        await self._rest()
        await self.replays.replay()
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

    def _deploy(self) -> None:
        """Register the services once more, as a new version of the same code."""
        number = len(self.disk.items["deployment"]) + 1
        modes = self.scenario.surroundings.modes
        mode = modes[min(number, len(modes)) - 1]
        deployment = Deployment(
            id=f"dp_1{number:022d}",
            endpoint=Endpoint(transport="in-process", address=f"{mode}:{number}"),
            manifest=self.endpoint.manifest(),
            revisions=tuple((name, number) for name in self.endpoint.service_by_name),
            created_ms=EPOCH_MS + number,
        )
        self.disk.put("deployment", deployment.id, item=deployment)

    def _checkers(self) -> list[Checker]:
        disk, ledger, around = self.disk, self.ledger, self.scenario.surroundings
        state = FoldedState(disk, ledger)
        # Recovering from a fault takes a life or two: a watchdog comes at the end of one.
        bound_s = 3 * around.life_s + 120.0
        self.creations = LinearizableCreation(self.ledger, self.clients.answered)
        self.objects = LinearizableObject(ledger, self.scenario.programs, self.clients.answered)
        checkers: list[Checker] = [
            GrowingJournals(disk),
            NewestEpoch(disk),
            RecordedSteps(disk, ledger),
            self.replays,
            EverythingEnds(disk),
            EffectsOnce(ledger),
            OneHolder(disk),
            FirstInFirstOut(disk, ledger),
            state,
            OneOutcome(ledger, self.clients.answered),
            OneInvocation(ledger),
            self.creations,
            self.objects,
            PunctualTimers(
                ledger,
                skew_ms_max=around.skew_ms_max,
                late_ms_max=int(bound_s * 1000) if self.scenario.is_calm else None,
            ),
            EndingTogether(
                ledger,
                bound_s=10.0 + 200 * around.latency_s if self.scenario.is_calm else bound_s,
                faults_end_s=self.scenario.faults_end_ms / 1000,
                killed=self.operators.killed,
            ),
            Parked(disk, ledger),
            Limits(disk, book_of(self.scenario.rules)),
            Predictions(disk, ledger, self.outside, self.scenario.programs, state, self.operators.disturbed),
        ]
        if self.scenario.is_calm and around.dispatchers_max >= 8 and around.latency_s < 0.1:
            soon_s = 4.0 + 200 * around.latency_s + around.spread_s
            checkers.append(Promptness(disk, ledger, bound_s=soon_s, later=self.loop.in_the_world))
        return checkers

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
            keys_linearized=self.creations.decided,
            objects_linearized=self.objects.decided,
            objects_undecided=self.objects.undecided,
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
