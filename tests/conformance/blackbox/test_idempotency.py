"""Idempotency keys: one key, one invocation, one answer."""

from __future__ import annotations

import asyncio

from tests.conformance.blackbox.programs import awakeable, call, fail, note, run
from tests.conformance.blackbox.server import Server, failure_of, new, value_of


def _with(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


async def test_a_repeated_request_gets_the_stored_answer(server: Server) -> None:
    """The same key again runs nothing and answers the same, and says until when."""
    key, step = new("key"), new("step")
    first = await server.post("/Player/play", [run(step, 7)], headers=_with(key))
    second = await server.post("/Player/play", [run(step, 7)], headers=_with(key))
    assert value_of(first) == value_of(second) == [7]
    assert first.headers["x-restate-id"] == second.headers["x-restate-id"]
    assert "idempotency-expires" in second.headers
    assert server.notes("ran ").count(step) == 1


async def test_a_repeated_request_latches_on(server: Server) -> None:
    """The same key while the first request still waits gets the first one's answer."""
    key, name = new("key"), new("wait")
    first = asyncio.create_task(server.post("/Player/play", [awakeable(name)], headers=_with(key)))
    token = await server.awakeable(name)
    second = asyncio.create_task(server.post("/Player/play", [awakeable(name)], headers=_with(key)))
    await asyncio.sleep(0.1)
    assert not first.done()
    assert not second.done()
    await server.resolve(token, "both")
    assert value_of(await first) == value_of(await second) == ["both"]
    assert (await first).headers["x-restate-id"] == (await second).headers["x-restate-id"]


async def test_what_the_repetition_says_does_not_matter(server: Server) -> None:
    """It is the key that counts, not the body."""
    key = new("key")
    assert await server.call("/Player/play", [run("a", 1)], headers=_with(key)) == [1]
    assert await server.call("/Player/play", [run("b", 2)], headers=_with(key)) == [1]


async def test_other_keys_are_other_requests(server: Server) -> None:
    """Two keys are two invocations."""
    assert await server.call("/Player/play", [run("a", 1)], headers=_with(new("key"))) == [1]
    assert await server.call("/Player/play", [run("b", 2)], headers=_with(new("key"))) == [2]


async def test_a_key_belongs_to_its_target(server: Server) -> None:
    """The same key means another invocation at another handler, service or object."""
    key, one, other = new("key"), new("one"), new("other")
    paths = [f"/Actor/{one}/play", f"/Actor/{other}/play", f"/Actor/{one}/watch", "/Player/play"]
    results = [await server.call(path, [run("a", index)], headers=_with(key)) for index, path in enumerate(paths)]
    assert results == [[0], [1], [2], [3]]


async def test_failures_are_stored_too(server: Server) -> None:
    """A repeated request whose first one failed for good fails the same."""
    key, mark = new("key"), new("mark")
    program = [note(mark), fail("no", 418)]
    first = await server.post("/Player/play", program, headers=_with(key))
    second = await server.post("/Player/play", program, headers=_with(key))
    assert failure_of(first) == failure_of(second) == (418, "no")
    assert len(server.notes(mark)) == 1


async def test_a_repeated_send_was_accepted_before(server: Server) -> None:
    """A send with a known key names the first invocation, also when that was a call."""
    key = new("key")
    first = await server.post("/Player/play/send", [run("a", 1)], headers=_with(key))
    second = await server.post("/Player/play/send", [run("a", 1)], headers=_with(key))
    assert (first.json()["status"], second.json()["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first.json()["invocationId"] == second.json()["invocationId"]
    assert await server.call("/Player/play", [run("a", 2)], headers=_with(key)) == [1]


async def test_a_delayed_send_is_deduplicated(server: Server) -> None:
    """A key holds while its invocation waits for its time, and a call latches on to it."""
    key = new("key")
    first = await server.post("/Player/play/send?delay=300ms", [run("a", 1)], headers=_with(key))
    second = await server.post("/Player/play/send?delay=300ms", [run("a", 1)], headers=_with(key))
    assert second.json()["status"] == "PreviouslyAccepted"
    assert first.json()["invocationId"] == second.json()["invocationId"]
    assert await server.call("/Player/play", [run("b", 2)], headers=_with(key)) == [1]


async def test_many_at_once_are_one(server: Server) -> None:
    """Twenty requests with one key at the same moment run once."""
    key, step = new("key"), new("step")
    posts = [server.post("/Player/play", [run(step, 1, pause_ms=50)], headers=_with(key)) for _ in range(20)]
    answers = await asyncio.gather(*posts)
    assert [value_of(answer) for answer in answers] == [[1]] * 20
    assert len({answer.headers["x-restate-id"] for answer in answers}) == 1
    assert server.notes("ran ").count(step) == 1


async def test_results_can_be_asked_for_by_key(server: Server) -> None:
    """Attach and output find an invocation by its idempotency key."""
    key, name = new("key"), new("wait")
    await server.send("/Player/play", [awakeable(name)], headers=_with(key))
    token = await server.awakeable(name)
    path = f"/restate/invocation/Player/play/{key}"
    assert (await server.ingress.get(f"{path}/output")).status_code == 470
    await server.resolve(token, 5)
    assert value_of(await server.ingress.get(f"{path}/attach")) == [5]
    assert value_of(await server.ingress.get(f"{path}/output")) == [5]
    target = {"target": "idempotentInvocation", "service": "Player", "handler": "play", "idempotencyKey": key}
    assert value_of(await server.post("/restate/attach", target)) == [5]


async def test_results_can_be_asked_for_by_key_of_an_object(server: Server) -> None:
    """For objects the key of the object is a part of the request's name."""
    key, name = new("key"), new("object")
    await server.call(f"/Actor/{name}/play", [run("a", 3)], headers=_with(key))
    assert value_of(await server.ingress.get(f"/restate/invocation/Actor/{name}/play/{key}/attach")) == [3]


async def test_an_unknown_key_is_not_found(server: Server) -> None:
    """A key that nobody used has no result."""
    assert (await server.ingress.get(f"/restate/invocation/Player/play/{new('key')}/output")).status_code == 404


async def test_a_workflow_takes_no_key(server: Server) -> None:
    """A workflow's own key is its idempotency key; another one is refused."""
    answer = await server.post(f"/Story/{new('story')}/run", [], headers=_with(new("key")))
    assert answer.status_code == 400


async def test_an_empty_key_is_no_key(server: Server) -> None:
    """Two requests whose key is empty are never one: the second one runs, or both are refused."""
    answers = [await server.post("/Player/play", [run("a", value)], headers=_with("")) for value in (1, 2)]
    if server.is_restate:
        # It takes the empty text for a key like any other, so that whoever forgets the value gets a stranger's answer.
        assert [value_of(answer) for answer in answers] == [[1], [1]]
    else:
        assert [answer.status_code for answer in answers] == [400, 400]


async def test_calls_of_handlers_have_keys_too(server: Server) -> None:
    """Two calls of handlers with one key are one invocation, which a client meets with the same key."""
    key, step = new("key"), new("step")
    child = call("Player", "play", [run(step, 9)], idempotency_key=key)
    assert await server.play(child, child) == [[9], [9]]
    assert await server.play(child) == [[9]]
    assert await server.call("/Player/play", [run(step, 1)], headers=_with(key)) == [9]
    assert server.notes("ran ").count(step) == 1
