"""Awakeables completed through the ingress."""

from __future__ import annotations

import pytest

from holdfast_engine.records import Failure, Outcome
from holdfast_http.ingress.app import Ingress
from tests.support.fake_engine import NOW_MS, FakeEngine
from tests.support.requests import ask, content

AWAKEABLE = "sign_1AAECAwQFBgcICQoLDA0ODxAREhMUFRYXAAAAEQ"


@pytest.mark.parametrize("path", [f"/restate/awakeables/{AWAKEABLE}", f"/restate/a/{AWAKEABLE}"])
async def test_completing(path: str) -> None:
    """Resolving hands on the body byte for byte; rejecting makes it the message of a failure."""
    engine = FakeEngine()
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS)
    for target, body in (
        (f"{path}/resolve", b"\x00\xff"),
        (f"{path}/reject", "nein, ü".encode()),
        (f"{path}/reject", b""),
    ):
        answer = await ask(ingress, "POST", target, body)
        assert (answer.status, answer.body) == (202, b"")
    assert engine.completed_awakeables == [
        (AWAKEABLE, Outcome(value=b"\x00\xff")),
        (AWAKEABLE, Outcome(failure=Failure(code=500, message="nein, ü"))),
        (AWAKEABLE, Outcome(failure=Failure(code=500, message="the awakeable was rejected"))),
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/restate/awakeables/nonsense/resolve", 400),
        ("GET", f"/restate/awakeables/{AWAKEABLE}/resolve", 405),
        ("POST", f"/restate/awakeables/{AWAKEABLE}/forget", 404),
    ],
)
async def test_refused(method: str, path: str, status: int) -> None:
    """An id that is none, another verb and another method are refused."""
    ingress = Ingress(FakeEngine().as_engine, now_ms=lambda: NOW_MS)
    answer = await ask(ingress, method, path)
    assert (answer.status, content(answer)["source"]) == (status, "ingress")
