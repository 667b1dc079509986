"""Retention: how long outcomes and journals are kept, and letting go of them before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.conformance.blackbox.programs import awakeable, fail, get, keep, peek, put, run, sleep
from tests.conformance.blackbox.server import Server, eventually, failure_of, new, value_of

_UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


async def _is_gone(server: Server, invocation: str) -> bool:
    """Return whether an invocation is let go of in time."""

    async def gone() -> bool:
        return (await server.output(invocation)).status_code == 404

    return await eventually(gone)


async def test_a_key_is_kept_as_long_as_its_service_says(server: Server) -> None:
    """A repeated request is answered for the retention, and runs anew behind it."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Brief/play", [run("a", 1)], headers=headers)
    again = await server.post("/Brief/play", [run("a", 2)], headers=headers)
    assert value_of(first) == value_of(again) == [1]
    assert await _is_gone(server, first.headers["x-restate-id"])
    assert value_of(await server.post("/Brief/play", [run("a", 3)], headers=headers)) == [3]


async def test_a_failure_is_kept_as_long(server: Server) -> None:
    """What is true of results is true of failures."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Brief/play", [fail("no", 418)], headers=headers)
    assert failure_of(first) == failure_of(await server.post("/Brief/play", [], headers=headers)) == (418, "no")
    assert await _is_gone(server, first.headers["x-restate-id"])
    assert value_of(await server.post("/Brief/play", [], headers=headers)) == []


async def test_the_time_counts_from_the_end(server: Server) -> None:
    """A key that is held for longer than its retention is kept while its invocation lasts."""
    name, headers = new("wait"), {"idempotency-key": new("key")}
    invocation = await server.send("/Brief/play", [awakeable(name)], headers=headers)
    token = await server.awakeable(name)
    await server.play(sleep(1500))
    again = await server.post("/Brief/play/send", [], headers=headers)
    assert again.json() == {"invocationId": invocation, "status": "PreviouslyAccepted"}
    await server.resolve(token, 1)
    assert await server.result(invocation) == [1]
    assert await _is_gone(server, invocation)


async def test_a_day_is_the_default(server: Server) -> None:
    """Where nobody says anything else, a stored answer is kept for a day, and says until when."""
    headers = {"idempotency-key": new("key")}
    answers = [await server.post("/Player/play", [run("a", 1)], headers=headers) for _ in range(2)]
    expires = datetime.fromisoformat(answers[1].headers["idempotency-expires"])
    left = expires - datetime.now(expires.tzinfo)
    assert timedelta(hours=23, minutes=55) < left <= timedelta(hours=24, minutes=1)
    service = (await server.admin.get("/services/Story")).json()
    names = ("idempotency_retention", "workflow_completion_retention", "journal_retention")
    assert [service[name] for name in names] == ["1d", "1d", "1d"]


async def test_a_workflow_is_kept_as_long_as_it_says(server: Server) -> None:
    """State, promises and result of a workflow outlive its run for the retention; behind it the key is free again."""
    path = f"/BriefStory/{new('story')}"
    first = await server.post(f"{path}/run", [keep("p", 7), put("s", 8)])
    assert (await server.post(f"{path}/run", [])).status_code == 409
    assert await server.call(f"{path}/watch", [peek("p"), get("s")]) == [7, 8]
    assert await _is_gone(server, first.headers["x-restate-id"])
    assert await server.call(f"{path}/run", [peek("p"), get("s")]) == [None, None]


async def test_a_journal_may_go_before_its_outcome(server: Server) -> None:
    """Without a journal an invocation still has its result, and cannot be restarted."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Forgetful/play", [run("a", 1)], headers=headers)
    invocation = first.headers["x-restate-id"]

    async def has_no_journal() -> bool:
        return (await server.operate("restart-as-new", invocation)).status_code == 410

    assert await eventually(has_no_journal)
    assert await server.result(invocation) == [1]
    assert value_of(await server.post("/Forgetful/play", [], headers=headers)) == [1]


async def test_what_has_no_key_can_be_asked_for_by_its_id(server: Server) -> None:
    """An invocation without an idempotency key keeps its outcome with its journal."""
    invocation = await server.start(run("a", 1))
    assert await server.result(invocation) == [1]
    assert value_of(await server.output(invocation)) == [1]


async def test_a_purged_invocation_is_unknown(server: Server) -> None:
    """Purging lets go of an outcome at once, and frees its key."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Player/play", [run("a", 1)], headers=headers)
    invocation = first.headers["x-restate-id"]
    assert (await server.operate("purge", invocation)).status_code == 200
    assert await _is_gone(server, invocation)
    assert await server.status(invocation) is None
    for verb in ("purge", "purge-journal", "cancel", "kill", "pause", "resume", "restart-as-new"):
        assert (await server.operate(verb, invocation)).status_code == 404
    assert value_of(await server.post("/Player/play", [run("a", 2)], headers=headers)) == [2]


async def test_a_purged_workflow_runs_again(server: Server) -> None:
    """Purging a workflow's run drops its state and promises with it."""
    path = f"/Story/{new('story')}"
    first = await server.post(f"{path}/run", [keep("p", 7), put("s", 8)])
    assert (await server.operate("purge", first.headers["x-restate-id"])).status_code == 200
    assert await _is_gone(server, first.headers["x-restate-id"])
    assert await server.call(f"{path}/watch", [peek("p"), get("s")]) == [None, None]
    assert await server.call(f"{path}/run", [peek("p"), get("s"), keep("p", 9)]) == [None, None, None]
    assert await server.call(f"{path}/watch", [peek("p")]) == [9]


async def test_state_of_an_object_outlives_its_invocations(server: Server) -> None:
    """Purging who wrote it takes nothing from a virtual object."""
    key = new("key")
    answer = await server.post(f"/Actor/{key}/play", [put("a", 1)])
    assert (await server.operate("purge", answer.headers["x-restate-id"])).status_code == 200
    assert await _is_gone(server, answer.headers["x-restate-id"])
    assert await server.act(key, get("a")) == [1]


async def test_a_purged_journal_leaves_the_outcome(server: Server) -> None:
    """Purging a journal keeps the result; doing it twice is as good; there is nothing to restart from."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Player/play", [run("a", 1), sleep(10)], headers=headers)
    invocation = first.headers["x-restate-id"]
    for _ in range(2):
        assert (await server.operate("purge-journal", invocation)).status_code == 200
    assert await server.result(invocation) == [1, None]
    assert value_of(await server.post("/Player/play", [], headers=headers)) == [1, None]
    assert (await server.operate("restart-as-new", invocation)).status_code == 410
    assert (await server.operate("purge", invocation)).status_code == 200
    assert await _is_gone(server, invocation)


async def test_what_has_not_ended_is_not_purged(server: Server) -> None:
    """What runs, and what has not begun, is not let go of."""
    name = new("wait")
    waiting = await server.start(awakeable(name))
    token = await server.awakeable(name)
    scheduled = await server.send("/Player/play?delay=10m", [])
    for invocation in (waiting, scheduled):
        for verb in ("purge", "purge-journal"):
            assert (await server.operate(verb, invocation)).status_code == 409
    await server.resolve(token, 1)
    assert await server.result(waiting) == [1]
    await server.operate("cancel", scheduled)


@pytest.mark.parametrize("verb", ["purge", "purge-journal"])
@pytest.mark.parametrize(("invocation", "status"), [(_UNKNOWN, 404), ("inv_nonsense", 400)])
async def test_what_does_not_exist(server: Server, verb: str, invocation: str, status: int) -> None:
    """An unknown id is a 404, what is no id a 400."""
    assert (await server.operate(verb, invocation)).status_code == status


async def test_the_older_spelling(server: Server) -> None:
    """DELETE purges, too."""
    invocation = await server.start(run("a", 1))
    await server.result(invocation)
    assert (await server.admin.delete(f"/invocations/{invocation}?mode=purge")).status_code == 202
    assert await _is_gone(server, invocation)


async def test_many_at_once(server: Server) -> None:
    """A batch purges whom it can, and says why it could not the others."""
    ended = [await server.start(run("a", index)) for index in range(3)]
    for invocation in ended:
        await server.result(invocation)
    answer = await server.operate_all("purge-journal", [*ended, _UNKNOWN])
    assert sorted(answer["succeeded"]) == sorted(ended)
    answer = await server.operate_all("purge", [*ended, _UNKNOWN])
    assert sorted(answer["succeeded"]) == sorted(ended)
    assert [each["invocation_id"] for each in answer["failed"]] == [_UNKNOWN]
    for invocation in ended:
        assert await _is_gone(server, invocation)


async def test_an_operator_may_say_otherwise(server: Server) -> None:
    """A service's retention can be changed without a new deployment, and holds for what comes."""
    await server.arena.register(server.arena.version("1"), force=True)
    headers = {"idempotency-key": new("key")}
    answer = await server.admin.patch("/services/Versioned", json={"idempotency_retention": "1s"})
    assert (answer.status_code, answer.json()["idempotency_retention"]) == (200, "1s")
    first = await server.post("/Versioned/which", headers=headers)
    assert await _is_gone(server, first.headers["x-restate-id"])
    second = await server.arena.register(server.arena.version("2"), force=True)
    service = (await server.admin.get("/services/Versioned")).json()
    assert (service["deployment_id"], service["idempotency_retention"]) == (second, "1d")
