"""Handlers out of reach that append to their journal by themselves: what their answers are put behind, and what not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from holdfast_engine.ports import Answer, AttemptFailure, Fenced, Grant, GrantedCheckpoint
from holdfast_engine.records import Outcome, Slot, Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import decode_invocation_id, encode_awakeable_id
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked
from tests.support.virtual_time import in_virtual_time

T = MessageType
STEP = [f.run(1), f.run_result(1)]


def _grant(attempt: Attempt) -> Grant:
    assert attempt.checkpoint is not None
    return cast("GrantedCheckpoint", attempt.checkpoint).grant


async def _append(e: EngineUnderTest, attempt: Attempt, frames: list[bytes]) -> Slot:
    """Append as a handler elsewhere does, what is pending in front; return the slot behind."""
    grant = _grant(attempt)
    in_front = attempt.request.entries[grant.durable :]
    behind = await e.inner.append(
        attempt.id, slot=grant.slot, epoch=grant.epoch, frames=(*in_front, *frames), taken=grant.taken
    )
    assert not isinstance(behind, Fenced)
    return behind


async def _work(e: EngineUnderTest, handler: Callable[[Attempt], Awaitable[Answer]], *, has_pending: bool) -> list[T]:
    """Call S/work, whose handler is what counts once a signal is pending, if that is wanted; return the entries."""
    e.script.takes = True

    async def whole(attempt: Attempt) -> Answer | list[bytes]:
        if has_pending and attempt.number == 1:
            return Answer(frames=[f.suspension(signals=(1, 17))], is_direct=True, slot=_grant(attempt).slot)
        return await handler(attempt)

    e.script["S/work"] = whole
    invocation_id = await e.send("S/work")
    if has_pending:
        await e.rest(1)
        awakeable_id = encode_awakeable_id(decode_invocation_id(invocation_id), 17)
        await e.engine.complete_awakeable(awakeable_id, Outcome(value=b"s"))
    assert (await e.outcome(invocation_id)) == Outcome(value=b"ok")
    return await e.types(invocation_id)


def _expected(*types: T, has_pending: bool) -> list[T]:
    return [T.INPUT, *([T.SIGNAL] if has_pending else []), *types, T.OUTPUT]


@in_virtual_time
@pytest.mark.parametrize("has_pending", [False, True])
async def test_an_answer_goes_behind_what_was_appended(has_pending: bool) -> None:
    """Entries that the handler has stored are not stored again; its answer comes behind them."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> Answer:
            slot = await _append(e, attempt, STEP)
            return Answer(frames=[f.run(2), f.proposal(2), f.output(), f.END], is_direct=True, slot=slot)

        entries = await _work(e, handler, has_pending=has_pending)
        assert entries == _expected(T.RUN, T.RUN_COMPLETION, T.RUN, T.RUN_COMPLETION, has_pending=has_pending)
        assert len(e.script.attempts) == 1 + has_pending


@in_virtual_time
@pytest.mark.parametrize("has_pending", [False, True])
async def test_without_an_append_nothing_is_read(has_pending: bool) -> None:
    """An answer from where the attempt began goes behind what it was sent, and the journal is not read for it."""
    async with EngineUnderTest(store=Hooked) as e:

        async def handler(attempt: Attempt) -> Answer:
            assert isinstance(e.store, Hooked)
            e.store.hooks["before_load"] = _unwanted
            return Answer(
                frames=[f.run(1), f.proposal(1), f.output(), f.END], is_direct=True, slot=_grant(attempt).slot
            )

        entries = await _work(e, handler, has_pending=has_pending)
        assert entries == _expected(T.RUN, T.RUN_COMPLETION, has_pending=has_pending)


async def _unwanted(_: str, *, epoch: int | None) -> None:
    assert epoch is None, "the attempt's journal was read"


@in_virtual_time
@pytest.mark.parametrize("has_pending", [False, True])
@pytest.mark.parametrize("is_stored", [False, True])
async def test_an_append_in_doubt(has_pending: bool, is_stored: bool) -> None:
    """Whether an append took effect whose outcome the handler never learnt: each entry is stored once, in order."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> Answer:
            if is_stored:
                await _append(e, attempt, STEP)
            frames = [*STEP, f.run(2), f.proposal(2), f.output(), f.END]
            return Answer(frames=frames, is_direct=True, slot=_grant(attempt).slot, is_certain=False)

        entries = await _work(e, handler, has_pending=has_pending)
        assert entries == _expected(T.RUN, T.RUN_COMPLETION, T.RUN, T.RUN_COMPLETION, has_pending=has_pending)
        assert len(e.script.attempts) == 1 + has_pending


@in_virtual_time
@pytest.mark.parametrize("has_pending", [False, True])
async def test_what_a_lost_attempt_has_appended_stays(has_pending: bool) -> None:
    """An attempt that dies without an answer has stored what it has stored; the next one is sent it."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> Answer:
            if attempt.number == 1 + has_pending:
                await _append(e, attempt, STEP)
                failure = AttemptFailure(code=500, message="the function died", rt_code="RT0010")
                return Answer(frames=(), failure=failure, is_direct=True)
            assert attempt.notification(1) is not None
            return Answer(frames=[f.output(), f.END], is_direct=True, slot=_grant(attempt).slot)

        entries = await _work(e, handler, has_pending=has_pending)
        assert entries == _expected(T.RUN, T.RUN_COMPLETION, has_pending=has_pending)


@in_virtual_time
@pytest.mark.parametrize(
    "frame",
    [f.send("Nobody", "listens", 3), f.completion(T.CALL_COMPLETION, 9, void=pb.Void())],
    ids=["a send to nobody", "an answer of the engine"],
)
async def test_what_was_appended_is_checked_like_an_answer(frame: bytes) -> None:
    """A handler that stores what it may not answer fails in the open, at once, though what is stored stays."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> Answer:
            slot = await _append(e, attempt, [*STEP, frame])
            return Answer(frames=[f.output(), f.END], is_direct=True, slot=slot)

        e.script.takes = True
        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(0.01)
        head = await e.head(invocation_id)
        assert head.status is Status.BACKING_OFF
        assert head.last_failure is not None
        assert "Nobody" in head.last_failure.message or "stored a frame of type" in head.last_failure.message
