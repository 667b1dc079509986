"""Logs and metrics come out as the services that read them want them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from holdfast_aws.runtime.telemetry import Telemetry


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 1000


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """A function's name, another one in each test: Powertools sets up the logger of a name once in a process."""
    return f"holdfast-{request.node.name}"


@pytest.fixture
def make(service: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Telemetry]:
    """Makes the telemetry of a function with a name; whatever that does to loggers is undone.

    A log writes to what is the standard output when it is made, and pytest has another one in each phase of a test.
    """
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
    log = logging.getLogger("holdfast")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    monkeypatch.setattr(log, "propagate", True)
    return lambda: Telemetry(tracing=False)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_metrics_of_an_event_are_one_line(
    make: Callable[[], Telemetry], service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was counted during an event is written when it ends, in the embedded metric format."""
    telemetry = make()
    with telemetry.event(Context()):
        telemetry.count("SendsParked")
        telemetry.count("SendsParked", 2)
        telemetry.count("SendsAccepted", 0)
    (line,) = _lines(capsys)
    assert line["SendsParked"] == [1.0, 2.0]
    assert "SendsAccepted" not in line
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Holdfast"
    assert line["service"] == service


def test_an_event_without_news_writes_nothing(
    make: Callable[[], Telemetry], capsys: pytest.CaptureFixture[str]
) -> None:
    """An event in which nothing was counted leaves no line, and no warning either."""
    telemetry = make()
    with telemetry.event(Context()):
        pass
    assert _lines(capsys) == []


def test_the_engines_log_is_json_with_the_events_id(
    make: Callable[[], Telemetry], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the engine logs by the standard library comes out as JSON that names the function's request."""
    telemetry = make()
    with telemetry.event(Context()):
        logging.getLogger("holdfast.aws").warning("a lease of %s was lost", "inv_1")
    (line,) = _lines(capsys)
    assert line["message"] == "a lease of inv_1 was lost"
    assert line["level"] == "WARNING"
    assert line["function_request_id"] == "request-1"
