"""State beyond what a key may have is refused before it is in the journal, for good and with the limit's number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast_engine.errors import PayloadTooLarge
from holdfast_engine.ports import Answer
from holdfast_engine.records import Status
from holdfast_engine.state_room import StateRoom, StateTooLarge
from holdfast_engine.weights import named_bytes
from holdfast_engine.world import Settings
from holdfast_protocol.messages import decode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time

SMALL = Settings(state_bytes_max=100)
LONG = "n" * 60


def room(state: Mapping[str, bytes]) -> StateRoom:
    return StateRoom(lambda: state, bytes_max=100)


def test_a_name_that_is_set_again_counts_once() -> None:
    """Only what is more than before needs room, and what is cleared gives it back."""
    weighed = room({LONG: b""})
    for _ in range(3):
        weighed.take(decode(f.set_state(LONG, b"v")))
    with pytest.raises(StateTooLarge, match=r"2 names .* the limit is 100"):
        weighed.take(decode(f.set_state("m" * 60, b"")))
    weighed.take(decode(f.clear_state(LONG)))
    weighed.take(decode(f.set_state("m" * 60, b"")))
    assert weighed.excess is None


def test_large_values_need_no_more_room_than_pointers() -> None:
    """A value of any size lives elsewhere; only its name and a pointer are with the lock."""
    assert named_bytes("n", b"v" * 1_000_000) == named_bytes("n", b"v" * 65) < named_bytes("n", b"v" * 64)
    assert room({f"{number}": b"v" * 1_000_000 for number in range(2)}).excess is None


def test_what_is_too_much_already_may_shrink() -> None:
    """Where a key has more than it may have, setting less is no reason to refuse."""
    weighed = room({LONG: b"v" * 64, "m" * 60: b""})
    weighed.take(decode(f.set_state(LONG, b"")))
    assert weighed.excess is not None


@in_virtual_time
async def test_an_answer_with_too_much_state_fails_its_invocation() -> None:
    """The invocation fails at once with the limit, what it had set before stays, and the key is free again."""
    async with EngineUnderTest(settings=SMALL) as e:
        writes = [f.set_state("a", b"1"), f.set_state(LONG, b"v" * 30), f.set_state("m" * 60, b"v" * 30)]
        e.script["O/add"] = answers([*writes, f.output(), f.END])
        failure = (await e.call("O/k/add")).outcome.failure
        assert failure is not None
        assert failure.code == 413
        assert "the limit is 100" in failure.message
        assert len(e.script.attempts) == 1
        assert await e.state("k") == {"a": b"1", LONG: b"v" * 30}
        e.script["O/add"] = answers([f.clear_state(LONG), f.output(), f.END])
        assert (await e.call("O/k/add")).outcome.value == b"ok"
        assert await e.state("k") == {"a": b"1"}


@in_virtual_time
async def test_a_checkpoint_with_too_much_state_fails_its_invocation() -> None:
    """What a running handler sets beyond the limit is not stored, and it is told to stop."""
    went_on: list[bool] = []

    async def handler(attempt: Attempt) -> Answer | list[bytes]:
        assert attempt.checkpoint is not None
        went_on.append(await attempt.checkpoint.append([f.set_state(LONG, b"v"), f.run(1), f.run_result(1, b"r")]))
        went_on.append(await attempt.checkpoint.append([f.set_state("m" * 60, b"v"), f.run(2), f.run_result(2, b"r")]))
        return [f.output(), f.END]

    async with EngineUnderTest(settings=SMALL) as e:
        e.script.takes = True
        e.script["O/add"] = handler
        failure = (await e.call("O/k/add")).outcome.failure
        assert went_on == [True, False]
        assert failure is not None
        assert "the limit is 100" in failure.message
        assert await e.state("k") == {LONG: b"v"}


class Bounded:
    """A store that cannot hold what the engine would have refused."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def bounded(*args: Any, **kwargs: Any) -> Any:
            if name in ("apply", "leave") and len(kwargs["writes"].values) > 1:
                raise PayloadTooLarge("the limit is one name")
            return await operation(*args, **kwargs)

        return bounded


@in_virtual_time
async def test_state_that_is_in_the_journal_already_blocks_nobody() -> None:
    """Whoever has written too much by himself is parked with the limit; killed, he gives the key back without it."""

    async def handler(attempt: Attempt) -> Answer:
        own = tuple(f.set_state(name, b"v") for name in (LONG, "m" * 60))
        slot = e.world.live[attempt.id].journal.slot
        await e.world.store.append(attempt.id, slot=slot, epoch=1, frames=own, taken=())
        return Answer(frames=[f.output(), f.END], is_direct=True)

    async with EngineUnderTest(settings=SMALL, store=Bounded) as e:
        e.script.takes = True
        e.script["O/add"] = handler
        invocation_id = await e.send("O/k/add")
        await e.rest(60)
        head = await e.head(invocation_id)
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert "the limit is 100" in head.last_failure.message
        assert len(e.script.attempts) == 1
        await e.engine.kill(invocation_id)
        e.script["O/add"] = answers([f.output(), f.END])
        assert (await e.call("O/k/add")).outcome.value == b"ok"
