"""Functions that append to their own journals in DynamoDB, beneath an engine that writes to the same tables."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import restate

import holdfast
from holdfast import Context, ObjectContext, RunOptions, gather
from holdfast._dynamo_http import Connection, Reply
from holdfast._lambda_journal import JournalWriter
from holdfast.adapters import restate as adapter
from holdfast.aws_lambda import handler as lambda_handler
from holdfast_aws.store import DynamoStore
from holdfast_engine.world import Settings
from holdfast_local.surroundings import SystemClock
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide, DynoxideMissing
from tests.support.function_world import FunctionWorld, function_environment, services_manifest


@pytest.fixture(scope="module")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """A DynamoDB for this module."""
    try:
        server = Dynoxide(folder=tmp_path_factory.mktemp("dynoxide"))
    except DynoxideMissing as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(dynoxide: Dynoxide, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoStore]:
    """A store on tables of its own, which functions find through their environment."""
    for name, value in function_environment(dynoxide.url).items():
        monkeypatch.setenv(name, value)
    store = new_store(client_of(dynoxide.url), clock=SystemClock())
    yield store
    store.close()


class Executions:
    """How often which step was executed."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.before: dict[str, Callable[[], None]] = {}

    def step(self, name: str) -> str:
        self.steps.append(name)
        self.before.get(name, lambda: None)()
        return "r" * 96


def _services(executions: Executions) -> list[Any]:
    tested, counter = holdfast.Service("Tested"), holdfast.VirtualObject("Counter")

    @tested.handler()
    async def steps(ctx: Context, count: int) -> int:
        for number in range(count):
            await ctx.run_typed(f"step {number}", executions.step, RunOptions(), f"step {number}")
        return count

    @tested.handler()
    async def together(ctx: Context, count: int) -> int:
        names = [f"step {number}" for number in range(count)]
        await gather(*[ctx.run_typed(name, executions.step, RunOptions(), name) for name in names])
        return count

    @tested.handler()
    async def child(ctx: Context, number: int) -> int:
        await ctx.run_typed("child", executions.step, RunOptions(), f"child {number}")
        return number * 2

    @tested.handler()
    async def parent(ctx: Context, number: int) -> int:
        await ctx.run_typed("before", executions.step, RunOptions(), "before")
        doubled = ctx.service_call(child, number)
        await ctx.run_typed("meanwhile", executions.step, RunOptions(), "meanwhile")
        await ctx.sleep(timedelta(milliseconds=50))
        return await doubled

    @tested.handler()
    async def large(ctx: Context, size: int) -> int:
        sizes = [len(await ctx.run_typed(f"large {n}", str, RunOptions(), b"x" * size, "ascii")) for n in range(3)]
        return sum(sizes)

    @counter.handler()
    async def add(ctx: ObjectContext, number: int) -> int:
        total = (await ctx.get("total", type_hint=int) or 0) + number
        await ctx.run_typed("add", executions.step, RunOptions(), "add")
        ctx.set("total", total)
        await ctx.run_typed("added", executions.step, RunOptions(), "added")
        return total

    return [tested, counter]


@asynccontextmanager
async def running(
    store: DynamoStore, executions: Executions, *, settings: Settings | None = None
) -> AsyncIterator[FunctionWorld]:
    services = _services(executions)
    world = FunctionWorld(store, lambda: lambda_handler(services), services_manifest(*services), settings=settings)
    async with world:
        yield world


def _types(entries: tuple[bytes, ...]) -> list[str]:
    return [MessageType(frame_type(entry)).name for entry in entries]


async def test_ten_steps_are_one_invocation(store: DynamoStore) -> None:
    """Ten steps are one invocation of the function, and each is executed once."""
    executions = Executions()
    async with running(store, executions) as world:
        finished = await world.call("Tested/steps", b"10")
        assert finished.outcome.value == b"10"
        assert world.functions.invocations == 1
        assert executions.steps == [f"step {number}" for number in range(10)]
        entries = await world.entries(finished.invocation_id)
        assert _types(entries) == ["INPUT", *["RUN", "RUN_COMPLETION"] * 10, "OUTPUT"]


async def test_without_grants_they_are_eleven(store: DynamoStore) -> None:
    """The same function, not allowed to append, takes an invocation more than it has steps; its journal is the same."""
    executions = Executions()
    async with running(store, executions) as world:
        direct = await world.entries((await world.call("Tested/steps", b"10")).invocation_id)
        world.functions.has_grants = False
        classic = await world.entries((await world.call("Tested/steps", b"10")).invocation_id)
        assert world.functions.invocations == 1 + 11
        assert direct == classic


async def test_many_pages(store: DynamoStore) -> None:
    """A journal of many pages is written by a function and read by the engine."""
    executions = Executions()
    async with running(store, executions) as world:
        finished = await world.call("Tested/steps", b"150")
        assert world.functions.invocations == 1
        assert len(await world.entries(finished.invocation_id)) == 302


async def test_calls_and_sleeps_between_steps(store: DynamoStore) -> None:
    """A call made between two steps is under way while the second one executes."""
    executions = Executions()
    async with running(store, executions) as world:
        child_runs = threading.Event()
        executions.before["child 21"] = child_runs.set
        executions.before["meanwhile"] = lambda: assert_(child_runs.wait(timeout=10))
        finished = await world.call("Tested/parent", b"21")
        assert finished.outcome.value == b"42"
        assert sorted(executions.steps) == ["before", "child 21", "meanwhile"]


def assert_(holds: bool) -> None:
    assert holds


async def test_state_and_steps(store: DynamoStore) -> None:
    """Calls to one key follow one another, and each sees the state that the one before has left."""
    executions = Executions()
    async with running(store, executions) as world:
        totals = [await world.call("Counter/k/add", b"%d" % number) for number in (1, 2, 3)]
        assert [finished.outcome.value for finished in totals] == [b"1", b"3", b"6"]
        assert world.functions.invocations == 3


@pytest.mark.parametrize("size", [50_000, 150_000])
async def test_large_results(store: DynamoStore, size: int) -> None:
    """Results too large for DynamoDB come to the blob store through the answer; none is lost."""
    executions = Executions()
    async with running(store, executions) as world:
        assert (await world.call("Tested/large", b"%d" % size)).outcome.value == b"%d" % (3 * size)


async def test_a_function_that_dies(store: DynamoStore) -> None:
    """A function that dies in a step has kept the steps before it; only the one it died in is executed again."""
    executions = Executions()

    def die() -> None:
        executions.before.clear()
        raise SystemExit

    async with running(store, executions) as world:
        executions.before["step 5"] = die
        assert (await world.call("Tested/steps", b"10")).outcome.value == b"10"
        assert world.functions.invocations == 2
        assert executions.steps == [f"step {number}" for number in (0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9)]


async def test_a_function_that_outlives_its_attempt(store: DynamoStore) -> None:
    """A function that goes on after the dispatcher has given it up gets nothing more into the journal, and stops."""
    executions = Executions()
    is_stuck, go_on = threading.Event(), threading.Event()

    def stick() -> None:
        if not is_stuck.is_set():
            is_stuck.set()
            assert go_on.wait(timeout=30)

    async with running(store, executions) as world:
        zombies: list[asyncio.Task[Any]] = []
        call = world.functions.around

        async def give_up(run: Callable[[], Any]) -> Any:
            task = asyncio.create_task(call(run))
            if not zombies:
                zombies.append(task)
                while not is_stuck.is_set():
                    await asyncio.sleep(0.01)
                raise TimeoutError
            return await task

        world.functions.around = give_up
        executions.before["step 5"] = stick
        finished = await world.call("Tested/steps", b"10")
        before = list(executions.steps)
        go_on.set()
        answer = json.loads(await zombies[0])
        assert answer["statusCode"] == 200
        assert executions.steps == before, "the zombie executes nothing more"
        assert _types(await world.entries(finished.invocation_id)).count("RUN_COMPLETION") == 10


async def test_a_lost_answer_of_the_function(store: DynamoStore) -> None:
    """When the answer gets lost behind the function, what it had appended is not executed again."""
    executions = Executions()
    async with running(store, executions) as world:
        call = world.functions.around
        lost: list[Any] = []

        async def lose(run: Callable[[], Any]) -> Any:
            answer = await call(run)
            if not lost:
                lost.append(answer)
                raise ConnectionResetError
            return answer

        world.functions.around = lose
        assert (await world.call("Tested/steps", b"5")).outcome.value == b"5"
        # The last step travelled with the answer.
        assert executions.steps == [f"step {number}" for number in (0, 1, 2, 3, 4, 4)]


async def test_a_function_that_runs_out_of_time(store: DynamoStore) -> None:
    """An invocation whose steps take longer than the function may run goes on in one function after the other."""
    executions = Executions()
    async with running(store, executions) as world:
        left_ms = [60_000]
        executions.before |= {
            f"step {number}": lambda: left_ms.__setitem__(0, left_ms[0] - 20_000) for number in range(9)
        }

        def remaining_ms() -> int:
            return left_ms[0]

        call = world.functions.around

        async def anew(run: Callable[[], Any]) -> Any:
            left_ms[0] = 60_000
            return await call(run)

        world.functions.around, world.functions.remaining_ms = anew, remaining_ms
        assert (await world.call("Tested/steps", b"9")).outcome.value == b"9"
        assert world.functions.invocations == 3
        assert len(executions.steps) == 9


async def test_restates_own_sdk(store: DynamoStore) -> None:
    """A handler of Restate's own SDK takes one invocation for its steps as well, and waits as it always did."""
    service = restate.Service("Theirs")

    def double(number: int) -> int:
        return 2 * number

    @service.handler()
    async def work(ctx: restate.Context, count: int) -> int:
        total = 0
        for number in range(count):
            total += await ctx.run_typed(f"step {number}", double, number=number)
        await ctx.sleep(timedelta(milliseconds=30))
        return total + await ctx.run_typed("last", double, number=1)

    async with FunctionWorld(store, lambda: adapter.handler([service]), services_manifest(_theirs())) as world:
        finished = await world.call("Theirs/work", b"10")
        assert finished.outcome.value == b"92"
        assert world.functions.invocations == 2


def _theirs() -> holdfast.Service:
    """Return a service of the same shape, for its manifest."""
    theirs = holdfast.Service("Theirs")

    @theirs.handler()
    async def work(ctx: Context, _: int) -> int:
        raise AssertionError

    return theirs


@pytest.fixture
def handler_units(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What DynamoDB bills to functions, write by write."""
    units: list[float] = []
    post, update = Connection.post, JournalWriter._update

    def metered_post(self: Connection, *args: Any, **kwargs: Any) -> Reply:
        reply = post(self, *args, **kwargs)
        units.append(json.loads(reply.body)["ConsumedCapacity"]["CapacityUnits"])
        return reply

    def metered_update(self: JournalWriter, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**update(self, *args, **kwargs), "ReturnConsumedCapacity": "TOTAL"}

    monkeypatch.setattr(Connection, "post", metered_post)
    monkeypatch.setattr(JournalWriter, "_update", metered_update)
    return units


@pytest.mark.parametrize(
    ("path", "body", "units_max"),
    [
        ("Tested/steps", b"1", 3),
        ("Tested/steps", b"10", 13),
        ("Tested/steps", b"100", 120),
        ("Tested/together", b"10", 5),
    ],
)
async def test_the_write_budget(
    store: DynamoStore, handler_units: list[float], path: str, body: bytes, units_max: int
) -> None:
    """What DynamoDB bills for an invocation, to the engine and to the function together, is within the budget."""
    async with running(store, Executions()) as world:
        before = store.meter.write_units
        await world.call(path, body)
        units = store.meter.write_units - before + sum(handler_units)
        print(f"{path} {body.decode()}: {units} units, {len(handler_units)} of them by the function")
        assert world.functions.invocations == 1
        assert units <= units_max
