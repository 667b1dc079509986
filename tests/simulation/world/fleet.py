"""The fleet: processes that share one store and one queue, as functions on Lambda do.

A dispatcher lives for the messages that it takes while it lives; an ingress lives for one request. Each is a World of
its own, is killed at its deadline at the latest, and leaves watchdogs behind that outlive it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from holdfast_engine.engine import Engine
from holdfast_engine.errors import Unavailable
from holdfast_engine.limits import RuleBook
from holdfast_engine.ports import Discovery
from holdfast_engine.records import KeyRef
from holdfast_engine.registry import Registry
from holdfast_engine.upkeep import renew_leases
from holdfast_engine.world import Settings, Tasks, World
from holdfast_protocol.attempt import AttemptRunner
from tests.simulation.history import History
from tests.simulation.watch import Violation, Watch
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Faults, Kind, Site
from tests.simulation.world.invokers import SimInvoker
from tests.simulation.world.loop import SimLoop
from tests.simulation.world.port import STALL_S_MAX, Latency
from tests.simulation.world.process import Process
from tests.simulation.world.queue import Delivery, SimQueue
from tests.simulation.world.store import SimStore
from tests.simulation.world.surroundings import SimBlobs, SimClock, SimDice
from tests.simulation.world.wakeups import SimWakeups

_ATTEMPTS_MAX = 1000
# A message whose handling failed comes back after so long.
_FAILED_S = 2.0
_EVER_S = 1e6


class ConnectionLost(Exception):
    """The process that served a request died, or took too long: nobody knows what came of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the processes of one scenario live.

    `batch_max`: messages that one dispatcher takes. `acks_at_end`: whether it acknowledges them only when all its work
    is done. `renews`: whether attempts under way renew their leases.
    """

    life_s: float
    dispatchers_max: int
    batch_max: int
    acks_at_end: bool
    renews: bool
    skew_ms_max: int
    settings: Settings


class Instance:
    """One process with its engine."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        loop, habits = fleet.loop, fleet.habits
        self.process = Process(loop, name=name, skew_ms=fleet.new_skew_ms(), deadline_s=loop.now_s + habits.life_s)
        self.deliveries = 0
        self.taken = 0
        self.engine = Engine(self._world(fleet))
        if habits.renews:
            self.process.spawn(renew_leases(self.engine.world))

    def _world(self, fleet: Fleet) -> World:
        process = self.process
        clock = SimClock(process)
        common: dict[str, Any] = {
            "process": process,
            "faults": fleet.faults,
            "latency": fleet.latency,
            "history": fleet.history,
        }
        invoker = SimInvoker(process, fleet, fleet.runner)
        invoker.world = World(
            store=SimStore(fleet.disk, clock.now_ms, **common),
            wakeups=SimWakeups(fleet.queue, fleet.disk, clock.now_ms, **common),
            invoker=invoker,
            discovery=_NoDiscovery(),
            blobs=SimBlobs(fleet.disk, **common),
            clock=clock,
            dice=fleet.engine_dice,
            registry=Registry([rows[""] for rows in fleet.disk.items["deployment"].values()]),
            settings=fleet.habits.settings,
            tasks=Tasks(_ATTEMPTS_MAX),
            rules=fleet.disk.get("rules", "rules") or RuleBook(),
        )
        return invoker.world

    async def idle(self) -> None:
        """Wait until nothing is left to do here."""
        await self.engine.world.tasks.idle(_EVER_S)


class Fleet:
    """All processes of a scenario."""

    def __init__(
        self,
        loop: SimLoop,
        *,
        disk: Disk,
        queue: SimQueue,
        runner: AttemptRunner,
        faults: Faults,
        latency: Latency,
        history: History,
        watch: Watch,
        dice: Random,
        habits: Habits,
    ) -> None:
        self.loop = loop
        self.disk = disk
        self.queue = queue
        self.runner = runner
        self.faults = faults
        self.latency = latency
        self.history = history
        self.watch = watch
        self.habits = habits
        self.engine_dice = SimDice(dice)
        self.crashes = 0
        self.alive = 0
        self._dice = dice
        self._born = 0
        self._dispatchers: list[Instance] = []
        queue.deliver = self._deliver

    def new_skew_ms(self) -> int:
        """Return how wrong the clock of the next process is."""
        most = self.habits.skew_ms_max
        return self._dice.randint(-most, most) if most else 0

    async def request(self, name: str, work: Callable[[Engine], Awaitable[Any]]) -> Any:
        """Have a request served by an ingress process of its own.

        Raises:
            ConnectionLost: It did not live to answer.
        """
        return await self.instance_for(name, lambda instance: work(instance.engine))

    async def instance_for(self, name: str, work: Callable[[Instance], Awaitable[Any]]) -> Any:
        """Have a process of its own do some work.

        Raises:
            ConnectionLost: It did not live to answer.
        """
        instance = self._born_as(name)
        reply: asyncio.Future[Any] = self.loop.create_future()

        def lost() -> None:
            if not reply.done():
                reply.set_exception(ConnectionLost(instance.process.name))

        async def serve() -> None:
            try:
                answer = await work(instance)
            except Exception as error:  # noqa: BLE001 - it is the answer.
                if not reply.done():
                    reply.set_exception(error)
            else:
                if not reply.done():
                    reply.set_result(answer)
            await instance.idle()
            instance.process.end()

        instance.process.on_death.append(lost)
        instance.process.spawn(serve())
        return await reply

    def _born_as(self, kind: str) -> Instance:
        self._born += 1
        self.alive += 1
        instance = Instance(self, f"{kind}{self._born}")
        process = instance.process
        process.on_death.append(lambda: self._count_death(process))
        fault = self.faults.draw(Site.PROCESS)
        if fault is not None:
            delay_s = fault.amount * fault.amount * self.habits.life_s * 0.5
            if fault.kind is Kind.KILLED:
                self.loop.in_the_world(delay_s, process.crash)
            else:
                self.loop.in_the_world(delay_s, process.freeze, fault.amount * STALL_S_MAX)
        return instance

    def _count_death(self, process: Process) -> None:
        self.alive -= 1
        self.crashes += process.has_crashed
        self.history.add(f"{process.name} {'dies' if process.has_crashed else 'ends'}")

    def _deliver(self, delivery: Delivery) -> bool:
        """Hand a message to a dispatcher; False when there is no room for one more."""
        self._dispatchers = [each for each in self._dispatchers if not each.process.is_dead]
        open_ones = [each for each in self._dispatchers if each.taken < self.habits.batch_max and each.deliveries]
        has_room = len(self._dispatchers) < self.habits.dispatchers_max
        if open_ones and (not has_room or self._dice.random() < 0.4):
            instance = self._dice.choice(open_ones)
        elif has_room:
            instance = self._born_as("d")
            self._dispatchers.append(instance)
            instance.process.on_death.append(lambda: self.loop.in_the_world(0.0, self.queue.offer_again))
        else:
            return False
        instance.taken += 1
        instance.deliveries += 1
        instance.process.spawn(self._handle(instance, delivery))
        return True

    async def _handle(self, instance: Instance, delivery: Delivery) -> None:
        engine, body = instance.engine, delivery.message.body
        self.history.add(f"receives message {delivery.message.number}.{delivery.receipt} {body}")
        again: int | None = None
        try:
            if isinstance(body, KeyRef):
                await engine.check_key(body)
            else:
                again = await engine.advance(body)
            if self.habits.acks_at_end:
                # Until then who waits for what this process does goes on here without a message of its own.
                if again is None and isinstance(body, str):
                    engine.world.in_hand.put(body)
                await instance.idle()
                if isinstance(body, str) and not engine.world.in_hand.let_go(body):
                    again = engine.world.clock.now_ms()
        except Unavailable:
            self.queue.put_back(delivery, delay_s=_FAILED_S)
        except Exception as error:
            self.watch.found(Violation("bug", f"handling {body} raised {error!r}"))
            raise
        else:
            if again is None:
                self.queue.acknowledge(delivery)
            else:
                clock_ms = engine.world.clock.now_ms()
                self.queue.put_back(delivery, delay_s=(again - clock_ms) / 1000)
        instance.deliveries -= 1
        if instance.deliveries == 0:
            await instance.idle()
            if instance.deliveries == 0:
                instance.process.end()


class _NoDiscovery(Discovery):
    async def discover(self, endpoint: Any) -> Any:
        raise AssertionError(f"deployments are put into the registry as they are: {endpoint}")
