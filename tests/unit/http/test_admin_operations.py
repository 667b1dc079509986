"""The admin API's routes by which operators change invocations, deployments and services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_engine.engine import PauseOutcome
from holdfast_http.admin.app import Admin
from holdfast_http.admin.batches import INVOCATIONS_MAX
from holdfast_http.ingress.app import Ingress
from holdfast_http.messages import Response
from holdfast_protocol.manifest import Options
from tests.support.fake_engine import NOW_MS, RESTARTED, FakeEngine, deployment_of
from tests.support.requests import ask, content, header, post

UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"
DEPLOYMENT = "dp_10000000000000000000001"
BATCH = "/internal/invocations_batch_operations"


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that answers with the body."""
    return FakeEngine()


@pytest.fixture
def admin(engine: FakeEngine) -> Admin:
    """The admin API in front of it."""
    return Admin(engine.as_engine, product_version="1", ingress_url="")


@pytest.fixture
async def invocation_id(engine: FakeEngine) -> str:
    """An invocation."""
    sent = header(
        await post(Ingress(engine.as_engine, now_ms=lambda: NOW_MS), "/Greeter/any/send", "1"), "x-restate-id"
    )
    assert sent is not None
    return sent


async def patch(admin: Admin, path: str, body: Any = None) -> Response:
    """Patch with JSON."""
    return await ask(admin, "PATCH", path, json.dumps(body or {}), {"content-type": "application/json"})


@pytest.mark.parametrize(("outcome", "status"), [(PauseOutcome.DONE, 202), (PauseOutcome.ALREADY_PAUSED, 200)])
async def test_pause(admin: Admin, engine: FakeEngine, invocation_id: str, outcome: PauseOutcome, status: int) -> None:
    """Pausing is accepted, and done already where it was done before."""
    engine.pause_outcome = outcome
    answer = await ask(admin, "PATCH", f"/v3/invocations/{invocation_id}/pause")
    assert (answer.status, content(answer)) == (status, {"invocation_id": invocation_id, "outcome": outcome.value})


@pytest.mark.parametrize(
    ("query", "deployment"),
    [
        ("", "keep"),
        ("?deployment=keep", "keep"),
        ("?deployment=latest", "latest"),
        (f"?deployment={DEPLOYMENT}", DEPLOYMENT),
    ],
)
async def test_resume(admin: Admin, engine: FakeEngine, invocation_id: str, query: str, deployment: str) -> None:
    """An invocation goes on where it is, on the latest deployment, or on one by its id."""
    assert (await ask(admin, "PATCH", f"/invocations/{invocation_id}/resume{query}")).status == 200
    assert engine.operated == [("resume", deployment)]


@pytest.mark.parametrize(
    ("query", "index", "deployment"),
    [
        ("", 0, None),
        ("?from=3", 3, None),
        ("?deployment=keep", 0, "keep"),
        (f"?from=1&deployment={DEPLOYMENT}", 1, DEPLOYMENT),
    ],
)
async def test_restart(
    admin: Admin, engine: FakeEngine, invocation_id: str, query: str, index: int, deployment: str | None
) -> None:
    """A restart is from the input or from an entry, and says the new id."""
    answer = await ask(admin, "PATCH", f"/invocations/{invocation_id}/restart-as-new{query}")
    assert (answer.status, content(answer)) == (200, {"new_invocation_id": RESTARTED})
    assert engine.operated == [("restart", index, deployment)]


@pytest.mark.parametrize("query", ["?from=-1", "?from=x", "?from=99999999999", "?deployment=nonsense", "?from="])
async def test_a_bad_restart(admin: Admin, engine: FakeEngine, invocation_id: str, query: str) -> None:
    """An index is a whole number, and a deployment one of two words or an id."""
    assert (await ask(admin, "PATCH", f"/invocations/{invocation_id}/restart-as-new{query}")).status == 400
    assert engine.operated == []


@pytest.mark.parametrize(("verb", "operation"), [("purge", "purge"), ("purge-journal", "purge journal")])
async def test_purge(admin: Admin, engine: FakeEngine, invocation_id: str, verb: str, operation: str) -> None:
    """An invocation that has ended can be forgotten, or its journal."""
    assert (await ask(admin, "PATCH", f"/invocations/{invocation_id}/{verb}")).status == 200
    assert engine.operated == [(operation,)]


async def test_purge_by_the_older_spelling(admin: Admin, engine: FakeEngine, invocation_id: str) -> None:
    """The older spelling purges, too."""
    assert (await ask(admin, "DELETE", f"/invocations/{invocation_id}?mode=purge")).status == 202
    assert engine.operated == [("purge",)]


@pytest.mark.parametrize("verb", ["cancel", "kill", "pause", "resume", "purge", "purge-journal"])
async def test_a_batch(admin: Admin, invocation_id: str, verb: str) -> None:
    """A batch says who succeeded, and of each other one why it did not."""
    answer = await post(admin, f"{BATCH}/{verb}", json.dumps({"invocation_ids": [invocation_id, UNKNOWN]}))
    assert answer.status == 200
    assert content(answer)["succeeded"] == [invocation_id]
    (failed,) = content(answer)["failed"]
    assert failed["invocation_id"] == UNKNOWN
    assert UNKNOWN in failed["error"]


async def test_a_batch_of_restarts(admin: Admin, engine: FakeEngine, invocation_id: str) -> None:
    """A batch of restarts says which invocation became which."""
    body = {"invocation_ids": [invocation_id], "deployment": "latest"}
    answer = await post(admin, f"{BATCH}/restart-as-new", json.dumps(body))
    pair = {"old_invocation_id": invocation_id, "new_invocation_id": RESTARTED}
    assert content(answer) == {"succeeded": [pair], "failed": []}
    assert engine.operated == [("restart", 0, "latest")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"invocation_ids": []}, 200),
        ({"invocation_ids": [UNKNOWN] * INVOCATIONS_MAX}, 200),
        ({"invocation_ids": [UNKNOWN] * (INVOCATIONS_MAX + 1)}, 400),
        ({"invocation_ids": ["inv_nonsense"]}, 400),
        ({"invocation_ids": [1]}, 400),
        ({"invocation_ids": UNKNOWN}, 400),
        ({}, 400),
    ],
)
async def test_what_a_batch_takes(admin: Admin, body: dict[str, Any], status: int) -> None:
    """A batch names up to a thousand ids, and nothing else."""
    assert (await post(admin, f"{BATCH}/purge", json.dumps(body))).status == status


async def test_an_unknown_batch(admin: Admin) -> None:
    """There is no batch of what is no operation, and none that is no JSON."""
    assert (await post(admin, f"{BATCH}/praise", json.dumps({"invocation_ids": []}))).status == 404
    assert (await ask(admin, "POST", f"{BATCH}/purge", "{}", {"content-type": "text/plain"})).status == 415


async def test_options_of_a_service(admin: Admin, engine: FakeEngine) -> None:
    """The options that are named change, the others do not."""
    change = {"public": False, "idempotency_retention": "2h", "journal_retention": "PT5M", "abort_timeout": None}
    answer = await patch(admin, "/v3/services/Greeter", change)
    assert (answer.status, content(answer)["name"]) == (200, "Greeter")
    wanted = Options(ingress_private=True, idempotency_retention_ms=7_200_000, journal_retention_ms=300_000)
    assert engine.operated == [("configure", "Greeter", wanted)]


@pytest.mark.parametrize("change", [{"public": 1}, {"abort_timeout": "soon"}, {"journal_retention": "1 month"}])
async def test_bad_options_of_a_service(admin: Admin, engine: FakeEngine, change: dict[str, Any]) -> None:
    """What is no flag or no duration is refused, and nothing changes."""
    assert (await patch(admin, "/services/Greeter", change)).status == 400
    assert engine.operated == []


async def test_a_deployment_moves(admin: Admin, engine: FakeEngine) -> None:
    """A deployment gets another address, and keeps the headers that are not named."""
    answer = await patch(admin, f"/deployments/{DEPLOYMENT}", {"uri": "http://127.0.0.1:9081", "overwrite": True})
    assert (answer.status, content(answer)["uri"]) == (200, "http://127.0.0.1:9081")
    assert engine.operated == [("modify", DEPLOYMENT, True, False)]
    await patch(admin, f"/deployments/{DEPLOYMENT}", {"additional_headers": {"x-a": "b"}, "dry_run": True})
    assert engine.operated[1:] == [("modify", DEPLOYMENT, False, True)]
    assert (engine.registered[1].address, engine.registered[1].additional_headers) == ("tests", (("x-a", "b"),))


@pytest.mark.parametrize(("version", "status"), [("v2", 200), ("v3", 405), ("v4", 405), ("", 405)])
async def test_a_deployment_is_replaced(admin: Admin, engine: FakeEngine, version: str, status: int) -> None:
    """Version 2 replaces a deployment wholly by PUT; the others say how that is spelled there."""
    body = json.dumps({"uri": "http://127.0.0.1:9081"})
    path = f"{'/' if version else ''}{version}/deployments/{DEPLOYMENT}"
    answer = await ask(admin, "PUT", path, body, {"content-type": "application/json"})
    assert answer.status == status
    if status == 200:
        assert engine.operated == [("modify", DEPLOYMENT, True, False)]
    else:
        assert (engine.operated, "overwrite=true" in content(answer)["message"]) == ([], True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/subscriptions", 200),
        ("GET", "/v3/kafka-clusters", 200),
        ("POST", "/subscriptions", 501),
        ("POST", "/kafka-clusters", 501),
        ("GET", "/subscriptions/sub_1", 404),
        ("DELETE", "/subscriptions/sub_1", 404),
        ("PATCH", "/kafka-clusters/mine", 404),
        ("DELETE", "/kafka-clusters/mine", 404),
    ],
)
async def test_kafka(admin: Admin, method: str, path: str, status: int) -> None:
    """Tools that list subscriptions find none, and whoever wants one is told what does the same."""
    body = json.dumps({"source": "kafka://mine/topic", "sink": "service://Greeter/greet"})
    answer = await ask(admin, method, path, body, {"content-type": "application/json"})
    assert answer.status == status
    if status == 200:
        assert list(content(answer).values()) == [[]]
    else:
        assert "idempotency-key" in content(answer)["message"]


@pytest.mark.parametrize("force", [True, False])
async def test_a_deployment_goes(admin: Admin, engine: FakeEngine, force: bool) -> None:
    """Removing a deployment is accepted; whether it must be drained is said by force."""
    answer = await ask(admin, "DELETE", f"/deployments/{DEPLOYMENT}{'?force=true' if force else ''}")
    assert answer.status == 202
    assert engine.operated == [("forget", DEPLOYMENT, force)]


async def test_an_unknown_deployment_does_not_move(admin: Admin) -> None:
    """There is nothing to modify about what is not there."""
    assert (await patch(admin, "/deployments/dp_10000000000000000000002", {})).status == 404


async def test_which_deployments_are_drained(admin: Admin, engine: FakeEngine) -> None:
    """The list says whether each deployment is still needed, if it is asked to."""

    async def statuses(query: str) -> list[str | None]:
        listed = content(await ask(admin, "GET", f"/deployments{query}"))["deployments"]
        return [each.get("status") for each in listed]

    assert await statuses("") == [None]
    assert await statuses("?include=status") == ["active"]
    engine.drained = [deployment_of()]
    assert await statuses("?include=status") == ["drained"]
