"""Sends through the ingress: accepted, delayed, met again."""

from __future__ import annotations

import pytest

from holdfast_http.ingress.app import Ingress
from tests.support.fake_engine import NOW_MS, FakeEngine
from tests.support.requests import content, header, post


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that answers with the body."""
    return FakeEngine()


@pytest.fixture
def ingress(engine: FakeEngine) -> Ingress:
    """The ingress in front of it."""
    return Ingress(engine.as_engine, now_ms=lambda: NOW_MS)


@pytest.mark.parametrize(
    "path",
    [
        "/Greeter/greet/send",
        "/Counter/k/add/send",
        "/Counter/k/add/send/",
        "/restate/send/Greeter/greet",
        "/restate/send/Counter/k/add",
        "/restate/scope/s/send/Counter/k/add",
    ],
)
async def test_accepted(ingress: Ingress, engine: FakeEngine, path: str) -> None:
    """A send is accepted with the id of its invocation, in the body and in a header."""
    answer = await post(ingress, path, '"x"')
    assert answer.status == 202
    invocation_id = content(answer)["invocationId"]
    assert content(answer) == {"invocationId": invocation_id, "status": "Accepted"}
    assert header(answer, "x-restate-id") == invocation_id
    assert engine.submissions[0].target.handler in ("greet", "add")
    assert engine.submissions[0].body == b'"x"'


async def test_accepted_before(ingress: Ingress) -> None:
    """A duplicate is told the same id, and that it was accepted before; so is a second send to a workflow."""
    for path, headers in (("/Greeter/greet/send", {"idempotency_key": "k"}), ("/Signup/ada/run/send", {})):
        first, second = [content(await post(ingress, path, '"x"', **headers)) for _ in range(2)]
        assert (first["status"], second["status"]) == ("Accepted", "PreviouslyAccepted")
        assert first["invocationId"] == second["invocationId"]


@pytest.mark.parametrize("delay", ["10s", "PT10S", "10000", "10000ms", "10%20sec"])
async def test_delayed(ingress: Ingress, engine: FakeEngine, delay: str) -> None:
    """A delay moves the start, in every spelling the SDKs use, and the answer says to when."""
    answer = await post(ingress, f"/Greeter/greet/send?delay={delay}", '"x"')
    assert engine.submissions[0].invoke_at_ms == NOW_MS + 10_000
    assert content(answer)["executionTime"] == "2027-01-15T08:00:10.000Z"


async def test_no_delay(ingress: Ingress, engine: FakeEngine) -> None:
    """A delay of nothing is none."""
    answer = await post(ingress, "/Greeter/greet/send?delay=0", '"x"')
    assert engine.submissions[0].invoke_at_ms is None
    assert "executionTime" not in content(answer)


@pytest.mark.parametrize("delay", ["soon", "", "1%20month", "-5s", "40000%20days"])
async def test_a_delay_that_is_none(ingress: Ingress, engine: FakeEngine, delay: str) -> None:
    """A delay that cannot be read is refused, and nothing is accepted."""
    answer = await post(ingress, f"/Greeter/greet/send?delay={delay}", '"x"')
    assert (answer.status, "delay" in content(answer)["message"]) == (400, True)
    assert engine.submissions == []
