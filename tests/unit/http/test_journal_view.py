"""A journal for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_http.admin.journal_view import journal_json, preview
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import Message, MessageType, encode, encode_notification

COMMANDS: list[tuple[Message, dict[str, object]]] = [
    (
        pb.InputCommand(value=pb.Value(content=b"{}"), headers=[pb.Header(key="authorization", value="secret")]),
        {"type": "Command: Input", "value": "{}", "completed": True},
    ),
    (
        pb.RunCommand(result_completion_id=1, name="charge"),
        {"type": "Command: Run", "name": "charge", "completion_id": 1, "completed": False},
    ),
    (
        pb.SleepCommand(wake_up_time=1_800_000_000_000, result_completion_id=2),
        {
            "type": "Command: Sleep",
            "wake_up_at": "2027-01-15T08:00:00.000Z",
            "completion_id": 2,
            "completed": False,
        },
    ),
    (
        pb.CallCommand(service="Counter", key="k", handler="add", parameter=b"1", result_completion_id=4),
        {
            "type": "Command: Call",
            "target": "Counter/k/add",
            "service": "Counter",
            "key": "k",
            "handler": "add",
            "value": "1",
            "completion_id": 4,
            "completed": False,
        },
    ),
    (
        pb.SetStateCommand(key=b"balance", value=pb.Value(content=b"5")),
        {"type": "Command: SetState", "key": "balance", "value": "5", "completed": True},
    ),
    (
        pb.GetEagerStateKeysCommand(value=pb.StateKeys(keys=[b"a", b"\xff"])),
        {"type": "Command: GetEagerStateKeys", "value": ["a", "<1 bytes>"], "completed": True},
    ),
    (
        pb.SendSignalCommand(target_invocation_id="inv_1", name="go", entry_name="tell", void=pb.Void()),
        {
            "type": "Command: SendSignal",
            "target_invocation_id": "inv_1",
            "signal_name": "go",
            "name": "tell",
            "completed": True,
        },
    ),
    (
        pb.CompletePromiseCommand(
            key="p", completion_failure=pb.Failure(code=500, message="no"), result_completion_id=5
        ),
        {
            "type": "Command: CompletePromise",
            "key": "p",
            "failure": {"code": 500, "message": "no"},
            "completion_id": 5,
            "completed": False,
        },
    ),
    (
        pb.OutputCommand(failure=pb.Failure(code=409, message="cancelled")),
        {"type": "Command: Output", "failure": {"code": 409, "message": "cancelled"}, "completed": True},
    ),
]


@pytest.mark.parametrize(("message", "shown"), COMMANDS, ids=lambda each: type(each).__name__)
def test_commands(message: Message, shown: dict[str, object]) -> None:
    """A command shows what it asks for, and headers, which may hold secrets, stay hidden."""
    assert journal_json([encode(message)]) == [{"index": 0, **shown}]


def test_completed() -> None:
    """A command is completed when the journal holds its completion; another's is no news to it."""
    frames = [
        encode(pb.RunCommand(result_completion_id=1, name="charge")),
        encode(pb.SleepCommand(wake_up_time=5, result_completion_id=2)),
        encode_notification(
            MessageType.RUN_COMPLETION, pb.Notification(completion_id=1, value=pb.Value(content=b"paid"))
        ),
        encode_notification(MessageType.SIGNAL, pb.Notification(signal_id=2, void=pb.Void())),
    ]
    run, sleep, completion, signal = journal_json(frames)
    assert (run["completed"], sleep["completed"]) == (True, False)
    assert completion == {"index": 2, "type": "Notification: Run", "completion_id": 1, "value": "paid"}
    assert signal == {"index": 3, "type": "Notification: Signal", "signal_id": 2}


def test_what_cannot_be_read() -> None:
    """An entry that cannot be read keeps its place and says so."""
    frames = [encode_frame(MessageType.RUN, b"\xff\xff"), encode_frame(0x07F0, b""), encode(pb.RunCommand(name="b"))]
    broken, unknown, good = journal_json(frames)
    assert broken["type"] == "Command: Run"
    assert "malformed" in broken["unreadable"]
    assert (unknown["type"], "unknown" in unknown["unreadable"]) == ("0x07F0", True)
    assert (good["index"], good["name"]) == (2, "b")


@given(st.binary())
def test_preview_of_anything(content: bytes) -> None:
    """Whatever the bytes are, the preview is a short text."""
    assert len(preview(content)) < 300


def test_a_long_value() -> None:
    """A long text is cut, and its length said."""
    assert preview(b"x" * 1000).endswith("… (1000 bytes)")
