"""Journal mismatches: the code no longer asks what the journal recorded, and the error says everything about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, JournalMismatch, ObjectContext, gather
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, encode
from tests.support.journals import Journal


def _recorded(*commands: Any, fn: Any, **options: Any) -> Journal:
    journal = Journal(fn, **options)
    journal.entries += [encode(command) for command in commands]
    return journal


def _run(completion_id: int, name: str) -> pb.RunCommand:
    return pb.RunCommand(result_completion_id=completion_id, name=name)


async def _mismatch(journal: Journal) -> pb.Error:
    error = (await journal.attempt()).error
    assert error.code == 570, error.message
    assert "What to do:" in error.message
    assert "new deployment" in error.message
    assert "ctx.uuid()" in error.message
    return error


async def test_another_kind_of_command_is_named_with_the_recorded_one() -> None:
    """The message names entry, command, invocation and handler, what was recorded and what the code asked for."""

    async def handler(ctx: Context) -> None:
        ctx.run_typed("charge", int)
        await ctx.sleep(timedelta(1), name="pause")

    journal = _recorded(_run(1, "charge"), fn=handler)
    journal.value(1, b"1", of=MessageType.RUN_COMPLETION)
    journal.entries.append(encode(_run(2, "ship")))
    error = await _mismatch(journal)
    assert "entry 3 (command 2) of inv_x (Tested/handler)" in error.message
    assert "recorded: run 'ship'" in error.message
    assert "asked for: sleep 'pause'" in error.message
    related = (error.related_command_index, error.related_command_name, error.related_command_type)
    assert related == (2, "pause", MessageType.SLEEP)


@pytest.mark.parametrize(
    ("recorded", "asked", "differs"),
    [
        (_run(1, "a"), lambda ctx: ctx.run_typed("b", int), "name: recorded 'a', now 'b'"),
        (
            pb.CallCommand(
                service="S", handler="h", parameter=b"p", invocation_id_notification_idx=1, result_completion_id=2
            ),
            lambda ctx: ctx.generic_call("S", "h", b"q"),
            "parameter: recorded 'p', now 'q'",
        ),
        (
            pb.SetStateCommand(key=b"k", value=pb.Value(content=b"5")),
            lambda ctx: ctx.set("k", 6),
            "value: recorded '5', now '6'",
        ),
        (
            pb.GetEagerStateCommand(key=b"a", void=pb.Void()),
            lambda ctx: ctx.get("b"),
            "key: recorded 'a', now 'b'",
        ),
        (
            pb.GetLazyStateCommand(key=b"a", result_completion_id=2),
            lambda ctx: ctx.get("a"),
            "result_completion_id: recorded 2, now 1",
        ),
        (
            pb.SleepCommand(wake_up_time=1, result_completion_id=1, name="a"),
            lambda ctx: ctx.sleep(timedelta(1), name="b"),
            "name: recorded 'a', now 'b'",
        ),
        (
            pb.CompleteAwakeableCommand(awakeable_id="sign_1x", failure=pb.Failure(code=500, message="no")),
            lambda ctx: ctx.resolve_awakeable("sign_1x", 1),
            "failure: recorded 'no', now ''",
        ),
    ],
)
async def test_a_command_that_differs_says_in_what(recorded: Any, asked: Any, differs: str) -> None:
    """Two commands of one kind are compared by field, and those that differ are shown with both values."""

    async def handler(ctx: ObjectContext) -> None:
        asked(ctx)

    error = await _mismatch(_recorded(recorded, fn=handler, kind="object", key="k"))
    assert differs in error.message


async def test_returning_before_the_recorded_commands_is_a_mismatch() -> None:
    """A handler that returns while the journal has more commands no longer does what it did."""

    async def handler(ctx: Context) -> str:
        return "done"

    error = await _mismatch(_recorded(_run(1, "a"), fn=handler))
    assert "asked for: handler return" in error.message


async def test_another_output_is_a_mismatch() -> None:
    """A recorded output must be returned again; then the attempt just ends."""

    async def handler(ctx: Context) -> str:
        return "now"

    error = await _mismatch(_recorded(pb.OutputCommand(value=pb.Value(content=b'"then"')), fn=handler))
    assert "recorded '\"then\"'" in error.message
    same = _recorded(pb.OutputCommand(value=pb.Value(content=b'"now"')), fn=handler)
    assert (await same.attempt()).kinds == ["End"]


async def test_an_added_await_is_a_mismatch() -> None:
    """An await that waits where the recorded code went on is named with what it waits for."""

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("a", int), ctx.signal("go"))
        await ctx.run_typed("b", int)

    error = await _mismatch(_recorded(_run(1, "a"), _run(2, "b"), fn=handler))
    assert "the code waits at a point where the recorded code went on" in error.message
    assert "run 'a', signal 'go'" in error.message
    assert "recorded as the next command: run 'b'" in error.message


async def test_a_result_later_in_the_journal_is_no_mismatch() -> None:
    """An await may be settled by a notification that stands behind later commands."""

    async def handler(ctx: Context) -> int:
        first, second = ctx.run_typed("a", int), ctx.run_typed("b", int)
        return await first + await second

    journal = _recorded(_run(1, "a"), _run(2, "b"), fn=handler)
    journal.value(2, b"2", of=MessageType.RUN_COMPLETION)
    journal.value(1, b"1", of=MessageType.RUN_COMPLETION)
    assert (await journal.attempt()).output == b"3"


async def test_the_same_command_in_other_bytes_is_no_mismatch() -> None:
    """Flags, field order and unknown fields of a recorded command do not matter; its known fields do."""

    async def handler(ctx: Context) -> int:
        return await ctx.run_typed("a", int)

    body = b"\x62\x01a" + b"\x58\x01" + b"\xfa\x01\x02hi"  # name before id, then field 31
    raw = b"\x04\x11\x80\x00" + len(body).to_bytes(4) + body
    journal = Journal(handler)
    journal.entries.append(raw)
    journal.value(1, b"4", of=MessageType.RUN_COMPLETION)
    assert (await journal.attempt()).output == b"4"


async def test_clocks_may_differ() -> None:
    """Wake-up times of sleeps and due times of sends are taken over from the journal."""

    async def handler(ctx: Context) -> str:
        ctx.generic_send("S", "h", b"", send_delay=timedelta(hours=1))
        await ctx.sleep(timedelta(hours=1))
        return "slept"

    journal = _recorded(
        pb.OneWayCallCommand(service="S", handler="h", invoke_time=5, invocation_id_notification_idx=1),
        pb.SleepCommand(wake_up_time=7, result_completion_id=2),
        fn=handler,
    )
    journal.sleep_over(2)
    assert (await journal.attempt()).output == b'"slept"'


async def test_a_mismatch_cannot_be_swallowed() -> None:
    """A handler that catches everything does not change the answer, and its other commands go nowhere."""
    caught = []

    async def handler(ctx: ObjectContext) -> str:
        for _ in range(3):
            try:
                ctx.set("k", 6)
            except BaseException as error:  # noqa: BLE001 - what is tested
                caught.append(error)
        return "fine"

    journal = _recorded(_run(1, "a"), fn=handler, kind="object", key="k")
    assert (await journal.attempt()).kinds == ["Error"]
    assert [type(error) for error in caught] == [JournalMismatch] * 3


async def test_a_malformed_recorded_command_is_a_protocol_violation() -> None:
    """A recorded command that cannot be read is 571, not a mismatch of the code."""

    async def handler(ctx: Context) -> None:
        ctx.run_typed("a", int)

    journal = Journal(handler)
    journal.entries.append(bytes.fromhex("0411000000000002ffff"))
    assert (await journal.attempt()).error.code == 571
