"""The ingress: paths, headers, payloads, content types, errors."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.conformance.blackbox.arena import PYTHON_SDKS, ROOMY_SDKS
from tests.conformance.blackbox.programs import about, awakeable, fail, note, run
from tests.conformance.blackbox.server import Server, failure_of, new, value_of

with_echo = pytest.mark.sdks(*PYTHON_SDKS)


async def test_a_call_answers_with_what_the_handler_returned(server: Server) -> None:
    """A call answers 200 with the handler's JSON, its content type, and the invocation's id."""
    answer = await server.post("/Player/play", [run("hello", "world")])
    assert (answer.status_code, answer.json()) == (200, ["world"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-restate-id"].startswith("inv_1")


@with_echo
async def test_nothing_comes_back_as_no_body(server: Server) -> None:
    """A handler that returns nothing answers 200 without body and without content type."""
    answer = await server.ingress.post("/Echo/nothing")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "content-type" not in answer.headers


@with_echo
async def test_a_handler_without_input_can_be_got(server: Server) -> None:
    """GET calls a handler, too."""
    assert (await server.ingress.get("/Echo/nothing")).status_code == 200
    assert (await server.ingress.get(f"/Named/{new('key')}/name")).status_code == 200


@with_echo
async def test_bytes_travel_unchanged(server: Server) -> None:
    """A body of bytes arrives as it was sent, and its answer has the handler's content type."""
    content = bytes(range(256)) * 10
    answer = await server.ingress.post(
        "/Echo/raw", content=content, headers={"content-type": "application/octet-stream"}
    )
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "application/x-echo"


@with_echo
@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, "äöü €", {"a": [1, 2.5, None, {"b": "c"}]}], ids=repr)
async def test_json_travels_unchanged(server: Server, value: object) -> None:
    """Any JSON value goes in and comes out."""
    answer = await server.ingress.post("/Echo/say", json=value)
    assert answer.status_code == 200
    assert (answer.json() if answer.content else None) == value


@with_echo
async def test_a_wrong_content_type_is_refused(server: Server) -> None:
    """A body whose content type the handler does not take is a 400 before any handler runs."""
    answer = await server.ingress.post("/Echo/order", content=b"3", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


@with_echo
async def test_parameters_of_a_content_type_do_not_matter(server: Server) -> None:
    """A charset behind the content type is no other content type."""
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = await server.ingress.post("/Echo/say", content=b'"text"', headers=headers)
    assert value_of(answer) == "text"


# The official SDK declares no input as required.
@pytest.mark.sdks("in-process", "holdfast")
async def test_a_missing_body_is_refused(server: Server) -> None:
    """A handler whose input is required is not called without one."""
    assert (await server.ingress.post("/Echo/order")).status_code == 400


@with_echo
async def test_a_body_that_breaks_the_schema_is_refused(server: Server) -> None:
    """An input that the handler's JSON schema does not allow fails the request and not the handler."""
    assert await server.call("/Echo/order", {"item": "apple", "amount": 2}) == "2 x apple"
    assert (await server.post("/Echo/order", {"item": "apple", "amount": 0})).status_code in (400, 500)
    assert (await server.post("/Echo/order", {"item": "apple"})).status_code in (400, 500)


async def test_a_send_is_accepted(server: Server) -> None:
    """A send answers 202 with the invocation's id, in body and header alike."""
    answer = await server.post("/Player/play/send", [run("later", 1)])
    assert (answer.status_code, answer.json()["status"]) == (202, "Accepted")
    assert answer.headers["x-restate-id"] == answer.json()["invocationId"]
    assert await server.result(answer.json()["invocationId"]) == [1]


async def test_the_newer_spellings_call_and_send(server: Server) -> None:
    """`/restate/call` and `/restate/send` are other words for the same."""
    assert await server.call("/restate/call/Player/play", [run("a", 1)]) == [1]
    assert await server.call(f"/restate/call/Actor/{new('key')}/play", [run("a", 2)]) == [2]
    sent = await server.post("/restate/send/Player/play", [run("a", 3)])
    assert sent.status_code == 202
    assert await server.result(sent.json()["invocationId"]) == [3]


async def test_attach_waits_and_output_does_not(server: Server) -> None:
    """While an invocation runs its output is a 470; when it has ended both have the result."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    token = await server.awakeable(name)
    assert (await server.output(invocation)).status_code == 470
    await server.resolve(token, "there")
    assert await server.result(invocation) == ["there"]
    assert value_of(await server.output(invocation)) == ["there"]
    assert value_of(await server.ingress.get(f"/restate/attach/{invocation}")) == ["there"]
    assert value_of(await server.ingress.get(f"/restate/output/{invocation}")) == ["there"]


async def test_a_target_may_be_named_in_a_body(server: Server) -> None:
    """Attach, output and lookup take the invocation as JSON as well."""
    invocation = await server.start(run("a", 1))
    target = {"target": "invocation", "invocationId": invocation}
    assert value_of(await server.post("/restate/attach", target)) == [1]
    assert value_of(await server.post("/restate/output", target)) == [1]


async def test_lookup_gives_the_id_of_a_request(server: Server) -> None:
    """An idempotent request can be looked up by what it was."""
    key = new("key")
    invocation = await server.send("/Player/play", [run("a", 1)], headers={"idempotency-key": key})
    target = {"target": "idempotentInvocation", "service": "Player", "handler": "play", "idempotencyKey": key}
    answer = await server.post("/restate/lookup", target)
    assert value_of(answer)["invocationId"] == invocation


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Nobody/play", 404),
        ("/Player/nothing", 404),
        ("/Player", 400),
        ("/", 400),
        ("/a/b/c/d/e/f/g/h", 400),
        ("/restate/attach/inv_nonsense", 400),
        ("/restate/output/inv_nonsense", 400),
    ],
)
async def test_a_path_that_leads_nowhere_says_so(server: Server, path: str, status: int) -> None:
    """A wrong path is refused with JSON that says why."""
    method = "GET" if path.startswith("/restate") else "POST"
    answer = await server.ingress.request(method, path)
    assert answer.status_code == status
    assert answer.json()["message"]


async def test_a_key_belongs_to_keyed_services_only(server: Server) -> None:
    """A plain service takes no key, an object does not go without."""
    assert (await server.post(f"/Player/{new('key')}/play", [])).status_code in (400, 404)
    assert (await server.post("/Actor/play", [])).status_code in (400, 404)


async def test_other_methods_are_refused(server: Server) -> None:
    """What is neither GET nor POST is a 405."""
    assert (await server.ingress.put("/Player/play", json=[])).status_code == 405
    assert (await server.ingress.delete("/Player/play")).status_code == 405


@pytest.mark.parametrize("key", ["with space", "a/b", "50%", "ключ", "q?x=1&y", "a+b", "ha#sh"])
async def test_any_text_is_a_key(server: Server, key: str) -> None:
    """A key is percent-decoded, whatever it is made of."""
    key = f"{key}-{new('k')}"
    assert (await server.act(quote(key, safe=""), about()))[0]["key"] == key


async def test_one_slash_at_the_end_does_not_count(server: Server) -> None:
    """`/Player/play/` is `/Player/play`."""
    assert await server.call("/Player/play/", [run("a", 1)]) == [1]


async def test_headers_reach_the_handler(server: Server) -> None:
    """A request's headers are the invocation's, but for those of the connection and of the ingress."""
    headers = {"x-mine": "1", "idempotency-key": new("key"), "x-restate-made-up": "2"}
    [seen] = await server.call("/Player/play", [about()], headers=headers)
    assert seen["headers"]["x-mine"] == "1"
    assert not {"host", "connection", "idempotency-key"} & set(seen["headers"])


async def test_the_handler_knows_its_invocation(server: Server) -> None:
    """The id that the client gets is the one the handler has."""
    answer = await server.post("/Player/play", [about()])
    assert answer.json()[0]["id"] == answer.headers["x-restate-id"]


async def test_a_private_service_is_not_for_clients(server: Server) -> None:
    """A handler that is private answers 400 to clients, and runs for handlers."""
    assert (await server.post("/Hidden/play", [])).status_code == 400
    assert (await server.post("/Hidden/play/send", [])).status_code == 400


async def test_a_terminal_failure_is_the_answer(server: Server) -> None:
    """A handler's failure for good comes back with its code and its words, as JSON."""
    answer = await server.post("/Player/play", [fail("out of bread", 409)])
    assert failure_of(answer) == (409, "out of bread")
    assert answer.json()["code"] == 409
    assert answer.headers["x-restate-id"].startswith("inv_1")


@pytest.mark.parametrize("code", [200, 302, 599, 600, 1000])
async def test_a_code_that_is_no_error_status_is_a_500(server: Server, code: int) -> None:
    """A failure whose code HTTP does not know as an error is answered with 500, and keeps its code in the JSON."""
    answer = await server.post("/Player/play", [fail("odd", code)])
    # Restate makes a status of any three digits, so that a failure with code 200 looks like a success to every client;
    # its documentation says error statuses only, and so do we.
    status = code if 400 <= code <= 599 or (server.is_restate and code < 1000) else 500
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (status, code, "odd")


async def test_metadata_of_a_failure_comes_along(server: Server) -> None:
    """What a handler adds to its failure is in the answer."""
    answer = await server.post("/Player/play", [fail("no", 400, {"reason": "bread"})])
    assert answer.json()["metadata"] == {"reason": "bread"}


async def test_who_failed_is_in_a_header(server: Server) -> None:
    """Errors of the ingress and of the invocation can be told apart."""
    invocation = await server.post("/Player/play", [fail("no", 404)])
    ingress = await server.post("/Nobody/play", [])
    assert invocation.headers["x-restate-error-source"] == "invocation"
    assert ingress.headers["x-restate-error-source"] == "ingress"


@pytest.mark.parametrize("delay", ["300ms", "PT0.3S", "0.3s", "0 sec 300 ms"])
async def test_a_send_can_be_for_later(server: Server, delay: str) -> None:
    """A delayed send starts after its delay and not before."""
    name = new("later")
    answer = await server.post(f"/Player/play/send?delay={delay}", [note(name)])
    assert answer.status_code == 202, answer.text
    assert "executionTime" in answer.json()
    assert server.notes(name) == []
    assert await server.result(answer.json()["invocationId"]) == [None]


async def test_a_delay_of_nothing_is_none(server: Server) -> None:
    """A delay of 0 is a send for now."""
    answer = await server.post("/Player/play/send?delay=0", [run("a", 1)])
    assert await server.result(answer.json()["invocationId"]) == [1]


async def test_a_bare_number_is_milliseconds(server: Server) -> None:
    """The official Python client sends its delay as a bare number."""
    answer = await server.post("/Player/play/send?delay=300", [run("a", 1)])
    if server.is_restate:
        # Its parser refuses what the Python client of the same house sends; we take it (protocol.md 7.2, [P]).
        assert answer.status_code == 400
        return
    assert "executionTime" in answer.json()
    assert await server.result(answer.json()["invocationId"]) == [1]


@pytest.mark.parametrize("delay", ["soon", "-1s", "P1M", "1 month", ""])
async def test_a_delay_that_is_none_is_refused(server: Server, delay: str) -> None:
    """What is no duration, or has no fixed length, is a 400."""
    assert (await server.post(f"/Player/play/send?delay={delay}", [])).status_code == 400


async def test_a_call_cannot_be_delayed(server: Server) -> None:
    """Who waits does not want to wait for a start."""
    assert (await server.post("/Player/play?delay=1s", [])).status_code == 400


async def test_health_lists_the_services(server: Server) -> None:
    """The ingress says what it serves."""
    answer = await server.ingress.get("/restate/health")
    assert {"Player", "Actor", "Story"} <= set(answer.json()["services"])


async def test_an_unknown_invocation_is_not_found(server: Server) -> None:
    """A well-formed id of nothing is a 404."""
    unknown = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"
    assert (await server.attach(unknown)).status_code == 404
    assert (await server.output(unknown)).status_code == 404


async def test_pages_of_other_origins_may_call(server: Server) -> None:
    """A browser's question before a cross-origin call is answered yes."""
    headers = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,idempotency-key",
    }
    asked = await server.ingress.options("/Player/play", headers=headers)
    assert asked.is_success
    assert asked.headers["access-control-allow-origin"] in ("*", "https://shop.example")
    answer = await server.post("/Player/play", [], headers={"origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example")


@pytest.mark.sdks(*ROOMY_SDKS)
async def test_a_body_larger_than_lambda_takes(server: Server) -> None:
    """A body of 8 MB arrives, and comes back."""
    text = "x" * 8_000_000
    assert await server.call("/Player/play", [run("a", text)]) == [text]


async def test_a_body_beyond_the_limit_is_refused(server: Server) -> None:
    """A body beyond 32 MiB is a 413."""
    content = b'"' + b"x" * (33 * 1024 * 1024) + b'"'
    try:
        answer = await server.ingress.post(
            "/Player/play", content=content, headers={"content-type": "application/json"}
        )
    except httpx.TransportError:
        # Restate answers and hangs up at once, so that a client that is still writing may not see the answer.
        assert server.is_restate
        return
    assert answer.status_code == 413


async def test_a_workflow_is_found_by_its_key(server: Server) -> None:
    """Attach and output find a workflow's run by its key, by path and by body; before it runs there is nothing."""
    key = new("story")
    assert (await server.ingress.get(f"/restate/workflow/Story/{key}/output")).status_code == 404
    assert await server.call(f"/Story/{key}/run", [run("a", 1)]) == [1]
    target = {"target": "workflow", "workflowName": "Story", "workflowKey": key}
    for verb in ("attach", "output"):
        assert value_of(await server.ingress.get(f"/restate/workflow/Story/{key}/{verb}")) == [1]
        assert value_of(await server.post(f"/restate/{verb}", target)) == [1]


async def test_an_idempotent_request_is_found_by_what_it_was(server: Server) -> None:
    """Attach and output find an invocation by its target and its idempotency key."""
    key, name = new("key"), new("actor")
    await server.call(f"/Actor/{name}/play", [run("a", 1)], headers={"idempotency-key": key})
    await server.call("/Player/play", [run("a", 2)], headers={"idempotency-key": key})
    for verb in ("attach", "output"):
        assert value_of(await server.ingress.get(f"/restate/invocation/Actor/{name}/play/{key}/{verb}")) == [1]
        assert value_of(await server.ingress.get(f"/restate/invocation/Player/play/{key}/{verb}")) == [2]


async def test_a_stored_outcome_says_how_long_it_is_kept(server: Server) -> None:
    """Asked a second time, an idempotent request answers the same and says until when."""
    headers = {"idempotency-key": new("key")}
    first = await server.post("/Player/play", [run("a", 1)], headers=headers)
    again = await server.post("/Player/play", [run("a", 2)], headers=headers)
    assert (first.json(), again.json()) == ([1], [1])
    assert first.headers["x-restate-id"] == again.headers["x-restate-id"]
    assert "idempotency-expires" in again.headers


async def test_a_repeated_send_was_accepted_before(server: Server) -> None:
    """A send with a known idempotency key, or of a workflow that has run, is told so."""
    headers = {"idempotency-key": new("key")}
    sent = [await server.post("/Player/play/send", [run("a", 1)], headers=headers) for _ in range(2)]
    assert [answer.json()["status"] for answer in sent] == ["Accepted", "PreviouslyAccepted"]
    assert len({answer.json()["invocationId"] for answer in sent}) == 1
    key = new("story")
    runs = [await server.post(f"/Story/{key}/run/send", [run("a", 1)]) for _ in range(2)]
    assert [answer.json()["status"] for answer in runs] == ["Accepted", "PreviouslyAccepted"]


async def test_a_workflow_is_called_once(server: Server) -> None:
    """The second call of a workflow's run is a 409; an idempotency key has no place there."""
    key = new("story")
    assert await server.call(f"/Story/{key}/run", [run("a", 1)]) == [1]
    assert (await server.post(f"/Story/{key}/run", [run("a", 1)])).status_code == 409
    headers = {"idempotency-key": "x"}
    assert (await server.post(f"/Story/{new('story')}/run", [run("a", 1)], headers=headers)).status_code == 400


async def test_awakeables_have_a_short_name(server: Server) -> None:
    """`/restate/a` is `/restate/awakeables`; what is no awakeable is refused."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    token = await server.awakeable(name)
    assert (await server.ingress.post(f"/restate/a/{token}/resolve", json="v")).status_code == 202
    assert await server.result(invocation) == ["v"]
    assert (await server.ingress.post("/restate/a/nonsense/resolve", json="v")).status_code == 400
    assert (await server.ingress.get(f"/restate/a/{token}/resolve")).status_code == 405


async def test_every_service_has_an_openapi_document(server: Server) -> None:
    """The admin API describes a service's paths, keyed ones with their key."""
    document = (await server.admin.get("/services/Actor/openapi")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/restate/call/Actor/{key}/play", "/restate/send/Actor/{key}/play"} <= set(document["paths"])
