"""The admin API on invocations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast_engine.engine import CancelOutcome, Description, KillOutcome
from holdfast_engine.records import (
    Awaiting,
    Caller,
    Failure,
    Head,
    Kind,
    LastFailure,
    Outcome,
    Page,
    Status,
    Target,
)
from holdfast_http.admin.app import Admin
from holdfast_http.ingress.app import Ingress
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import encode
from tests.support.fake_engine import NOW_MS, FakeEngine
from tests.support.requests import ask, content, header, post

UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


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
    """An invocation with a journal of one entry."""
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS)
    sent = header(await post(ingress, "/Counter/k/add/send", "1"), "x-restate-id")
    assert sent is not None
    entries = (encode(pb.InputCommand(value=pb.Value(content=b"1"))),)
    engine.descriptions[sent] = Description(head=_head(sent), entries=entries)
    return sent


def _head(invocation_id: str) -> Head:
    return Head(
        id=invocation_id,
        target=Target(service="Counter", key="k", handler="add"),
        kind=Kind.EXCLUSIVE,
        status=Status.SUSPENDED,
        epoch=2,
        created_ms=NOW_MS,
        modified_ms=NOW_MS + 1,
        page=Page(epoch=2, base=0, frames=()),
        nonce="",
        awaiting=Awaiting(
            combinator=1, completions=(3,), signals=(17,), nested=(Awaiting(combinator=2, names=("s",)),)
        ),
        completion_retention_ms=1000,
        journal_retention_ms=60_000,
    )


async def _shown(admin: Admin, invocation_id: str) -> Any:
    answer = await ask(admin, "GET", f"/invocations/{invocation_id}")
    assert answer.status == 200
    return content(answer)


async def test_one_that_waits(admin: Admin, invocation_id: str) -> None:
    """An invocation is shown with its target, status, times and journal; what does not apply is left out."""
    assert await _shown(admin, invocation_id) == {
        "id": invocation_id,
        "target": "Counter/k/add",
        "service": "Counter",
        "key": "k",
        "handler": "add",
        "kind": "exclusive",
        "status": "suspended",
        "attempts": 2,
        "failed_attempts": 0,
        "awaiting": {"completions": [3], "signals": [17], "nested": [{"signals": ["s"]}]},
        "created_at": "2027-01-15T08:00:00.000Z",
        "modified_at": "2027-01-15T08:00:00.001Z",
        "completion_retention": "1s",
        "journal_retention": "1m",
        "journal": [{"index": 0, "type": "Command: Input", "value": "1", "completed": True}],
    }


async def test_one_that_fails(admin: Admin, engine: FakeEngine, invocation_id: str) -> None:
    """An invocation that backs off shows why, at which command, how often, and when it goes on."""
    failure = LastFailure(
        code=570,
        message="not what was recorded",
        rt_code="RT0016",
        command_index=3,
        command_name="charge",
        command_type=0x0411,
        at_ms=NOW_MS,
    )
    head = replace(
        _head(invocation_id),
        status=Status.BACKING_OFF,
        failed_attempts=2,
        retry_at_ms=NOW_MS + 500,
        last_failure=failure,
        caller=Caller(invocation_id=UNKNOWN, completion_id=1),
        idempotency_key="i",
    )
    engine.descriptions[invocation_id] = Description(head=head, entries=())
    shown = await _shown(admin, invocation_id)
    assert shown["status"] == "backing-off"
    assert shown["failed_attempts"] == 2
    assert shown["next_attempt_at"] == "2027-01-15T08:00:00.500Z"
    assert shown["called_by"] == UNKNOWN
    assert shown["idempotency_key"] == "i"
    assert shown["last_failure"] == {
        "at": "2027-01-15T08:00:00.000Z",
        "code": 570,
        "restate_code": "RT0016",
        "message": "not what was recorded",
        "command_index": 3,
        "command_name": "charge",
        "command_type": "Command: Run",
    }


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (Outcome(value=b'"done"'), {"result": "success", "value": '"done"'}),
        (Outcome(value=b"\xff\xfe"), {"result": "success", "value": "<2 bytes>"}),
        (
            Outcome(failure=Failure(code=409, message="cancelled", metadata=(("a", "b"),))),
            {"result": "failure", "failure": {"code": 409, "message": "cancelled", "metadata": {"a": "b"}}},
        ),
    ],
)
async def test_one_that_has_ended(
    admin: Admin, engine: FakeEngine, invocation_id: str, outcome: Outcome, shown: dict[str, Any]
) -> None:
    """An invocation that has ended shows how and when."""
    head = replace(_head(invocation_id), status=Status.COMPLETED, outcome=outcome, completed_ms=NOW_MS, awaiting=None)
    engine.descriptions[invocation_id] = Description(head=head, entries=())
    answer = await _shown(admin, invocation_id)
    assert answer["outcome"] == shown
    assert answer["completed_at"] == "2027-01-15T08:00:00.000Z"


async def test_an_outcome_in_the_journal(admin: Admin, engine: FakeEngine, invocation_id: str) -> None:
    """An outcome that only the journal holds is shown as well, as long as it is kept."""
    entries = (
        encode(pb.InputCommand()),
        encode(pb.OutputCommand(value=pb.Value(content=b"5"))),
    )
    head = replace(_head(invocation_id), status=Status.COMPLETED, outcome_index=1)
    engine.descriptions[invocation_id] = Description(head=head, entries=entries)
    assert (await _shown(admin, invocation_id))["outcome"] == {"result": "success", "value": "5"}
    engine.descriptions[invocation_id] = Description(head=head, entries=())
    assert "outcome" not in await _shown(admin, invocation_id)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(CancelOutcome.DONE, 200), (CancelOutcome.APPENDED, 202)],
)
async def test_cancel(
    admin: Admin, engine: FakeEngine, invocation_id: str, outcome: CancelOutcome, status: int
) -> None:
    """Cancelling says whether the invocation has ended or will see the request."""
    engine.cancel_outcome = outcome
    answer = await ask(admin, "PATCH", f"/v3/invocations/{invocation_id}/cancel")
    assert answer.status == status
    assert content(answer) == {"invocation_id": invocation_id, "outcome": outcome.value}


async def test_kill(admin: Admin, invocation_id: str) -> None:
    """Killing is done when it is answered."""
    answer = await ask(admin, "PATCH", f"/invocations/{invocation_id}/kill")
    assert (answer.status, content(answer)["outcome"]) == (200, "done")


@pytest.mark.parametrize("verb", ["cancel", "kill"])
async def test_what_has_ended_is_not_ended_again(
    admin: Admin, engine: FakeEngine, invocation_id: str, verb: str
) -> None:
    """Cancelling or killing what has completed is a conflict, and says that nothing changed."""
    engine.cancel_outcome, engine.kill_outcome = CancelOutcome.ALREADY_COMPLETED, KillOutcome.ALREADY_COMPLETED
    answer = await ask(admin, "PATCH", f"/invocations/{invocation_id}/{verb}")
    assert answer.status == 409
    assert "nothing changed" in content(answer)["message"]


@pytest.mark.parametrize(("query", "status"), [("", 202), ("?mode=cancel", 202), ("?mode=Kill", 202), ("?mode=x", 400)])
async def test_the_older_spelling(admin: Admin, invocation_id: str, query: str, status: int) -> None:
    """The older spelling operates by a mode, and says the same of what is not there."""
    assert (await ask(admin, "DELETE", f"/invocations/{invocation_id}{query}")).status == status
    assert (await ask(admin, "DELETE", f"/invocations/{UNKNOWN}{query}")).status == status
    assert (await ask(admin, "DELETE", f"/invocations/inv_nonsense{query}")).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        *(("PATCH", f"/{verb}") for verb in ("cancel", "kill", "pause", "resume", "purge", "purge-journal")),
        ("PATCH", "/restart-as-new"),
    ],
)
async def test_unknown(admin: Admin, method: str, path: str) -> None:
    """An unknown invocation is 404, and what is no id 400."""
    for invocation_id, status in ((UNKNOWN, 404), ("inv_nonsense", 400)):
        answer = await ask(admin, method, f"/invocations/{invocation_id}{path}")
        assert (answer.status, invocation_id in content(answer)["message"]) == (status, True)
    assert (await ask(admin, "POST", f"/invocations/{UNKNOWN}{path.partition('?')[0]}")).status == 405
