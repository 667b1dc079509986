"""Kafka: not read by this server, which says so, and what does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.messages import json_response
from holdfast_http.problems import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast_http.admin.tools import Answers
    from holdfast_http.messages import Response

_INSTEAD = (
    "Holdfast reads no Kafka: on AWS let an EventBridge pipe put the records into the sends queue; elsewhere let a"
    " consumer post each to <ingress>/<service>/<handler>/send, with topic, partition and offset as its idempotency-key"
)
_LISTS = {"subscriptions": "subscriptions", "kafka-clusters": "clusters"}


def answers(segments: tuple[str, ...]) -> Answers:
    """Return what the methods of a path answer; nothing for one that is not about Kafka."""
    match segments:
        case ["subscriptions" | "kafka-clusters" as kind]:
            return {"GET": lambda: json_response(200, _empty(kind)), "POST": _refuse}
        case ["subscriptions", name]:
            return dict.fromkeys(("GET", "DELETE"), lambda: _missing(name))
        case ["kafka-clusters", name]:
            return dict.fromkeys(("GET", "PATCH", "DELETE"), lambda: _missing(name))
        case _:
            return {}


def _empty(kind: str) -> Mapping[str, list[str]]:
    # A tool that lists everything there is goes on.
    return {_LISTS[kind]: []}


def _refuse() -> Response:
    raise HttpProblem(501, _INSTEAD)


def _missing(name: str) -> Response:
    raise HttpProblem(404, f"there is no {name[:100]!r}: {_INSTEAD}")
