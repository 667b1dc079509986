"""Logs and metrics come out as the services that read them want them."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from holdfast_aws.runtime.telemetry import Telemetry


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 1000


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Telemetry:
    """Telemetry of a function with a name; whatever it does to loggers is undone."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "holdfast-dispatcher")
    log = logging.getLogger("holdfast")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    monkeypatch.setattr(log, "propagate", True)
    return Telemetry(tracing=False)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_metrics_of_an_event_are_one_line(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    """What was counted during an event is written when it ends, in the embedded metric format."""
    with telemetry.event(Context()):
        telemetry.count("SendsParked")
        telemetry.count("SendsParked", 2)
        telemetry.count("SendsAccepted", 0)
    (line,) = _lines(capsys)
    assert line["SendsParked"] == [1.0, 2.0]
    assert "SendsAccepted" not in line
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Holdfast"
    assert line["service"] == "holdfast-dispatcher"


def test_an_event_without_news_writes_nothing(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    """An event in which nothing was counted leaves no line, and no warning either."""
    with telemetry.event(Context()):
        pass
    assert _lines(capsys) == []


def test_the_engines_log_is_json_with_the_events_id(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    """What the engine logs by the standard library comes out as JSON that names the function's request."""
    with telemetry.event(Context()):
        logging.getLogger("holdfast.aws").warning("a lease of %s was lost", "inv_1")
    (line,) = _lines(capsys)
    assert line["message"] == "a lease of inv_1 was lost"
    assert line["level"] == "WARNING"
    assert line["function_request_id"] == "request-1"
