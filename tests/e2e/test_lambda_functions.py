"""Functions that append to their own journals in DynamoDB, beneath an engine that writes to the same tables."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import restate
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

import holdfast
from holdfast import Context, ObjectContext, RunOptions, gather
from holdfast._dynamo import DynamoClient, Refused, Undecided
from holdfast._dynamo_http import Connection, Reply
from holdfast._lambda_journal import JournalWriter
from holdfast.adapters import restate as adapter
from holdfast.aws_lambda import handler as lambda_handler
from holdfast_aws.store import DynamoStore
from holdfast_local.surroundings import SystemClock
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide
from tests.support.function_world import FunctionWorld, function_environment, services_manifest


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
    store: DynamoStore, executions: Executions, *, has_grants: bool = True
) -> AsyncIterator[FunctionWorld]:
    services = _services(executions)
    manifest = services_manifest(*services)
    async with FunctionWorld(store, lambda: lambda_handler(services), manifest, has_grants=has_grants) as world:
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
    journals = []
    for has_grants, invocations in ((True, 1), (False, 11)):
        async with running(store, Executions(), has_grants=has_grants) as world:
            journals.append(await world.entries((await world.call("Tested/steps", b"10")).invocation_id))
            assert world.functions.invocations == invocations
    assert journals[0] == journals[1]


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
    zombies = ThreadPoolExecutor(max_workers=1)
    answers: list[Future[dict[str, Any]]] = []

    def stick() -> None:
        if not is_stuck.is_set():
            is_stuck.set()
            assert go_on.wait(timeout=30)

    def give_up(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if answers:
            return run()
        answers.append(zombies.submit(run))
        assert is_stuck.wait(timeout=30)
        raise ReadTimeoutError(endpoint_url="lambda")

    async with running(store, executions) as world:
        world.functions.around = give_up
        executions.before["step 5"] = stick
        finished = await world.call("Tested/steps", b"10")
        before = list(executions.steps)
        go_on.set()
        payload = json.loads((await asyncio.wrap_future(answers[0]))["Payload"].read())
        assert payload["statusCode"] == 200
        assert executions.steps == before, "the zombie executes nothing more"
        assert _types(await world.entries(finished.invocation_id)).count("RUN_COMPLETION") == 10
    zombies.shutdown()


async def test_a_lost_answer_of_the_function(store: DynamoStore) -> None:
    """When the answer gets lost behind the function, what it had appended is not executed again."""
    executions = Executions()
    lost: list[dict[str, Any]] = []

    def lose(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        answer = run()
        if lost:
            return answer
        lost.append(answer)
        raise ConnectionClosedError(endpoint_url="lambda")

    async with running(store, executions) as world:
        world.functions.around = lose
        assert (await world.call("Tested/steps", b"5")).outcome.value == b"5"
        # The last step travelled with the answer.
        assert executions.steps == [f"step {number}" for number in (0, 1, 2, 3, 4, 4)]


async def test_a_function_that_runs_out_of_time(store: DynamoStore) -> None:
    """An invocation whose steps take longer than the function may run goes on in one function after the other."""
    executions = Executions()
    left_ms = 60_000

    def anew(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        nonlocal left_ms
        left_ms = 60_000
        return run()

    def take_long() -> None:
        nonlocal left_ms
        left_ms -= 20_000

    async with running(store, executions) as world:
        executions.before |= {f"step {number}": take_long for number in range(9)}
        world.functions.around, world.functions.remaining_ms = anew, lambda: left_ms
        assert (await world.call("Tested/steps", b"9")).outcome.value == b"9"
        assert world.functions.invocations == 3
        assert len(executions.steps) == 9


@pytest.mark.parametrize(("is_done", "is_certain"), [(False, True), (False, False), (True, False)])
@pytest.mark.parametrize("number", [0, 1, 5])
async def test_an_append_that_nobody_decides(
    store: DynamoStore, monkeypatch: pytest.MonkeyPatch, number: int, is_done: bool, is_certain: bool
) -> None:
    """Whatever becomes of an append that the function gives up, each step executes once and is in the journal once."""
    update = DynamoClient.update_item
    updates: list[Any] = []

    def undecided(self: DynamoClient, request: Any, *, budget_s: float) -> Refused | None:
        updates.append(request)
        if len(updates) == number + 1:
            if is_done:
                update(self, request, budget_s=budget_s)
            raise Undecided("nobody knows", is_certain=is_certain)
        return update(self, request, budget_s=budget_s)

    monkeypatch.setattr(DynamoClient, "update_item", undecided)
    executions = Executions()
    async with running(store, executions) as world:
        finished = await world.call("Tested/steps", b"10")
        assert finished.outcome.value == b"10"
        assert world.functions.invocations == 2
        assert executions.steps == [f"step {number}" for number in range(10)]
        entries = await world.entries(finished.invocation_id)
        assert _types(entries) == ["INPUT", *["RUN", "RUN_COMPLETION"] * 10, "OUTPUT"]


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
