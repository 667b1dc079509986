"""Conversations with Restate's own SDK: steps are checkpointed, and the attempt goes on until it truly has to wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import restate
from restate.exceptions import RetryableError, TerminalError

from holdfast.adapters import _conversation
from holdfast.adapters._conversation import Conversation, _journal_form
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType, decode, encode, encode_notification, is_command
from tests.support.journals import RAW_ID, FakeCheckpoint

VERSIONS = [5, 6, 7]
_KEPT = {MessageType.PROPOSE_RUN_COMPLETION, MessageType.RUN_COMPLETION}


@dataclass
class Told(FakeCheckpoint):
    """A checkpoint that keeps what is appended, all of it together as well."""

    entries: list[bytes] = field(default_factory=list)

    async def append(self, frames: Any) -> bool:
        is_durable = await super().append(frames)
        if is_durable:
            self.entries += frames
        return is_durable

    @property
    def types(self) -> list[list[str]]:
        return [_types(append) for append in self.appends]


@dataclass
class Talk:
    """One invocation of an official handler."""

    fn: Callable[..., Awaitable[Any]]
    version: int = 7
    entries: list[bytes] = field(default_factory=lambda: [encode(pb.InputCommand(value=pb.Value(content=b"1")))])
    checkpoint: Told = field(default_factory=Told)
    status: int = 0

    async def attempt(self, handler: str = "work") -> list[bytes]:
        service = restate.Service("Tested")
        service.handler("work")(self.fn)
        start = pb.Start(id=RAW_ID, debug_id="inv_x", known_entries=len(self.entries), partial_state=True)
        conversation = Conversation(
            restate.app([service]),
            {
                "type": "http",
                "path": f"/invoke/Tested/{handler}",
                "headers": [(b"content-type", f"application/vnd.restate.invocation.v{self.version}".encode())],
            },
            version=self.version,
            body=encode(start) + b"".join(self.entries),
            entries=self.entries,
            checkpoint=self.checkpoint,
        )
        frames = await asyncio.wait_for(conversation.run(), 20)
        self.status = conversation.status
        stored, self.checkpoint.entries = self.checkpoint.entries, []
        kept = [frame for frame in frames if frame_type(frame) in _KEPT or is_command(frame_type(frame))]
        self.entries = [*self.entries, *stored, *map(_journal_form, kept)]
        return frames


def _types(frames: list[bytes]) -> list[str]:
    return [MessageType(frame_type(frame)).name for frame in frames]


def _output(frames: list[bytes]) -> bytes | pb.Failure:
    output = decode(frames[-2])
    assert isinstance(output, pb.OutputCommand)
    assert _types(frames)[-1] == "END"
    return output.value.content if output.HasField("value") else output.failure


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    """Every version of the protocol."""
    return int(request.param)


async def test_many_steps_are_one_attempt(version: int) -> None:
    """Each awaited step is stored before the next one starts, and the handler ends in its first attempt."""
    stored: list[int] = []
    talk = Talk(lambda ctx, _: handler(ctx), version)

    async def handler(ctx: restate.Context) -> int:
        total = 0
        for number in range(5):
            total += await ctx.run_typed(f"step {number}", step, number=number)
        return total

    def step(number: int) -> int:
        stored.append(len(talk.checkpoint.appends))
        return number

    frames = await talk.attempt()
    assert stored == [0, 1, 2, 3, 4]
    assert talk.checkpoint.types == [["RUN", "RUN_COMPLETION"]] * 5
    assert _types(frames) == ["OUTPUT", "END"]
    assert _output(frames) == b"10"


async def test_steps_awaited_together(version: int) -> None:
    """Gathered steps execute together, and all their results are in the journal when the handler goes on."""
    everybody = asyncio.Barrier(3)

    async def step(number: int) -> int:
        await everybody.wait()
        return number

    async def handler(ctx: restate.Context, _: int) -> int:
        runs = [ctx.run_typed(f"step {number}", step, number=number) for number in range(3)]
        await restate.gather(*runs)
        return sum([await run for run in runs])

    talk = Talk(handler, version)
    frames = await talk.attempt()
    assert _output(frames) == b"3"
    assert sum(each.count("RUN_COMPLETION") for each in talk.checkpoint.types) == 3


async def test_steps_that_have_their_own_threads(version: int) -> None:
    """Steps that block do so in threads, and the conversation goes on meanwhile."""
    both = threading.Barrier(2)

    def step() -> int:
        both.wait(timeout=10)
        return 1

    async def handler(ctx: restate.Context, _: int) -> int:
        one, other = ctx.run_typed("one", step), ctx.run_typed("other", step)
        await restate.gather(one, other)
        return await one + await other

    assert _output(await Talk(handler, version).attempt()) == b"2"


@pytest.mark.parametrize("has_step", [False, True])
async def test_what_cannot_come_ends_the_attempt(version: int, has_step: bool) -> None:
    """An attempt that waits for a sleep, a call or an awakeable suspends, saying for what."""

    async def handler(ctx: restate.Context, _: int) -> None:
        if has_step:
            await ctx.run_typed("step", lambda: 1)
        await ctx.sleep(timedelta(days=1))

    frames = await Talk(handler, version).attempt()
    assert _types(frames) == ["SLEEP", "SUSPENSION"]
    suspension = decode(frames[-1])
    assert isinstance(suspension, pb.Suspension)
    awaited = suspension.awaiting_on if version >= 7 else suspension
    assert list(awaited.waiting_completions) == [1 + has_step]


async def test_waiting_for_a_step_and_something_else() -> None:
    """While a step executes the attempt goes on; with its result the handler does what a race makes of it."""

    async def slow() -> int:
        await asyncio.sleep(0.3)
        return 1

    async def handler(ctx: restate.Context, _: int) -> str:
        match await restate.select(step=ctx.run_typed("step", slow), sleep=ctx.sleep(timedelta(days=1))):
            case ["step", value]:
                return f"step {value}"
            case other:
                return str(other)

    talk = Talk(handler)
    frames = await talk.attempt()
    assert _output(frames) == b'"step 1"'


async def test_all_of_a_step_and_something_else() -> None:
    """Where a stored result is awaited together with what has not come, the attempt ends."""

    async def handler(ctx: restate.Context, _: int) -> None:
        await restate.gather(ctx.run_typed("step", lambda: 1), ctx.sleep(timedelta(days=1)))

    talk = Talk(handler)
    frames = await talk.attempt()
    assert talk.checkpoint.types == [["RUN", "SLEEP", "RUN_COMPLETION"]]
    assert _types(frames) == ["SUSPENSION"]


async def test_a_step_that_nobody_awaits_yet(version: int) -> None:
    """A step that waits to be awaited does not keep an attempt from ending."""

    async def handler(ctx: restate.Context, _: int) -> None:
        later = ctx.run_typed("later", lambda: 1)
        await ctx.sleep(timedelta(days=1))
        await later

    frames = await Talk(handler, version).attempt()
    assert _types(frames) == ["RUN", "SLEEP", "SUSPENSION"]


async def test_impatience_costs_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before version 7, a step longer than the patience is the last one of its attempt, and its result is not lost."""
    monkeypatch.setattr(_conversation, "_PATIENCE_WITH_STEPS_S", 0.05)
    executed = 0

    async def slow() -> int:
        nonlocal executed
        executed += 1
        await asyncio.sleep(0.3)
        return 1

    async def handler(ctx: restate.Context, _: int) -> int:
        return await ctx.run_typed("one", slow) + await ctx.run_typed("other", slow)

    talk = Talk(handler, 6)
    assert _types(await talk.attempt()) == ["RUN", "PROPOSE_RUN_COMPLETION", "SUSPENSION"]
    assert _types(await talk.attempt()) == ["RUN", "PROPOSE_RUN_COMPLETION", "SUSPENSION"]
    assert _output(await talk.attempt()) == b"2"
    assert executed == 2


async def test_long_steps_do_not_end_an_attempt() -> None:
    """From version 7 on an attempt goes on for as long as a step executes."""

    async def slow() -> int:
        await asyncio.sleep(0.4)
        return 1

    async def handler(ctx: restate.Context, _: int) -> int:
        return await ctx.run_typed("one", slow) + await ctx.run_typed("other", slow)

    assert _output(await Talk(handler).attempt()) == b"2"


async def test_a_step_that_fails_for_good(version: int) -> None:
    """A terminal failure of a step is stored as its result, and the handler goes on with it."""

    def fail() -> None:
        raise TerminalError("no", status_code=418)

    async def handler(ctx: restate.Context, _: int) -> str:
        try:
            await ctx.run_typed("step", fail)
        except TerminalError as error:
            return f"{error.status_code} {error.message}"
        return "?"

    talk = Talk(handler, version)
    assert _output(await talk.attempt()) == b'"418 no"'
    failed = decode(talk.entries[2])
    assert isinstance(failed, pb.Notification)
    assert (failed.completion_id, failed.failure.code) == (1, 418)


async def test_a_step_that_is_to_be_tried_again(version: int) -> None:
    """A step that throws ends the attempt with its error, behind all that was done before."""

    def fail() -> None:
        raise RetryableError("later", retry_after=timedelta(seconds=7))

    async def handler(ctx: restate.Context, _: int) -> None:
        await ctx.run_typed("good", lambda: 1)
        await ctx.run_typed("bad", fail)

    talk = Talk(handler, version)
    frames = await talk.attempt()
    assert talk.checkpoint.types == [["RUN", "RUN_COMPLETION"]]
    assert _types(frames) == ["RUN", "ERROR"]
    error = decode(frames[-1])
    assert isinstance(error, pb.Error)
    assert error.next_retry_delay == 7000


async def test_replay_is_not_told_twice(version: int) -> None:
    """What the journal holds is replayed; only what is new is stored."""
    executed: list[str] = []

    async def handler(ctx: restate.Context, _: int) -> None:
        await ctx.run_typed("first", lambda: executed.append("first"))
        await ctx.sleep(timedelta(days=1))
        await ctx.run_typed("second", lambda: executed.append("second"))

    talk = Talk(handler, version)
    await talk.attempt()
    over = pb.Notification(completion_id=2, void=pb.Void())
    talk.entries.append(encode_notification(MessageType.SLEEP_COMPLETION, over))
    frames = await talk.attempt()
    assert executed == ["first", "second"]
    assert talk.checkpoint.types == [["RUN", "RUN_COMPLETION"]] * 2
    assert _types(frames) == ["OUTPUT", "END"]


@pytest.mark.parametrize("fenced_after", [0, 1])
async def test_a_fenced_attempt_executes_nothing_more(version: int, fenced_after: int) -> None:
    """When a newer attempt has taken over, the handler is cut off where it stands."""
    executed: list[int] = []

    async def handler(ctx: restate.Context, _: int) -> None:
        for number in range(5):
            await ctx.run_typed("step", executed.append, restate.RunOptions(), number)

    talk = Talk(handler, version, checkpoint=Told(fenced_after=fenced_after))
    assert _types(await talk.attempt()) == ["ERROR"]
    assert executed == list(range(fenced_after + 1))


async def test_an_attempt_that_had_better_end(version: int) -> None:
    """An attempt whose checkpoint asks for its end suspends for the result it has just stored."""
    executed: list[int] = []

    async def handler(ctx: restate.Context, _: int) -> None:
        for number in range(5):
            await ctx.run_typed("step", executed.append, restate.RunOptions(), number)

    talk = Talk(handler, version, checkpoint=Told(handover_to=1))
    assert _types(await talk.attempt()) == ["SUSPENSION"]
    assert executed == [0]
    talk.checkpoint.handover_to = None
    assert _types(await talk.attempt()) == ["OUTPUT", "END"]
    assert executed == [0, 1, 2, 3, 4]


async def test_trouble_of_the_checkpoint_is_told() -> None:
    """What a checkpoint raises comes out, and the handler is cut off."""

    async def handler(ctx: restate.Context, _: int) -> None:
        await ctx.run_typed("step", lambda: 1)

    with pytest.raises(OSError, match="disk full"):
        await Talk(handler, checkpoint=Told(error_after=0)).attempt()


async def test_a_refusal_is_an_answer() -> None:
    """A request that the application refuses ends at once, with its status."""

    async def handler(ctx: restate.Context, _: int) -> None:
        raise AssertionError

    talk = Talk(handler)
    assert await talk.attempt("nobody") == []
    assert talk.status == 404
