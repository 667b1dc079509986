"""What is too much for one write goes in several, and what a crash leaves in between is a journal like any other."""

from __future__ import annotations

from typing import cast

import pytest

from holdfast_engine.records import KeyRef, Outcome
from holdfast_engine.world import Settings
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import decode_invocation_id, encode_awakeable_id
from holdfast_protocol.messages import MessageType
from holdfast_protocol.pages import PAGE_BYTES_MAX
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time

T = MessageType
VALUE = b"v" * 90
WRITES = [f.set_state(f"n{number}", VALUE) for number in range(10)]
SMALL = Settings(append_bytes_max=250)


class Crash(Exception):
    """The process dies here."""


@in_virtual_time
async def test_an_answer_is_stored_in_portions() -> None:
    """Ten state writes of 100 bytes and the output take several appends of at most 250 bytes, in order."""
    sizes: list[int] = []
    async with EngineUnderTest(settings=SMALL, store=Hooked) as e:
        store = cast("Hooked", e.store)

        async def note_size(*_: object, frames: tuple[bytes, ...], **__: object) -> None:
            sizes.append(sum(map(len, frames)))
            store.hooks["before_append"] = note_size

        store.hooks["before_append"] = note_size
        e.script["O/add"] = answers([*WRITES, f.output(), f.END])
        finished = await e.call("O/k/add")
        assert finished.outcome == Outcome(value=b"ok")
        assert await e.types(finished.invocation_id) == [T.INPUT, *[T.SET_STATE] * 10, T.OUTPUT]
        assert await e.state("k") == {f"n{number}": VALUE for number in range(10)}
    assert len(sizes) >= 5
    assert max(sizes) <= 250


@in_virtual_time
async def test_a_crash_between_two_portions_leaves_a_prefix() -> None:
    """A process that dies after the first portion leaves a journal from which the next attempt goes on."""
    e = EngineUnderTest(settings=SMALL, store=Hooked)
    async with e:
        e.script["O/add"] = answers([*WRITES, f.output(), f.END], [f.output(b"second"), f.END])

        async def die(*_: object, **__: object) -> None:
            raise Crash

        async def die_next(*_: object, **__: object) -> None:
            cast("Hooked", e.store).hooks["before_append"] = die

        cast("Hooked", e.store).hooks["after_append"] = die_next
        invocation_id = await e.send("O/k/add")
        await e.rest(0.1)
    async with e.restarted(store=None) as again:
        assert await again.outcome(invocation_id) == Outcome(value=b"second")
        types = await again.types(invocation_id)
        assert types[0] is T.INPUT
        assert 0 < types.count(T.SET_STATE) < 10
        keyed = await again.inner.keyed(KeyRef(service="O", key="k"), with_state=True)
        assert len(keyed.state) == types.count(T.SET_STATE)


@pytest.mark.parametrize("count", [1, 7])
@in_virtual_time
async def test_each_portion_names_the_signals_in_it(count: int) -> None:
    """Signals that are merged in several appends are each merged once, whatever attempt comes next."""
    async with EngineUnderTest(settings=SMALL) as e:
        signals = tuple(range(17, 17 + count))
        e.script["S/work"] = answers(
            [f.suspension(signals=(1, signals[-1]))],
            [f.sleep(1, e.clock.now_ms() + 10_000), f.suspension(1)],
            [f.output(), f.END],
        )
        invocation_id = await e.send("S/work")
        await e.rest(1)
        for signal in signals:
            awakeable_id = encode_awakeable_id(decode_invocation_id(invocation_id), signal)
            await e.engine.complete_awakeable(awakeable_id, Outcome(value=VALUE))
        assert await e.outcome(invocation_id) == Outcome(value=b"ok")
        assert (await e.types(invocation_id)).count(T.SIGNAL) == count


@in_virtual_time
async def test_what_outgrows_the_head_goes_to_pages_of_its_own() -> None:
    """An answer of many calls fills the first page and leaves the head as small as any, for all who look at it."""
    count = 40
    calls = [f.call("S", "child", (2 * number + 1, 2 * number + 2)) for number in range(count)]
    awaited = [2 * number + 2 for number in range(count)]
    tree = pb.Future(waiting_completions=awaited, combinator_type=pb.Future.ALL_COMPLETED)
    async with EngineUnderTest() as e:
        e.script["S/child"] = answers([f.output(), f.END])
        e.script["S/parent"] = answers([*calls, f.suspension_on(tree)], [f.output(), f.END])
        finished = await e.call("S/parent")
        head = await e.store.head(finished.invocation_id)
        assert head is not None
        assert head.page.closed
        assert sum(map(len, head.page.frames)) < PAGE_BYTES_MAX
        assert (await e.types(finished.invocation_id)).count(T.CALL_COMPLETION) == count
