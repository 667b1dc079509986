"""Named signals: sent to an invocation by its id, heard in their order, kept until somebody listens."""

from __future__ import annotations

from tests.conformance.blackbox.programs import (
    all_of,
    attempt,
    awakeable,
    crash,
    first_of,
    reject_signal,
    resolve_signal,
    run,
    signal,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new


async def test_a_signal_arrives(server: Server) -> None:
    """Who awaits a signal gets what another handler sends."""
    invocation = await server.start(signal("go"))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "go", {"a": 1}))
    assert await server.result(invocation) == [{"a": 1}]


async def test_a_signal_may_fail_who_waits(server: Server) -> None:
    """A rejected signal is a terminal failure."""
    invocation = await server.start(signal("go"))
    await server.until(invocation, "suspended")
    await server.play(reject_signal(invocation, "go", "stop it", 418))
    assert failure_of(await server.attach(invocation)) == (418, "stop it")


async def test_a_signal_is_kept_until_it_is_awaited(server: Server) -> None:
    """A signal that comes while the handler waits for something else is not lost."""
    name = new("wait")
    invocation = await server.start(awakeable(name), signal("go"))
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "go", 1))
    await server.resolve(token, 0)
    assert await server.result(invocation) == [0, 1]


async def test_signals_of_one_name_queue_up(server: Server) -> None:
    """Each await takes the next signal of its name, in the order in which they were sent."""
    invocation = await server.start(*[signal("go")] * 4)
    await server.until(invocation, "suspended")
    await server.play(*(resolve_signal(invocation, "go", number) for number in range(4)))
    assert await server.result(invocation) == [0, 1, 2, 3]


async def test_signals_have_names(server: Server) -> None:
    """A signal of another name wakes nobody."""
    invocation = await server.start(signal("b"), signal("a"))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "a", 1), resolve_signal(invocation, "b", 2))
    assert await server.result(invocation) == [2, 1]


async def test_signals_race(server: Server) -> None:
    """A signal is a future like any other."""
    invocation = await server.start(first_of(signal("a"), signal("b"), sleep(600_000)))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "b", 2))
    assert await server.result(invocation) == [[1, 2]]
    assert await server.play(first_of(signal("a"), sleep(20))) == [[1, None]]


async def test_signals_together(server: Server) -> None:
    """All of several signals are waited for."""
    invocation = await server.start(all_of(signal("a"), signal("b")))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "b", 2), sleep(20), resolve_signal(invocation, "a", 1))
    assert await server.result(invocation) == [[["ok", 1], ["ok", 2]]]


async def test_signals_are_the_same_in_a_replay(server: Server) -> None:
    """What was heard once is heard the same in every further attempt."""
    invocation = await server.start(signal("go"), crash(new("crash"), 2), signal("go"), sleep(1), run("a", 3))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "go", 1), resolve_signal(invocation, "go", 2))
    assert await server.result(invocation) == [1, None, 2, None, 3]


async def test_a_rejection_can_be_caught(server: Server) -> None:
    """After a signal that failed the next one may be good."""
    invocation = await server.start(attempt(signal("go")), signal("go"))
    await server.until(invocation, "suspended")
    await server.play(reject_signal(invocation, "go", "no"), resolve_signal(invocation, "go", 2))
    assert await server.result(invocation) == [{"failed": [500, "no"]}, 2]


async def test_a_sender_sends_once(server: Server) -> None:
    """A sender that fails and is tried again sends no signal twice."""
    invocation = await server.start(signal("go"), signal("go"))
    await server.until(invocation, "suspended")
    await server.play(resolve_signal(invocation, "go", 1), crash(new("crash"), 2), resolve_signal(invocation, "go", 2))
    assert await server.result(invocation) == [1, 2]


async def test_signals_to_the_ended_are_lost(server: Server) -> None:
    """A signal to an invocation that has ended does no harm."""
    invocation = await server.start(run("a", 1))
    await server.result(invocation)
    assert await server.play(resolve_signal(invocation, "go", 1)) == [None]
    assert await server.result(invocation) == [1]
