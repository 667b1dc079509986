"""Awakeables: completed from outside or by other handlers, once, early or late."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.programs import all_of, attempt, awakeable, first_of, reject, resolve, run, sleep
from tests.conformance.blackbox.server import Server, failure_of, new


@pytest.mark.parametrize("value", ["text", 0, None, {"a": [1]}, [], ""], ids=repr)
async def test_it_gives_what_it_is_resolved_with(server: Server, value: object) -> None:
    """The value that comes over HTTP is what the handler gets."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    await server.resolve(await server.awakeable(name), value)
    assert await server.result(invocation) == [value]


async def test_a_rejection_is_a_terminal_failure(server: Server) -> None:
    """A rejected awakeable fails the handler with the reason's text and code 500."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    await server.reject(await server.awakeable(name), "out of pasta")
    assert failure_of(await server.attach(invocation)) == (500, "out of pasta")


async def test_a_rejection_can_be_caught(server: Server) -> None:
    """The handler may go on after a rejection."""
    name = new("wait")
    invocation = await server.start(attempt(awakeable(name)), run("a", 1))
    await server.reject(await server.awakeable(name), "no")
    assert await server.result(invocation) == [{"failed": [500, "no"]}, 1]


async def test_handlers_resolve_and_reject(server: Server) -> None:
    """Another handler completes an awakeable as a client does, and names its own code."""
    one, other = new("wait"), new("wait")
    invocation = await server.start(attempt(awakeable(one)), attempt(awakeable(other)))
    await server.play(resolve(await server.awakeable(one), {"by": "handler"}))
    await server.play(reject(await server.awakeable(other), "no", 503))
    assert await server.result(invocation) == [{"ok": [{"by": "handler"}]}, {"failed": [503, "no"]}]


async def test_the_first_completion_wins(server: Server) -> None:
    """What comes second changes nothing."""
    name, gate = new("wait"), new("gate")
    invocation = await server.start(all_of(awakeable(name), awakeable(gate)))
    token = await server.awakeable(name)
    await server.resolve(token, "first")
    await server.resolve(token, "second")
    await server.reject(token, "third")
    await server.resolve(await server.awakeable(gate), None)
    [[first, gated]] = await server.result(invocation)
    assert gated == ["ok", None]
    # A stock server stores all three, and of what Node's SDK is sent at once, as a function is, it takes the last.
    is_last = server.is_restate and server.arena.sdk == "node-lambda"
    assert first == (["failed", 500, "third"] if is_last else ["ok", "first"])


async def test_it_may_be_completed_before_it_is_awaited(server: Server) -> None:
    """A completion that comes while the handler does something else is kept."""
    name = new("wait")
    invocation = await server.start(first_of(awakeable(name), sleep(200)), sleep(50), run("a", 1))
    await server.resolve(await server.awakeable(name), "early")
    assert await server.result(invocation) == [[0, "early"], None, 1]


async def test_several_are_told_apart(server: Server) -> None:
    """Awakeables of one invocation are completed in any order, each with its own value."""
    names = [new("wait") for _ in range(4)]
    invocation = await server.start(all_of(*map(awakeable, names)))
    tokens = [await server.awakeable(name) for name in names]
    assert len(set(tokens)) == 4
    for number, token in reversed(list(enumerate(tokens))):
        await server.resolve(token, number)
    assert await server.result(invocation) == [[["ok", 0], ["ok", 1], ["ok", 2], ["ok", 3]]]


async def test_one_after_the_other(server: Server) -> None:
    """A handler may wait for the world again and again."""
    names = [new("wait") for _ in range(3)]
    invocation = await server.start(*map(awakeable, names))
    for number, name in enumerate(names):
        await server.resolve(await server.awakeable(name), number)
    assert await server.result(invocation) == [0, 1, 2]


async def test_whoever_waits_is_suspended(server: Server) -> None:
    """An invocation that waits for an awakeable costs nothing meanwhile."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    await server.until(invocation, "suspended")
    await server.resolve(await server.awakeable(name), 1)
    assert await server.result(invocation) == [1]


async def test_the_shorter_spelling(server: Server) -> None:
    """`/restate/a/…` is `/restate/awakeables/…`."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    token = await server.awakeable(name)
    answer = await server.ingress.post(f"/restate/a/{token}/resolve", json=3)
    assert (answer.status_code, answer.content) == (202, b"")
    assert await server.result(invocation) == [3]


async def test_an_id_that_is_none_is_refused(server: Server) -> None:
    """What is no awakeable's id is a 400."""
    assert (await server.ingress.post("/restate/awakeables/nonsense/resolve", json=1)).status_code == 400
    assert (await server.ingress.post("/restate/awakeables/sign_1nonsense/resolve", json=1)).status_code == 400


async def test_completing_after_the_end_does_no_harm(server: Server) -> None:
    """An awakeable of an invocation that has ended is accepted and forgotten."""
    name = new("wait")
    invocation = await server.start(first_of(awakeable(name), sleep(1)))
    await server.result(invocation)
    await server.resolve(await server.awakeable(name), "late")
    assert await server.result(invocation) == [[1, None]]


async def test_resolving_takes_post(server: Server) -> None:
    """Completing is no GET: a link in a mail must not do it by being looked at."""
    assert (await server.ingress.get("/restate/awakeables/sign_1x/resolve")).status_code in (400, 405)
