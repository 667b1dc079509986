"""Attach, output and lookup, by every way to name an invocation."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace

import pytest

from holdfast_engine.engine import Description, Submission
from holdfast_engine.records import Failure, Head, Kind, Outcome, Page, Status, Target
from holdfast_http.ingress.app import Ingress
from tests.support.fake_engine import NOW_MS, FakeEngine
from tests.support.requests import JSON, ask, content, header, post

UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


@dataclass
class Place:
    """An engine whose invocations end when told to, and the ingress in front of it."""

    engine: FakeEngine
    ingress: Ingress
    release: asyncio.Event = field(default_factory=asyncio.Event)
    ids: dict[str, str] = field(default_factory=dict)

    async def send(self, path: str, **headers: str) -> str:
        """Send and return the id."""
        return str(content(await post(self.ingress, path, '"x"', **headers))["invocationId"])


@pytest.fixture
async def place() -> Place:
    """A workflow run, an idempotent request to an object and a plain invocation, none of which has ended."""
    release = asyncio.Event()

    async def answering(submission: Submission) -> Outcome:
        await release.wait()
        return Outcome(value=submission.body)

    engine = FakeEngine(answering)
    place = Place(engine, Ingress(engine.as_engine, now_ms=lambda: NOW_MS), release)
    place.ids["workflow"] = await place.send("/Signup/ada/run/send")
    place.ids["idempotent"] = await place.send("/Counter/k/add/send", idempotency_key="i")
    place.ids["service"] = await place.send("/Greeter/greet/send", idempotency_key="i")
    place.ids["plain"] = await place.send("/Greeter/greet/send")
    for invocation_id in place.ids.values():
        engine.descriptions[invocation_id] = Description(head=_head(invocation_id), entries=())
    return place


def _head(invocation_id: str) -> Head:
    return Head(
        id=invocation_id,
        target=Target(service="Greeter", key=None, handler="greet"),
        kind=Kind.STATELESS,
        status=Status.RUNNING,
        epoch=1,
        created_ms=NOW_MS,
        modified_ms=NOW_MS,
        page=Page(epoch=1, base=0, frames=()),
        nonce="",
    )


WAYS = [
    ("workflow", "GET", "/restate/workflow/Signup/ada/{}", None),
    ("idempotent", "GET", "/restate/invocation/Counter/k/add/i/{}", None),
    ("service", "GET", "/restate/invocation/Greeter/greet/i/{}", None),
    ("plain", "GET", "/restate/invocation/ID/{}", None),
    ("plain", "GET", "/restate/{}/ID", None),
    ("plain", "POST", "/restate/{}", {"target": "invocation", "invocationId": "ID"}),
    ("workflow", "POST", "/restate/{}", {"target": "workflow", "workflowName": "Signup", "workflowKey": "ada"}),
    (
        "idempotent",
        "POST",
        "/restate/{}",
        {
            "target": "idempotentInvocation",
            "service": "Counter",
            "key": "k",
            "handler": "add",
            "idempotencyKey": "i",
        },
    ),
    (
        "service",
        "POST",
        "/restate/{}",
        {"target": "idempotentInvocation", "service": "Greeter", "handler": "greet", "idempotencyKey": "i"},
    ),
]


@pytest.mark.parametrize(("who", "method", "path", "body"), WAYS)
async def test_every_way(place: Place, who: str, method: str, path: str, body: dict[str, str] | None) -> None:
    """Output says 470 until the invocation has ended, attach waits for that, and both answer the same bytes."""
    invocation_id = place.ids[who]
    text = json.dumps(body).replace("ID", invocation_id, 1) if body and who == "plain" else json.dumps(body)

    async def answer(verb: str) -> tuple[int, bytes, str | None]:
        target = path.format(verb).replace("ID", invocation_id)
        response = await ask(place.ingress, method, target, text if body else b"", JSON)
        return response.status, response.body, header(response, "x-restate-id")

    status, problem, shown_id = await answer("output")
    assert (status, shown_id) == (470, invocation_id)
    assert invocation_id in json.loads(problem)["message"]
    attached = asyncio.create_task(answer("attach"))
    await asyncio.sleep(0.01)
    assert not attached.done()
    place.release.set()
    assert await attached == (200, b'"x"', invocation_id)
    assert await answer("output") == (200, b'"x"', invocation_id)


@pytest.mark.parametrize(("who", "method", "path", "body"), WAYS)
async def test_status(place: Place, who: str, method: str, path: str, body: dict[str, str] | None) -> None:
    """Status says how far an invocation has come, whichever way it is named."""
    invocation_id = place.ids[who]
    text = json.dumps(body).replace("ID", invocation_id, 1) if body and who == "plain" else json.dumps(body)
    target = path.format("status").replace("ID", invocation_id)

    async def stage() -> object:
        return content(await ask(place.ingress, method, target, text if body else b"", JSON))

    assert await stage() == {"stage": "started"}
    description = place.engine.descriptions[invocation_id]
    for status in (Status.SCHEDULED, Status.QUEUED, Status.READY):
        place.engine.descriptions[invocation_id] = replace(description, head=replace(description.head, status=status))
        assert await stage() == {"stage": "created"}
    place.release.set()
    await asyncio.sleep(0.01)
    assert await stage() == {"stage": "completed"}


async def test_status_of_a_failure(place: Place) -> None:
    """The status of an invocation that has failed says how."""
    failure = Failure(code=409, message="sold out", metadata=(("item", "bread"),))

    async def failing(submission: Submission) -> Outcome:
        return Outcome(failure=failure)

    place.engine.answering = failing
    invocation_id = await place.send("/Greeter/greet/send")
    place.engine.descriptions[invocation_id] = Description(head=_head(invocation_id), entries=())
    await asyncio.sleep(0.01)
    assert content(await ask(place.ingress, "GET", f"/restate/status/{invocation_id}")) == {
        "stage": "completed",
        "error": {"code": 409, "message": "sold out", "source": "invocation", "metadata": {"item": "bread"}},
    }


async def test_content_type_and_expiry(place: Place) -> None:
    """A stored result has the content type of its handler's declaration, and says until when it is kept."""
    place.release.set()
    await asyncio.sleep(0.01)
    answer = await ask(place.ingress, "GET", f"/restate/attach/{place.ids['plain']}")
    assert header(answer, "content-type") == "application/json"
    assert header(answer, "idempotency-expires") == "2027-01-16T08:00:00.000Z"


async def test_lookup(place: Place) -> None:
    """Lookup answers with the id that a name stands for, whether there is an invocation yet or not."""
    body = {"target": "workflow", "workflowName": "Signup", "workflowKey": "ada"}
    answer = await post(place.ingress, "/restate/lookup", json.dumps(body))
    assert content(answer) == {"invocationId": place.ids["workflow"]}
    answer = await post(place.ingress, "/restate/lookup", json.dumps({**body, "workflowKey": "bob"}))
    assert content(answer) == {"invocationId": await place.send("/Signup/bob/run/send")}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("GET", f"/restate/attach/{UNKNOWN}", "", 404, UNKNOWN),
        ("GET", f"/restate/invocation/{UNKNOWN}/output", "", 404, UNKNOWN),
        ("GET", "/restate/attach/inv_nonsense", "", 400, "inv_nonsense"),
        ("GET", "/restate/workflow/Signup/bob/attach", "", 404, "no invocation"),
        ("GET", "/restate/workflow/Nobody/bob/attach", "", 404, "Nobody"),
        ("GET", "/restate/workflow/Greeter/bob/attach", "", 404, "Greeter"),
        ("GET", "/restate/invocation/Nobody/greet/i/attach", "", 404, "Nobody"),
        ("GET", "/restate/invocation/Counter/add/i/attach", "", 400, "key"),
        ("POST", f"/restate/attach/{UNKNOWN}", "", 405, "GET"),
        ("GET", "/restate/attach", "", 405, "POST"),
        ("POST", "/restate/attach", "", 400, "JSON"),
        ("POST", "/restate/attach", "[1]", 400, "object"),
        ("POST", "/restate/attach", "{}", 400, "'target' is missing"),
        ("POST", "/restate/attach", '{"target": "x"}', 400, "'target' must be"),
        ("POST", "/restate/attach", '{"target": 5}', 400, "'target' must be a string"),
        ("POST", "/restate/output", '{"target": "workflow", "workflowName": "Signup"}', 400, "'workflowKey'"),
        ("POST", "/restate/lookup", '{"target": "invocation", "invocationId": "\\ud800"}', 400, "half a character"),
    ],
)
async def test_refused(place: Place, method: str, path: str, body: str, status: int, word: str) -> None:
    """What is not there, or not named rightly, is refused with one sentence."""
    answer = await ask(place.ingress, method, path, body, JSON)
    assert answer.status == status
    assert word in content(answer)["message"]
    assert content(answer)["source"] == "ingress"
