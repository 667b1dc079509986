"""Signals from handler to handler, and awakeables that handlers complete."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.records import Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import encode_awakeable_id, encode_invocation_id
from holdfast_protocol.messages import MessageType, decode, encode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time

T = MessageType
AWAKEABLE = 17


def signals_in(attempt: Attempt) -> list[pb.Notification]:
    """Return the signals an attempt was sent."""
    messages = [decode(entry) for entry in attempt.request.entries]
    return [m for m in messages if isinstance(m, pb.Notification) and m.WhichOneof("id") != "completion_id"]


async def waiting(e: EngineUnderTest, *, until: int, **awaited: Any) -> str:
    """Start S/work, which waits until it has seen so many signals; return its id."""

    async def handler(attempt: Attempt) -> list[bytes]:
        assert attempt.number < 20, "woken again and again"
        return [f.output(), f.END] if len(signals_in(attempt)) >= until else [f.suspension(**awaited)]

    e.script["S/work"] = handler
    invocation_id = await e.send("S/work")
    await e.rest(1)
    return invocation_id


async def sent(e: EngineUnderTest, *commands: bytes) -> None:
    e.script["S/other"] = answers([*commands, f.output(), f.END])
    await e.call("S/other")
    await e.rest(1)


RESULTS: dict[str, dict[str, Any]] = {
    "value": {"value": f.value(b"x")},
    "failure": {"failure": f.failure(500, "no")},
    "void": {"void": pb.Void()},
}


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize("address", [{"name": "go"}, {"idx": 20}], ids=["named", "numbered"])
def test_a_signal_carries_its_result(kind: str, address: dict[str, Any]) -> None:
    """Value, failure or nothing, by name or by number: it arrives as it was sent."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            awaited = {"names": ("go",)} if "name" in address else {"signals": (1, 20)}
            invocation_id = await waiting(e, until=1, **awaited)
            await sent(e, f.send_signal(invocation_id, **address, **RESULTS[kind]))
            assert await e.status(invocation_id) is Status.COMPLETED
            (received,) = signals_in(e.script.of(invocation_id)[-1])
            assert received.WhichOneof("result") == kind
            assert getattr(received, kind) == RESULTS[kind][kind]
            assert (received.signal_name or received.signal_id) == next(iter(address.values()))

    play()


@in_virtual_time
async def test_signals_of_one_name_arrive_each_and_in_order() -> None:
    """What one handler signals three times is had three times, in the order in which it was sent."""
    async with EngineUnderTest() as e:
        invocation_id = await waiting(e, until=3, names=("go",))
        contents = [b"1", b"2", b"3"]
        await sent(e, *[f.send_signal(invocation_id, name="go", value=f.value(content)) for content in contents])
        assert await e.status(invocation_id) is Status.COMPLETED
        received = signals_in(e.script.of(invocation_id)[-1])
        assert [signal.value.content for signal in received] == contents


@in_virtual_time
async def test_a_signal_before_anybody_waits_is_kept() -> None:
    """A signal to an invocation that sleeps is there when it asks for it."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                return [f.sleep(1, e.clock.now_ms() + 5000), f.suspension(1)]
            return [f.output(b"%d" % len(signals_in(attempt))), f.END]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await sent(e, f.send_signal(invocation_id, name="go", void=pb.Void()))
        assert (await e.outcome(invocation_id)).value == b"1"
        assert len(e.script.of(invocation_id)) == 2


@in_virtual_time
async def test_a_signal_to_nobody_is_dropped() -> None:
    """Neither an unknown invocation nor one that has ended gets a signal, and the sender does not care."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        ended = (await e.call("S/work")).invocation_id
        for target in (ended, encode_invocation_id(bytes(24))):
            await sent(e, f.send_signal(target, name="go", void=pb.Void()))
            assert await e.inner.notes(target) == ()


@in_virtual_time
async def test_a_signal_sent_twice_by_a_crash_is_one() -> None:
    """The command is performed again after a crash; the token of sender and entry makes it one signal."""
    async with EngineUnderTest() as e:
        invocation_id = await waiting(e, until=5, names=("go",))
        signal = f.send_signal(invocation_id, name="go", void=pb.Void())
        e.script["S/other"] = answers([signal, signal, f.suspension(signals=(18,))])
        await e.send("S/other")
        await e.rest(1)
        for _ in range(3):
            await e.crash()
            e = e.restarted()
            await e.__aenter__()
            await e.rest(1)
        assert (await e.types(invocation_id)).count(T.SIGNAL) + len(await e.inner.notes(invocation_id)) >= 2
        assert len(signals_in(e.script.of(invocation_id)[-1])) == 2


@pytest.mark.parametrize("kind", ["value", "failure"])
def test_a_handler_completes_an_awakeable(kind: str) -> None:
    """Resolved or rejected by another handler, an awakeable wakes who made it; the first completion counts."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            invocation_id = await waiting(e, until=1, signals=(1, AWAKEABLE))
            awakeable = encode_awakeable_id(e.script.attempts[0].request.start.id, AWAKEABLE)
            first = encode(pb.CompleteAwakeableCommand(awakeable_id=awakeable, **RESULTS[kind]))
            await sent(e, first, f.complete_awakeable(awakeable, b"too late"))
            assert await e.status(invocation_id) is Status.COMPLETED
            (received,) = signals_in(e.script.of(invocation_id)[-1])
            assert received.signal_id == AWAKEABLE
            assert getattr(received, kind) == RESULTS[kind][kind]

    play()


@in_virtual_time
async def test_a_queued_invocation_keeps_its_signals() -> None:
    """A signal to one that waits for its key is there when it runs."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.sleep(1, e.clock.now_ms() + 5000), f.suspension(1)], [f.output(), f.END])

        async def handler(attempt: Attempt) -> list[bytes]:
            return [f.output(b"%d" % len(signals_in(attempt))), f.END]

        e.script["O/add"] = handler
        await e.send("O/k/other")
        waiter = await e.send("O/k/add")
        await e.rest(1)
        await sent(e, f.send_signal(waiter, name="go", void=pb.Void()))
        assert (await e.outcome(waiter)).value == b"1"
