"""State: what is known is read at once, the rest is asked for, and a replay sees what was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import BytesSerde, ObjectContext, ObjectSharedContext
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType
from tests.support.journals import Journal


def _object(fn: Any, **options: Any) -> Journal:
    return Journal(fn, kind="object", key="k", **options)


async def test_known_state_is_read_without_a_round_trip() -> None:
    """With the whole state at hand, reads of what is there and of what is not take no suspension."""

    async def handler(ctx: ObjectContext) -> list[Any]:
        return [await ctx.get("a"), await ctx.get("nothing", entry_name="named"), await ctx.state_keys(), ctx.key()]

    attempted = await _object(handler, state={"b": b"2", "a": b"1"}).attempt()
    assert attempted.output == b'[1, null, ["a", "b"], "k"]'
    assert attempted.messages[:3] == [
        pb.GetEagerStateCommand(key=b"a", value=pb.Value(content=b"1")),
        pb.GetEagerStateCommand(key=b"nothing", void=pb.Void(), name="named"),
        pb.GetEagerStateKeysCommand(value=pb.StateKeys(keys=[b"a", b"b"])),
    ]


async def test_unknown_state_is_asked_for() -> None:
    """With a part of the state at hand, what is missing there is asked for and awaited."""

    async def handler(ctx: ObjectContext) -> list[Any]:
        return [await ctx.get("a"), await ctx.get("b"), await ctx.state_keys()]

    journal = _object(handler, state={"a": b"1"}, is_state_partial=True)
    assert (await journal.attempt()).kinds == ["GetEagerStateCommand", "GetLazyStateCommand", "Suspension"]
    journal.value(2, b"2", of=MessageType.GET_LAZY_STATE_COMPLETION)
    assert (await journal.attempt()).kinds == ["GetLazyStateKeysCommand", "Suspension"]
    keys = pb.StateKeys(keys=[b"a", b"b"])
    journal.notify(MessageType.GET_LAZY_STATE_KEYS_COMPLETION, completion_id=3, state_keys=keys)
    assert (await journal.attempt()).output == b'[1, 2, ["a", "b"]]'


async def test_absent_lazy_state_is_none() -> None:
    """A lazy read that is answered by nothing gives None."""

    async def handler(ctx: ObjectContext) -> str:
        return repr(await ctx.get("a"))

    journal = _object(handler, is_state_partial=True)
    await journal.attempt()
    journal.notify(MessageType.GET_LAZY_STATE_COMPLETION, completion_id=1, void=pb.Void())
    assert (await journal.attempt()).output == b'"None"'


async def test_own_writes_are_known() -> None:
    """What the handler wrote or cleared is read back at once; after clear_all everything is known."""

    async def handler(ctx: ObjectContext) -> list[Any]:
        ctx.set("a", {"x": 1})
        first = await ctx.get("a")
        ctx.clear("a")
        second = await ctx.get("a")
        ctx.set("b", 2)
        ctx.clear_all()
        return [first, second, await ctx.get("b"), await ctx.get("never seen"), await ctx.state_keys()]

    attempted = await _object(handler, is_state_partial=True).attempt()
    assert attempted.output == b'[{"x": 1}, null, null, null, []]'
    assert not [message for message in attempted.messages if isinstance(message, pb.GetLazyStateCommand)]


async def test_a_replay_reads_what_was_recorded() -> None:
    """A replayed read gives the recorded value though the state is another by now, lazily read or at once."""

    async def handler(ctx: ObjectContext) -> list[Any]:
        values = [await ctx.get("a"), await ctx.get("b"), await ctx.state_keys()]
        await ctx.generic_call("S", "h", b"")
        return [*values, await ctx.get("a")]

    journal = _object(handler, state={"a": b'"old"'}, is_state_partial=True)
    await journal.attempt()
    journal.value(2, b'"lazy"', of=MessageType.GET_LAZY_STATE_COMPLETION)
    await journal.attempt()
    keys = pb.StateKeys(keys=[b"recorded"])
    journal.notify(MessageType.GET_LAZY_STATE_KEYS_COMPLETION, completion_id=3, state_keys=keys)
    await journal.attempt()
    journal.value(5, b"")
    journal.state, journal.is_state_partial = {"a": b'"new"', "b": b'"new"'}, False
    assert (await journal.attempt()).output == b'["old", "lazy", ["recorded"], "new"]'


async def test_reads_take_completion_ids_even_if_answered_at_once() -> None:
    """Every read takes an id, so that what follows has the same ids whether state is sent eagerly or not."""

    async def handler(ctx: ObjectContext) -> None:
        await ctx.get("a")
        await ctx.state_keys()
        ctx.generic_call("S", "h", b"")

    call = (await _object(handler, state={"a": b"1"}).attempt()).messages[2]
    assert isinstance(call, pb.CallCommand)
    assert (call.invocation_id_notification_idx, call.result_completion_id) == (3, 4)


async def test_values_are_written_by_their_type_and_read_by_their_hint() -> None:
    """Bytes are written raw, None as nothing, and a serde of one's own is respected."""

    async def handler(ctx: ObjectContext) -> list[Any]:
        ctx.set("raw", b"\x00")
        ctx.set("none", None)
        ctx.set("own", b"own", serde=BytesSerde())
        raw = await ctx.get("raw", type_hint=bytes)
        return [raw == b"\x00", await ctx.get("none"), await ctx.get("own", serde=BytesSerde()) == b"own"]

    attempted = await _object(handler).attempt()
    assert attempted.output == b"[true, null, true]"
    assert [m.value.content for m in attempted.messages if isinstance(m, pb.SetStateCommand)] == [b"\x00", b"", b"own"]


@pytest.mark.parametrize("name", ["set", "clear", "clear_all"])
async def test_shared_handlers_cannot_write(name: str) -> None:
    """The context of a shared handler has no way to write."""
    contexts = []

    async def handler(ctx: ObjectSharedContext) -> None:
        contexts.append(ctx)

    await _object(handler, handler_kind="shared").attempt()
    assert not hasattr(contexts[0], name)
