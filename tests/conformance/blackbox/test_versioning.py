"""Versions: what a deployment is stays as it was registered, what has begun stays with it, what is new goes on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.blackbox.handlers.versions import VERSION_VARIABLE
from tests.conformance.blackbox.launch import VERSIONS, Endpoint
from tests.conformance.blackbox.programs import call, run
from tests.conformance.blackbox.server import Server, failure_of, new

_UNKNOWN = "dp_10000000000000000000001"


async def _register(server: Server, endpoint: Endpoint, *, api: str = "v3", **options: Any) -> httpx.Response:
    body = {**endpoint.place, **options}
    return await server.admin.post(f"/{api}/deployments".replace("//", "/"), json=body)


async def _latest(server: Server, version: str) -> str:
    """Make a version the latest one, and return its deployment."""
    return await server.arena.register(server.arena.version(version), force=True)


async def _deployments(server: Server, query: str = "") -> dict[str, Any]:
    listed = (await server.admin.get(f"/deployments{query}")).json()["deployments"]
    return {each["id"]: each for each in listed}


async def test_new_work_goes_to_the_latest_version(server: Server) -> None:
    """What is called next is served by what was registered last."""
    await _latest(server, "1")
    assert await server.call("/Versioned/which") == "1"
    second = await _latest(server, "2")
    assert await server.call("/Versioned/which") == "2"
    service = (await server.admin.get("/services/Versioned")).json()
    assert service["deployment_id"] == second


async def test_what_has_begun_stays_where_it_is(server: Server) -> None:
    """An invocation that has stored a step ends on the deployment on which it began."""
    name = new("wait")
    await _latest(server, "1")
    invocation = await server.send("/Versioned/across", name)
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    await _latest(server, "2")
    await server.resolve(token, None)
    assert await server.result(invocation) == ["1", "1"]


async def test_what_has_stored_nothing_goes_on(server: Server) -> None:
    """An invocation that fails before its first step is served by the next version."""
    mark = new("mark")
    await _latest(server, "1")
    invocation = await server.send("/Versioned/early", mark)
    await server.noted(f"failed {mark}")
    await _latest(server, "2")
    assert await server.result(invocation) == "2"


async def test_what_fails_behind_a_step_stays(server: Server) -> None:
    """An invocation that fails behind its first step is retried on its own version, though there is a newer one."""
    mark = new("mark")
    await _latest(server, "1")
    invocation = await server.send("/Versioned/changed", mark)
    await server.noted(f"failed {mark}")
    await _latest(server, "2")
    failures = len(server.notes(f"failed {mark}"))
    await server.noted(f"failed {mark}", times=failures + 3)
    assert not await server.has_ended(invocation)
    await server.operate("kill", invocation)


async def test_what_was_scheduled_is_new_work(server: Server) -> None:
    """What is due after a new version was registered is served by that, from the time when it is due."""
    await _latest(server, "1")
    invocation = await server.send("/Versioned/which?delay=600ms")
    await server.until(invocation, "scheduled")
    await _latest(server, "2")
    assert await server.result(invocation) == "2"


async def test_handlers_come_and_go(server: Server) -> None:
    """A handler that the latest version has not is unknown, one that it has can be called."""
    await _latest(server, "1")
    assert await server.call("/Versioned/removed") == "1"
    assert (await server.post("/Versioned/added")).status_code == 404
    await _latest(server, "2")
    assert await server.call("/Versioned/added") == "2"
    assert (await server.post("/Versioned/removed")).status_code == 404
    assert (await server.admin.get("/services/Versioned/handlers/removed")).status_code == 404


async def test_calls_of_handlers_are_new_work(server: Server) -> None:
    """A call is served by the latest version of the callee, whatever version its caller is."""
    await _latest(server, "1")
    assert await server.play(call("Versioned", "which", None)) == ["1"]
    await _latest(server, "2")
    assert await server.play(call("Versioned", "which", None)) == ["2"]


async def test_the_same_endpoint_again_changes_nothing(server: Server) -> None:
    """A known endpoint is answered as it is known; the older API replaces it, or calls it a conflict."""
    known = await _latest(server, "1")
    endpoint = server.arena.version("1")
    for api in ("", "v3", "v4"):
        answer = await _register(server, endpoint, api=api)
        assert (answer.status_code, answer.json()["id"]) == (200, known)
    assert (await _register(server, endpoint, api="v2", force=False)).status_code == 409
    answer = await _register(server, endpoint, api="v2")
    assert (answer.status_code, answer.json()["id"]) == (201, known)
    answer = await _register(server, endpoint, force=True)
    assert (answer.status_code, answer.json()["id"]) == (200, known)


async def test_a_dry_run_registers_nothing(server: Server) -> None:
    """A dry run says what would be, and all stays as it was."""
    await _latest(server, "1")
    first = await server.arena.register(server.arena.version("1"))
    second = await _latest(server, "2")
    await server.admin.delete(f"/deployments/{second}?force=true")
    before = await _deployments(server)
    answer = await _register(server, server.arena.version("2"), dry_run=True)
    assert answer.status_code == 201
    [versioned] = [each for each in answer.json()["services"] if each["name"] == "Versioned"]
    assert "added" in [handler["name"] for handler in versioned["handlers"]]
    assert await _deployments(server) == before
    assert (await server.admin.get("/services/Versioned")).json()["deployment_id"] == first
    assert await server.call("/Versioned/which") == "1"


async def test_a_service_stays_of_its_kind(server: Server) -> None:
    """A service that would change its kind is refused, unless breaking its callers is meant."""
    await _latest(server, "2")
    third = server.arena.version("3")
    for deployment in (await _deployments(server)).values():
        if third.is_at(deployment):
            await server.admin.delete(f"/deployments/{deployment['id']}?force=true")
    refused = await _register(server, third)
    assert (refused.status_code, refused.json()["restate_code"]) == (409, "META0006")
    assert await server.call("/Turncoat/kind") == "service"
    accepted = await _register(server, third, breaking=True)
    assert accepted.status_code == 201
    assert await server.call(f"/Turncoat/{new('key')}/kind") == "object"
    assert (await server.post("/Turncoat/kind")).status_code == 400
    # To force is to be ready to break.
    await _latest(server, "2")
    assert await server.call("/Turncoat/kind") == "service"


async def test_a_deployment_is_shown(server: Server) -> None:
    """A deployment is listed and shown with what is known of it."""
    answer = await _register(server, server.arena.version("1"), force=True)
    deployment = answer.json()["id"]
    assert answer.headers["location"].endswith(f"deployments/{deployment}")
    shown = (await server.admin.get(f"/deployments/{deployment}")).json()
    assert shown["id"] == deployment
    assert server.arena.version("1").is_at(shown)
    assert {each["name"] for each in shown["services"]} == {"Versioned", "Turncoat"}
    assert shown["min_protocol_version"] <= shown["max_protocol_version"]
    assert shown["created_at"]
    listed = (await _deployments(server))[deployment]
    assert {each["name"] for each in listed["services"]} == {"Versioned", "Turncoat"}
    assert all(each["revision"] >= 1 for each in listed["services"])
    assert (await server.admin.get(f"/deployments/{_UNKNOWN}")).status_code == 404


async def test_a_removed_deployment_gives_way_to_the_one_before(server: Server) -> None:
    """Where the latest deployment is removed, new work goes to the latest that is left."""
    await _latest(server, "1")
    second = await _latest(server, "2")
    assert await server.call("/Versioned/which") == "2"
    answer = await server.admin.delete(f"/deployments/{second}?force=true")
    assert (answer.status_code, answer.content) == (202, b"")
    assert await server.call("/Versioned/which") == "1"
    for again in (second, _UNKNOWN):
        assert (await server.admin.delete(f"/deployments/{again}?force=true")).status_code == 404
        assert (await server.admin.get(f"/deployments/{again}")).status_code == 404


async def test_what_is_needed_is_not_removed(server: Server) -> None:
    """Without force, a deployment stays for as long as an invocation needs it, and is said to be needed."""
    name = new("wait")
    first = await _latest(server, "1")
    invocation = await server.send("/Versioned/across", name)
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    second = await _latest(server, "2")
    if server.is_restate:
        # It can only remove by force, and says so; and it does not say which deployment is drained.
        assert (await server.admin.delete(f"/deployments/{first}")).status_code == 501
        await server.resolve(token, None)
        assert await server.result(invocation) == ["1", "1"]
        return
    for needed in (first, second):
        assert (await server.admin.delete(f"/deployments/{needed}")).status_code == 409
        assert (await _deployments(server, "?include=status"))[needed]["status"] == "active"
    await server.resolve(token, None)
    assert await server.result(invocation) == ["1", "1"]
    assert (await _deployments(server, "?include=status"))[first]["status"] == "drained"
    assert (await server.admin.delete(f"/deployments/{first}")).status_code == 202
    assert first not in await _deployments(server)


async def test_a_deployment_moves(server: Server) -> None:
    """A deployment gets another address, where those that are pinned to it go on."""
    name = new("wait")
    first = await _latest(server, "1")
    invocation = await server.send("/Versioned/across", name)
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    elsewhere = server.arena.add_endpoint(modules=[VERSIONS], env={VERSION_VARIABLE: "1 elsewhere"})
    # This one has not all the handlers of the other: to overwrite is to mean that.
    body = {**elsewhere.place, "overwrite": True}
    answer = await server.admin.patch(f"/deployments/{first}", json={**body, "dry_run": True})
    assert answer.status_code == 200
    assert elsewhere.is_at(answer.json())
    before = (await server.admin.get(f"/deployments/{first}")).json()
    assert server.arena.version("1").is_at(before)
    if not server.is_restate:
        # It moves a deployment to whatever is there, and finds out when a handler is called that is not.
        refused = await server.admin.patch(f"/deployments/{first}", json={**body, "overwrite": False})
        assert refused.status_code == 409
    answer = await server.admin.patch(f"/deployments/{first}", json=body)
    assert (answer.status_code, answer.json()["id"]) == (200, first)
    await server.resolve(token, None)
    assert await server.result(invocation) == ["1", "1 elsewhere"]
    assert await server.call("/Versioned/which") == "1 elsewhere"
    assert (await server.admin.patch(f"/deployments/{_UNKNOWN}", json=body)).status_code == 404
    await server.admin.delete(f"/deployments/{first}?force=true")
    elsewhere.kill()


async def test_a_deployment_gets_headers(server: Server) -> None:
    """The headers of a deployment go with every request to it, and can be changed."""
    await _latest(server, "1")
    registered = await _register(server, server.arena.version("1"), force=True, additional_headers={"x-mark": "one"})
    assert await server.call("/Versioned/mark") == "one"
    path = f"/deployments/{registered.json()['id']}"
    answer = await server.admin.patch(path, json={"additional_headers": {"x-mark": "two"}})
    assert (answer.status_code, answer.json()["additional_headers"]) == (200, {"x-mark": "two"})
    assert await server.call("/Versioned/mark") == "two"
    assert (await server.admin.put(path, json={})).status_code == 405


async def test_metadata_is_kept(server: Server) -> None:
    """What a registration says about itself is shown with its deployment."""
    answer = await _register(server, server.arena.version("1"), force=True, metadata={"commit": "abc"})
    shown = (await server.admin.get(f"/deployments/{answer.json()['id']}")).json()
    assert shown["metadata"] == {"commit": "abc"}


@pytest.mark.parametrize("body", [{"uri": "nonsense"}, {}, {"uri": "http://127.0.0.1:1", "use_http_11": True}])
async def test_what_is_no_endpoint(server: Server, body: dict[str, Any]) -> None:
    """An address that is none, or at which nobody answers, is not registered."""
    before = await _deployments(server)
    answer = await server.admin.post("/deployments", json=body)
    assert answer.status_code >= 400
    assert await _deployments(server) == before


async def test_a_service_is_made_private(server: Server) -> None:
    """An operator can close a service to clients, while handlers may still call it, and open it again."""
    await _latest(server, "1")
    answer = await server.admin.patch("/services/Versioned", json={"public": False})
    assert (answer.status_code, answer.json()["public"]) == (200, False)
    assert failure_of(await server.post("/Versioned/which"))[0] == 400
    assert await server.play(call("Versioned", "which", None), run("a", 1)) == ["1", 1]
    assert (await server.admin.patch("/services/Versioned", json={"public": True})).json()["public"] is True
    assert await server.call("/Versioned/which") == "1"


async def test_options_of_a_service(server: Server) -> None:
    """Only what is named changes, and only until the next revision."""
    await _latest(server, "1")
    names = ("idempotency_retention", "journal_retention", "abort_timeout")
    before = (await server.admin.get("/services/Versioned")).json()
    change = {"idempotency_retention": "2h", "abort_timeout": "PT7M"}
    answer = await server.admin.patch("/services/Versioned", json=change)
    assert [answer.json()[name] for name in names] == ["2h", before["journal_retention"], "7m"]
    unchanged = (await server.admin.patch("/services/Versioned", json={})).json()
    assert [unchanged[name] for name in names] == [answer.json()[name] for name in names]
    # The same endpoint again is no revision, unless it is forced to be one.
    await server.arena.register(server.arena.version("1"), force=False)
    kept = (await server.admin.get("/services/Versioned")).json()
    assert [kept[name] for name in names] == [answer.json()[name] for name in names]
    for version in ("1", "2"):
        await server.admin.patch("/services/Versioned", json=change)
        await _latest(server, version)
        after = (await server.admin.get("/services/Versioned")).json()
        assert [after[name] for name in names] == [before[name] for name in names]


@pytest.mark.parametrize(
    "change",
    [
        {"idempotency_retention": "soon"},
        {"journal_retention": "1 month"},
        {"public": 3},
        {"workflow_completion_retention": "1h"},
    ],
)
async def test_options_that_are_none(server: Server, change: dict[str, Any]) -> None:
    """A duration that is none is refused, and so is the retention of a workflow for what is no workflow."""
    await _latest(server, "1")
    # Restate calls some of these 422, and one 400.
    assert (await server.admin.patch("/services/Versioned", json=change)).status_code in (400, 422)
    assert (await server.admin.patch("/services/Nonesuch", json={"public": True})).status_code == 404
