"""Choosing a protocol version, naming it, and keeping newer fields from older peers."""

from __future__ import annotations

import pytest

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import Message, MessageType
from holdfast_protocol.versions import (
    choose_version,
    clear_newer_fields,
    invocation_media_type,
    invocation_version,
    is_known_in,
)


@pytest.mark.parametrize(
    ("low", "high", "cap", "expected"),
    [
        (5, 7, 7, 7),
        (5, 7, 6, 6),
        (5, 6, 7, 6),
        (5, 5, 7, 5),
        (5, 8, 7, 7),
        (5, 8, 9, 7),
        (6, 7, 5, None),
        (8, 9, 7, None),
        (1, 4, 7, None),
        (1, 5, 7, 5),
        (7, 7, 7, 7),
    ],
)
def test_the_highest_common_version_is_chosen(low: int, high: int, cap: int, expected: int | None) -> None:
    """The choice is within the endpoint's range, our own and the cap; without overlap there is none."""
    assert choose_version(low, high, cap) == expected


def test_the_media_type_names_the_version() -> None:
    """The content type of a request or response carries the version, whatever its case or parameters."""
    assert invocation_media_type(6) == "application/vnd.restate.invocation.v6"
    assert invocation_version("application/vnd.restate.invocation.v7") == 7
    assert invocation_version("Application/vnd.restate.invocation.V5; charset=utf-8") == 5


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "application/json",
        "application/vnd.restate.invocation",
        "application/vnd.restate.invocation.v4",
        "application/vnd.restate.invocation.v8",
        "application/vnd.restate.invocation.v77",
        "application/vnd.restate.invocation.v6+json",
    ],
)
def test_other_media_types_name_no_version(media_type: str) -> None:
    """A content type of something else, or of a version we do not speak, stands for none."""
    assert invocation_version(media_type) is None


@pytest.mark.parametrize("message_type", list(MessageType))
def test_two_messages_came_with_version_7(message_type: MessageType) -> None:
    """AwaitingOn and the acknowledgement of a proposal are unknown below version 7; everything else is in all."""
    since = 7 if message_type in (MessageType.AWAITING_ON, MessageType.PROPOSE_RUN_COMPLETION_ACK) else 5
    assert [is_known_in(message_type, version) for version in (5, 6, 7)] == [version >= since for version in (5, 6, 7)]


METADATA = [pb.FailureMetadata(key="k", value="v")]
START = pb.Start(id=b"i", key="k", known_entries=1, random_seed=1, scope="s", limit_key="l", idempotency_key="i")
PLAIN_START = pb.Start(id=b"i", key="k", known_entries=1)


@pytest.mark.parametrize(
    ("message", "v5", "v6"),
    [
        (START, PLAIN_START, pb.Start(id=b"i", key="k", known_entries=1, random_seed=1)),
        (
            pb.Notification(completion_id=1, failure=pb.Failure(code=1, metadata=METADATA)),
            pb.Notification(completion_id=1, failure=pb.Failure(code=1)),
            pb.Notification(completion_id=1, failure=pb.Failure(code=1, metadata=METADATA)),
        ),
        (
            pb.Suspension(waiting_completions=[1], awaiting_on=pb.Future(waiting_completions=[1])),
            pb.Suspension(waiting_completions=[1]),
            pb.Suspension(waiting_completions=[1]),
        ),
        (pb.Error(code=500, behavior=pb.Error.PAUSE), pb.Error(code=500), pb.Error(code=500)),
        (
            pb.CallCommand(service="S", scope="s", limit_key="l", idempotency_key="i"),
            pb.CallCommand(service="S", idempotency_key="i"),
            pb.CallCommand(service="S", idempotency_key="i"),
        ),
        (
            pb.OneWayCallCommand(service="S", scope="s", limit_key="l"),
            pb.OneWayCallCommand(service="S"),
            pb.OneWayCallCommand(service="S"),
        ),
        (
            pb.AttachInvocationCommand(workflow_target=pb.WorkflowTarget(workflow_name="W", scope="s")),
            pb.AttachInvocationCommand(workflow_target=pb.WorkflowTarget(workflow_name="W")),
            pb.AttachInvocationCommand(workflow_target=pb.WorkflowTarget(workflow_name="W")),
        ),
        (
            pb.GetInvocationOutputCommand(
                idempotent_request_target=pb.IdempotentRequestTarget(service_name="S", scope="s")
            ),
            pb.GetInvocationOutputCommand(idempotent_request_target=pb.IdempotentRequestTarget(service_name="S")),
            pb.GetInvocationOutputCommand(idempotent_request_target=pb.IdempotentRequestTarget(service_name="S")),
        ),
        (
            pb.InputCommand(headers=[pb.Header(key="a", value="b")], value=pb.Value(content=b"x")),
            pb.InputCommand(headers=[pb.Header(key="a", value="b")], value=pb.Value(content=b"x")),
            pb.InputCommand(headers=[pb.Header(key="a", value="b")], value=pb.Value(content=b"x")),
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_newer_fields_are_cleared_for_older_peers(message: Message, v5: Message, v6: Message) -> None:
    """Version 5 gets no seed, no metadata and nothing of version 7; version 6 nothing of 7; version 7 everything."""
    for version, expected in ((5, v5), (6, v6), (7, message)):
        copy = type(message)()
        copy.CopyFrom(message)
        clear_newer_fields(copy, version)
        assert copy == expected
