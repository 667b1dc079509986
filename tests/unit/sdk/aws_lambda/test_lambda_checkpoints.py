"""Attempts on Lambda that append to their journal: what, when, and what becomes of it when that does not work."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import holdfast
from holdfast import Context, RunOptions, aws_lambda, gather
from holdfast._dynamo import DynamoClient, Refused
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.grants import Reached, Slot
from holdfast_protocol.messages import MessageType, encode, encode_notification
from tests.support.scripted_server import answer, error, hang_up
from tests.unit.sdk.aws_lambda.functions import (
    INPUT,
    V7,
    Answer,
    Fn,
    Function,
    dynamodb,
    grant,
    ten_steps,
)


def test_ten_steps_are_one_invocation(function: Function) -> None:
    """Each step is appended before the next one starts; the last one travels with the result."""
    function.deploy(ten_steps)
    ended = function.attempt(grant())
    assert function.appends == [["RUN", "RUN_COMPLETION", "RUN"], *[["RUN_COMPLETION", "RUN"]] * 8]
    assert ended.types == ["PROPOSE_RUN_COMPLETION", "OUTPUT", "END"]
    assert ended.output == b"45"
    assert ended.status == 200
    assert ended.headers["content-type"] == V7
    assert ended.headers["x-restate-server"] == f"restate-sdk-holdfast/{holdfast.__version__}"
    assert ended.reached is not None
    assert (ended.reached.is_certain, ended.reached.slot.length) == (True, 20)


def test_without_a_grant_it_suspends_like_any_other(function: Function) -> None:
    """On another server each awaited step ends its attempt, as with Restate's own SDK, and nothing is written."""
    function.deploy(ten_steps)
    suspended = function.attempt(None)
    assert suspended.types == ["RUN", "PROPOSE_RUN_COMPLETION", "SUSPENSION"]
    assert suspended.reached is None
    assert not function.server.received


@pytest.mark.parametrize("version", [5, 6, 7])
def test_every_version_is_checkpointed(function: Function, version: int) -> None:
    """A grant counts in every version of the protocol."""
    function.deploy(ten_steps)
    ended = function.attempt(grant(), content_type=V7.replace("v7", f"v{version}"))
    assert ended.output == b"45"
    assert len(function.appends) == 9


def test_gathered_steps_share_an_append(function: Function) -> None:
    """Steps that end together cost together: nothing at all when the handler's end follows."""

    async def handler(ctx: Context, _: int) -> int:
        steps = [ctx.run_typed(f"step {number}", int, RunOptions(), number) for number in range(10)]
        await gather(*steps)
        return sum([await step for step in steps])

    function.deploy(handler)
    assert function.attempt(grant()).output == b"45"
    assert len(function.appends) <= 2


def test_appends_keep_nobody_waiting(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """While other steps execute, an append is in a thread of its own; without any, a thread would only cost."""
    threads: list[str] = []
    update = DynamoClient.update_item

    def update_item(self: DynamoClient, *args: Any, **options: Any) -> Refused | None:
        threads.append(threading.current_thread().name.partition("_")[0])
        return update(self, *args, **options)

    monkeypatch.setattr(DynamoClient, "update_item", update_item)

    async def slow() -> None:
        await asyncio.sleep(0.05)

    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("alone", int)
        await gather(ctx.run_typed("quick", int), ctx.run_typed("slow", slow))

    function.deploy(handler)
    function.attempt(grant())
    assert threads == ["MainThread", "holdfast-journal"]


def test_merged_entries_go_in_front(function: Function) -> None:
    """What was sent and is not stored yet is stored with the first append, in front, with its signals' tokens."""
    signal = encode_notification(MessageType.SIGNAL, pb.Notification(signal_name="go", value=pb.Value(content=b"1")))
    function.deploy(ten_steps)
    function.attempt(grant(taken=["s#go"]), entries=[INPUT, signal])
    assert function.appends[:2] == [["SIGNAL", "RUN", "RUN_COMPLETION", "RUN"], ["RUN_COMPLETION", "RUN"]]
    first, second = [received.content["ExpressionAttributeValues"] for received in function.server.received[:2]]
    assert first[":a"] == {"L": [{"S": "s#go"}]}
    assert ":a" not in second


def test_without_an_append_nothing_was_reached(function: Function) -> None:
    """An attempt with nothing to append says that it stands where it began."""

    async def handler(ctx: Context, _: int) -> None:
        await ctx.sleep(timedelta(days=1))

    function.deploy(handler)
    granted = grant()
    suspended = function.attempt(granted)
    assert suspended.types == ["SLEEP", "SUSPENSION"]
    assert suspended.reached == Reached(slot=granted.slot, is_certain=True)


@dynamodb(answer(), error("ConditionalCheckFailedException"))
def test_a_fenced_attempt_executes_nothing_more(function: Function) -> None:
    """When an append is refused, no closure starts any more, and whatever is answered is an error."""
    executed: list[int] = []

    async def handler(ctx: Context, _: int) -> None:
        for number in range(5):
            await ctx.run_typed("step", executed.append, RunOptions(), number)

    function.deploy(handler)
    assert function.attempt(grant()).types == ["ERROR"]
    assert executed == [0, 1]


@dynamodb(answer(), error("ValidationException"))
def test_lasting_trouble_ends_an_attempt_as_others_end(function: Function, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be appended travels in the answer, whose suspension is over at once; that is said in the log."""
    executed: list[int] = []

    async def handler(ctx: Context, _: int) -> None:
        for number in range(5):
            await ctx.run_typed("step", executed.append, RunOptions(), number)

    function.deploy(handler)
    with caplog.at_level(logging.WARNING, "holdfast"):
        suspended = function.attempt(grant())
    assert executed == [0, 1]
    assert suspended.types == ["RUN_COMPLETION", "RUN", "SUSPENSION"]
    assert suspended.awaits == [2]
    assert suspended.reached is not None
    assert (suspended.reached.slot.length, suspended.reached.is_certain) == (4, True)
    assert "ValidationException" in caplog.text


@dynamodb(answer(), hang_up)
def test_trouble_of_unknown_outcome_is_told_as_such(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody knows whether the last append took effect, the answer says so."""
    monkeypatch.setattr("holdfast._dynamo._PAUSE_S_MAX", 0.0)
    function.deploy(ten_steps)
    suspended = function.attempt(grant())
    assert suspended.reached is not None
    assert not suspended.reached.is_certain


@dynamodb(answer(), error("ThrottlingException"), hang_up, answer(503, {}), answer(200, x_amz_crc32="1"), answer())
def test_passing_trouble_is_not_noticed(function: Function) -> None:
    """Throttling, lost and damaged answers cost time and nothing else."""
    function.deploy(ten_steps)
    assert function.attempt(grant()).output == b"45"
    assert len(function.server.received) == 9 + 4


def _interleaved(command: Callable[[Context], object]) -> Fn:
    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("before", int)
        command(ctx)
        await ctx.run_typed("after", int)

    return handler


@pytest.mark.parametrize(
    ("command", "kind", "awaited"),
    [
        (lambda ctx: ctx.generic_call("Other", "handler", b""), "CALL", 2),
        (lambda ctx: ctx.generic_send("Other", "handler", b""), "ONE_WAY_CALL", 2),
        (lambda ctx: ctx.resolve_awakeable("sign_1" + "A" * 38, 1), "COMPLETE_AWAKEABLE", 1),
        (lambda ctx: ctx.resolve_signal("inv_1" + "0" * 33, "name", 1), "SEND_SIGNAL", 1),
        (lambda ctx: ctx.cancel_invocation("inv_1" + "0" * 33), "SEND_SIGNAL", 1),
    ],
)
def test_what_others_wait_for_leaves_before_the_next_step(
    function: Function, command: Callable[[Context], object], kind: str, awaited: int
) -> None:
    """Calls and messages travel in the answer, which comes before the next step; another attempt follows at once."""
    function.deploy(_interleaved(command))
    suspended = function.attempt(grant())
    assert not function.server.received
    assert suspended.types == ["RUN", "RUN_COMPLETION", kind, "RUN", "SUSPENSION"]
    assert suspended.awaits == [awaited]


def test_a_message_before_the_first_step_waits_for_it(function: Function) -> None:
    """A message that leaves nothing to wait for travels behind the first step: an attempt makes progress first."""

    async def handler(ctx: Context, _: int) -> None:
        ctx.resolve_awakeable("sign_1" + "A" * 38, 1)
        await ctx.run_typed("first", int)
        await ctx.run_typed("second", int)

    function.deploy(handler)
    suspended = function.attempt(grant())
    assert suspended.types == ["COMPLETE_AWAKEABLE", "RUN", "RUN_COMPLETION", "RUN", "SUSPENSION"]
    assert suspended.awaits == [1]


def test_a_message_before_the_first_step_of_a_later_attempt(function: Function) -> None:
    """A message that replay has come to leaves at once: what the journal holds is as good to wait for."""

    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("replayed", int)
        ctx.resolve_awakeable("sign_1" + "A" * 38, 1)
        await ctx.run_typed("second", int)

    run = encode(pb.RunCommand(result_completion_id=1, name="replayed"))
    result = pb.Notification(completion_id=1, value=pb.Value(content=b"0"))
    entries = [INPUT, run, encode_notification(MessageType.RUN_COMPLETION, result)]
    function.deploy(handler)
    slot = Slot(page=0, count=3, base=0, frames_bytes=60)
    suspended = function.attempt(grant(slot=slot, durable=3), entries=entries)
    assert suspended.types == ["COMPLETE_AWAKEABLE", "RUN", "SUSPENSION"]
    assert suspended.awaits == [1]


def test_state_does_not_end_an_attempt(function: Function) -> None:
    """State belongs to the key that the invocation holds: nobody waits for it, and it is appended like a step."""
    counter = holdfast.VirtualObject("Tested")

    async def work(ctx: holdfast.ObjectContext, _: int) -> int:
        for number in range(3):
            ctx.set("count", number + await ctx.run_typed("step", int))
        return await ctx.get("count", type_hint=int) or 0

    counter.handler()(work)
    function.handler = aws_lambda.handler([counter])
    assert function.attempt(grant()).output == b"2"
    assert function.appends == [["RUN", "RUN_COMPLETION", "SET_STATE", "RUN"], ["RUN_COMPLETION", "SET_STATE", "RUN"]]


def test_a_result_too_large_for_a_page_travels(function: Function) -> None:
    """A result that only the store can keep travels in the answer; what came before it is stored."""

    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("small", int)
        await ctx.run_typed("large", str, RunOptions(), b"x" * 100_000, "ascii")
        await ctx.run_typed("next", int)

    function.deploy(handler)
    suspended = function.attempt(grant())
    assert function.appends == [["RUN", "RUN_COMPLETION", "RUN"]]
    assert suspended.types == ["RUN_COMPLETION", "RUN", "SUSPENSION"]
    assert suspended.awaits == [2]


def test_many_results_are_appended_in_portions(function: Function) -> None:
    """Results that would not fit into one item together go into several appends, in order."""

    async def handler(ctx: Context, _: int) -> None:
        await gather(*[ctx.run_typed(f"{n}", str, RunOptions(), b"%d" % n * 90_000, "ascii") for n in range(7)])
        await ctx.run_typed("next", int)

    function.deploy(handler)
    function.attempt(grant())
    assert len(function.appends) >= 3
    sizes = [len(received.body) * 3 // 4 for received in function.server.received]
    assert max(sizes) < 300_000
    entries = [entry for append in function.appends for entry in append]
    assert (entries.count("RUN_COMPLETION"), entries.count("RUN")) == (7, 8)
    slots = [received.content["ExpressionAttributeValues"] for received in function.server.received]
    assert [slot[":c"] for slot in slots[1:]] == [{"N": "0"}] * (len(slots) - 1)


@dynamodb(answer(), error("ValidationException"))
def test_portions_that_cannot_be_appended_travel(function: Function) -> None:
    """When trouble comes between two portions, each entry is in the journal or in the answer, and none in both."""

    async def handler(ctx: Context, _: int) -> None:
        await gather(*[ctx.run_typed(f"{n}", str, RunOptions(), b"%d" % n * 90_000, "ascii") for n in range(7)])
        await ctx.run_typed("next", int)

    function.deploy(handler)
    suspended = function.attempt(grant())
    entries = [*function.appends[0], *suspended.types]
    assert (entries.count("RUN_COMPLETION"), entries.count("RUN"), entries[-1]) == (7, 8, "SUSPENSION")
    assert suspended.reached is not None
    assert suspended.reached.slot.length == 1 + len(function.appends[0])


@dynamodb(error("ValidationException"), answer())
def test_behind_what_travels_everything_travels(function: Function) -> None:
    """When an append has failed, later results are not appended in front of it, whatever DynamoDB says by then."""

    async def slow() -> None:
        await asyncio.sleep(0.05)

    async def handler(ctx: Context, _: int) -> None:
        await gather(ctx.run_typed("quick", int), ctx.run_typed("slow", slow))
        await ctx.run_typed("next", int)

    function.deploy(handler)
    suspended = function.attempt(grant())
    assert len(function.appends) == 1
    assert suspended.types == ["RUN", "RUN", "RUN_COMPLETION", "RUN_COMPLETION", "RUN", "SUSPENSION"]


def test_a_sleep_that_an_attempt_sees_end_is_appended(function: Function) -> None:
    """The end of a sleep that was awaited beside a step is an entry of the handler's own."""

    async def slow() -> int:
        await asyncio.sleep(0.1)
        return 1

    async def handler(ctx: Context, _: int) -> str:
        slow_step = ctx.run_typed("slow", slow)
        try:
            await slow_step.or_timeout(timedelta(milliseconds=10))
        except TimeoutError:
            return "late"
        return "in time"

    function.deploy(handler)
    assert function.attempt(grant()).output == b'"late"'
    assert "SLEEP_COMPLETION" in [entry for append in function.appends for entry in append]


class TestDeadline:
    """Attempts end before their functions do."""

    def _steps(self, function: Function, *left_ms: int) -> Answer:
        function.deploy(ten_steps)
        function.context.left_ms = [*left_ms]
        return function.attempt(grant())

    def test_an_attempt_yields_to_the_next(self, function: Function) -> None:
        """With less than five seconds left no closure starts; what was done is stored, and the next attempt follows."""
        suspended = self._steps(function, *[60_000] * 7, 4_999)
        assert suspended.types == ["SUSPENSION"]
        assert len(function.appends) >= 2
        assert suspended.awaits
        assert suspended.reached is not None
        assert suspended.reached.slot.length == 1 + sum(map(len, function.appends))

    def test_a_short_function_uses_most_of_its_time(self, function: Function) -> None:
        """Of a function that may run for three seconds only the last quarter is spared."""
        assert self._steps(function, 3_000, *[1_000] * 100).output == b"45"

    def test_the_first_closure_is_always_started(self, function: Function) -> None:
        """An attempt with hardly any time makes progress all the same."""
        suspended = self._steps(function, 60_000, 100)
        assert suspended.types == ["SUSPENSION"]
        assert len(function.appends) == 1

    def test_a_step_that_would_not_fit_is_not_started(self, function: Function) -> None:
        """When a step took longer than what is left, another is not even started."""

        async def slow() -> None:
            await asyncio.sleep(0.25)

        async def handler(ctx: Context, _: int) -> None:
            for _ in range(3):
                await ctx.run_typed("slow", slow)

        function.deploy(handler)
        function.context.left_ms = [600, 600, 200]
        assert function.attempt(grant()).types == ["SUSPENSION"]
        assert len(function.appends) == 1

    def test_a_context_without_a_clock(self, function: Function) -> None:
        """Called without a context, as tests do, a function has all the time there is."""
        function.deploy(ten_steps)
        function.context = None  # type: ignore[assignment]  # the point of the test
        assert function.attempt(grant()).output == b"45"
