"""Entries in the JSON of the stock server's tools: what its `sys_journal` shows for the same entries."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_http.query.entry_json import entry_json, entry_lite_json
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType, decode, encode
from tests.support import wire_frames as f

T = MessageType
CALLEE = "inv_1d7wfPDJAi46500ZSUd9fYaQyDDuYj81ax"
TARGET = {"Service": {"name": "Payment", "handler": "charge", "scope": None}}

# As observed on version 1.7.12, but for spans and retentions of a call's request.
CASES: dict[str, tuple[bytes, dict[str, Any], dict[str, Any]]] = {
    "input": (
        encode(pb.InputCommand(headers=[pb.Header(key="a", value="b")], value=f.value(b"2"))),
        {"Command": {"Input": {"headers": [{"name": "a", "value": "b"}], "payload": [50], "name": ""}}},
        {"Command": {"Input": {}}},
    ),
    "run": (
        f.run(1, "reserve"),
        {"Command": {"Run": {"completion_id": 1, "name": "reserve"}}},
        {"Command": {"Run": {"completion_id": 1, "name": "reserve"}}},
    ),
    "run result": (
        f.run_result(1, b"r"),
        {"Notification": {"Completion": {"Run": {"completion_id": 1, "result": {"Success": [114]}}}}},
        {"Notification": {"ty": {"Completion": "Run"}, "id": {"CompletionId": 1}, "result": "Success"}},
    ),
    "call": (
        f.call("Payment", "charge", (2, 3), parameter=b"2"),
        {
            "Command": {
                "Call": {
                    "request": {
                        "invocation_id": CALLEE,
                        "invocation_target": TARGET,
                        "parameter": [50],
                        "headers": [],
                        "idempotency_key": None,
                    },
                    "invocation_id_completion_id": 2,
                    "result_completion_id": 3,
                    "name": "",
                }
            }
        },
        {
            "Command": {
                "Call": {
                    "invocation_id": CALLEE,
                    "invocation_target": TARGET,
                    "idempotency_key": None,
                    "invocation_id_completion_id": 2,
                    "result_completion_id": 3,
                }
            }
        },
    ),
    "callee": (
        f.completion(T.CALL_INVOCATION_ID_COMPLETION, 2, invocation_id=CALLEE),
        {"Notification": {"Completion": {"CallInvocationId": {"completion_id": 2, "invocation_id": CALLEE}}}},
        {
            "Notification": {
                "ty": {"Completion": "CallInvocationId"},
                "id": {"CompletionId": 2},
                "result": "InvocationId",
            }
        },
    ),
    "failed call": (
        f.completion(T.CALL_COMPLETION, 3, failure=f.failure(500, "no")),
        {
            "Notification": {
                "Completion": {"Call": {"completion_id": 3, "result": {"Failure": {"code": 500, "message": "no"}}}}
            }
        },
        {"Notification": {"ty": {"Completion": "Call"}, "id": {"CompletionId": 3}, "result": "Failure"}},
    ),
    "sleep": (
        f.sleep(4, 1_795_335_085_833),
        {"Command": {"Sleep": {"wake_up_time": 1_795_335_085_833, "completion_id": 4, "name": ""}}},
        {"Command": {"Sleep": {"wake_up_time": 1_795_335_085_833, "completion_id": 4}}},
    ),
    "slept": (
        f.completion(T.SLEEP_COMPLETION, 4, void=pb.Void()),
        {"Notification": {"Completion": {"Sleep": {"completion_id": 4}}}},
        {"Notification": {"ty": {"Completion": "Sleep"}, "id": {"CompletionId": 4}, "result": "Void"}},
    ),
    "output": (
        f.output(b"1"),
        {"Command": {"Output": {"result": {"Success": [49]}, "name": ""}}},
        {"Command": {"Output": {"result": "Success"}}},
    ),
    "eager state": (
        encode(pb.GetEagerStateCommand(key=b"items", void=pb.Void())),
        {"Command": {"GetEagerState": {"key": "items", "result": "Void", "name": ""}}},
        {"Command": {"GetEagerState": {"key": "items", "result": "Void"}}},
    ),
    "set state": (
        f.set_state("items", b"1"),
        {"Command": {"SetState": {"key": "items", "value": [49], "name": ""}}},
        {"Command": {"SetState": {"key": "items"}}},
    ),
    "promise": (
        f.get_promise("verified", 1),
        {"Command": {"GetPromise": {"key": "verified", "completion_id": 1, "name": ""}}},
        {"Command": {"GetPromise": {"key": "verified", "completion_id": 1}}},
    ),
    "signal": (
        f.signal(17, b"s"),
        {"Notification": {"Signal": {"id": {"SignalIndex": 17}, "result": {"Success": [115]}}}},
        {"Notification": {"ty": "Signal", "id": {"SignalIndex": 17}, "result": "Success"}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_entry_looks_as_on_the_stock_server(name: str) -> None:
    """Whole and lite, each kind of entry has the shape that the stock server's tools read."""
    raw, whole, lite = CASES[name]
    assert entry_json(raw, decode(raw), CALLEE) == whole
    assert entry_lite_json(raw, decode(raw), CALLEE) == lite


@pytest.mark.parametrize("kind", [each for each in MessageType if each >= 0x0400])
def test_every_kind_of_entry_has_a_shape(kind: MessageType) -> None:
    """No kind of entry, however empty, is one that cannot be shown."""
    raw = encode_frame(int(kind), b"")
    message = decode(raw)
    assert entry_json(raw, message, None)
    assert entry_lite_json(raw, message, None)
