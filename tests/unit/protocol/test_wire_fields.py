"""Every field of every message, at the number and in the wire type that the protocol gives it."""

from __future__ import annotations

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType, decode


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def wire(*fields: tuple[int, int | bytes | str]) -> bytes:
    """Return the protobuf bytes of numbered fields; integers are varints, everything else length-delimited.

    It is written against the specification alone, so that it cannot share a mistake with the schema.
    """
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


HEADER = wire((1, "k"), (2, "v"))
VALUE = wire((1, b"\x00\xff"))
FAILURE = wire((1, 409), (2, "no"), (3, HEADER))
FUTURE = wire((1, b"\x01\x02"), (2, b"\x11"), (3, "sig"), (4, wire((1, b"\x03"), (5, 4))), (5, 1))
WORKFLOW = wire((1, "W"), (2, "k"), (3, "sc"))
REQUEST = wire((1, "S"), (2, "k"), (3, "h"), (4, "ik"), (5, "sc"))

header = pb.Header(key="k", value="v")
value = pb.Value(content=b"\x00\xff")
failure = pb.Failure(code=409, message="no", metadata=[pb.FailureMetadata(key="k", value="v")])
future = pb.Future(
    waiting_completions=[1, 2],
    waiting_signals=[17],
    waiting_named_signals=["sig"],
    nested_futures=[pb.Future(waiting_completions=[3], combinator_type=pb.Future.ALL_SUCCEEDED_OR_FIRST_FAILED)],
    combinator_type=pb.Future.FIRST_COMPLETED,
)
workflow = pb.WorkflowTarget(workflow_name="W", workflow_key="k", scope="sc")
request = pb.IdempotentRequestTarget(
    service_name="S", service_key="k", handler_name="h", idempotency_key="ik", scope="sc"
)

T = MessageType
CASES: list[tuple[MessageType, Message, bytes]] = [
    (
        T.START,
        pb.Start(
            id=b"\x01\x02",
            debug_id="inv_x",
            known_entries=3,
            state_map=[pb.StateEntry(key=b"a", value=b"b")],
            partial_state=True,
            key="k",
            retry_count_since_last_stored_entry=4,
            duration_since_last_stored_entry=2**40,
            random_seed=2**64 - 1,
            scope="sc",
            limit_key="lk",
            idempotency_key="ik",
        ),
        wire(
            (1, b"\x01\x02"),
            (2, "inv_x"),
            (3, 3),
            (4, wire((1, b"a"), (2, b"b"))),
            (5, 1),
            (6, "k"),
            (7, 4),
            (8, 2**40),
            (9, 2**64 - 1),
            (10, "sc"),
            (11, "lk"),
            (12, "ik"),
        ),
    ),
    (
        T.SUSPENSION,
        pb.Suspension(
            waiting_completions=[1, 300], waiting_signals=[1], waiting_named_signals=["a", "b"], awaiting_on=future
        ),
        wire((1, b"\x01\xac\x02"), (2, b"\x01"), (3, "a"), (3, "b"), (4, FUTURE)),
    ),
    (
        T.ERROR,
        pb.Error(
            code=500,
            message="m",
            stacktrace="s",
            related_command_index=0,
            related_command_name="n",
            related_command_type=0x0411,
            next_retry_delay=2**40,
            behavior=pb.Error.FAIL,
        ),
        wire((1, 500), (2, "m"), (3, "s"), (4, 0), (5, "n"), (6, 0x0411), (8, 2**40), (9, 2)),
    ),
    (T.END, pb.End(), b""),
    (T.COMMAND_ACK, pb.CommandAck(command_index=7), wire((1, 7))),
    (
        T.PROPOSE_RUN_COMPLETION,
        pb.ProposeRunCompletion(result_completion_id=1, value=b""),
        wire((1, 1), (14, b"")),
    ),
    (
        T.PROPOSE_RUN_COMPLETION,
        pb.ProposeRunCompletion(result_completion_id=1, failure=failure),
        wire((1, 1), (15, FAILURE)),
    ),
    (
        T.AWAITING_ON,
        pb.AwaitingOn(awaiting_on=future, executing_side_effects=True),
        wire((1, FUTURE), (2, 1)),
    ),
    (T.PROPOSE_RUN_COMPLETION_ACK, pb.ProposeRunCompletionAck(completion_id=9), wire((1, 9))),
    (
        T.INPUT,
        pb.InputCommand(headers=[header], value=value, name="n"),
        wire((1, HEADER), (12, "n"), (14, VALUE)),
    ),
    (T.OUTPUT, pb.OutputCommand(value=value, name="n"), wire((12, "n"), (14, VALUE))),
    (T.OUTPUT, pb.OutputCommand(failure=failure), wire((15, FAILURE))),
    (
        T.GET_LAZY_STATE,
        pb.GetLazyStateCommand(key=b"\xff", result_completion_id=2, name="n"),
        wire((1, b"\xff"), (11, 2), (12, "n")),
    ),
    (T.SET_STATE, pb.SetStateCommand(key=b"\xff", value=value, name="n"), wire((1, b"\xff"), (3, VALUE), (12, "n"))),
    (T.CLEAR_STATE, pb.ClearStateCommand(key=b"\xff", name="n"), wire((1, b"\xff"), (12, "n"))),
    (T.CLEAR_ALL_STATE, pb.ClearAllStateCommand(name="n"), wire((12, "n"))),
    (T.GET_LAZY_STATE_KEYS, pb.GetLazyStateKeysCommand(result_completion_id=2, name="n"), wire((11, 2), (12, "n"))),
    (
        T.GET_EAGER_STATE,
        pb.GetEagerStateCommand(key=b"k", void=pb.Void(), name="n"),
        wire((1, b"k"), (12, "n"), (13, b"")),
    ),
    (T.GET_EAGER_STATE, pb.GetEagerStateCommand(key=b"k", value=value), wire((1, b"k"), (14, VALUE))),
    (
        T.GET_EAGER_STATE_KEYS,
        pb.GetEagerStateKeysCommand(value=pb.StateKeys(keys=[b"a", b"b"]), name="n"),
        wire((12, "n"), (14, wire((1, b"a"), (1, b"b")))),
    ),
    (
        T.GET_PROMISE,
        pb.GetPromiseCommand(key="p", result_completion_id=2, name="n"),
        wire((1, "p"), (11, 2), (12, "n")),
    ),
    (
        T.PEEK_PROMISE,
        pb.PeekPromiseCommand(key="p", result_completion_id=2, name="n"),
        wire((1, "p"), (11, 2), (12, "n")),
    ),
    (
        T.COMPLETE_PROMISE,
        pb.CompletePromiseCommand(key="p", completion_value=value, result_completion_id=2, name="n"),
        wire((1, "p"), (2, VALUE), (11, 2), (12, "n")),
    ),
    (
        T.COMPLETE_PROMISE,
        pb.CompletePromiseCommand(key="p", completion_failure=failure, result_completion_id=2),
        wire((1, "p"), (3, FAILURE), (11, 2)),
    ),
    (
        T.SLEEP,
        pb.SleepCommand(wake_up_time=2**41, result_completion_id=2, name="n"),
        wire((1, 2**41), (11, 2), (12, "n")),
    ),
    (
        T.CALL,
        pb.CallCommand(
            service="S",
            handler="h",
            parameter=b"p",
            headers=[header],
            key="k",
            idempotency_key="ik",
            scope="sc",
            limit_key="lk",
            invocation_id_notification_idx=1,
            result_completion_id=2,
            name="n",
        ),
        wire(
            (1, "S"),
            (2, "h"),
            (3, b"p"),
            (4, HEADER),
            (5, "k"),
            (6, "ik"),
            (7, "sc"),
            (8, "lk"),
            (10, 1),
            (11, 2),
            (12, "n"),
        ),
    ),
    (
        T.ONE_WAY_CALL,
        pb.OneWayCallCommand(
            service="S",
            handler="h",
            parameter=b"p",
            invoke_time=2**41,
            headers=[header],
            key="k",
            idempotency_key="ik",
            scope="sc",
            limit_key="lk",
            invocation_id_notification_idx=1,
            name="n",
        ),
        wire(
            (1, "S"),
            (2, "h"),
            (3, b"p"),
            (4, 2**41),
            (5, HEADER),
            (6, "k"),
            (7, "ik"),
            (8, "sc"),
            (9, "lk"),
            (10, 1),
            (12, "n"),
        ),
    ),
    (
        T.SEND_SIGNAL,
        pb.SendSignalCommand(target_invocation_id="inv_x", idx=17, void=pb.Void(), entry_name="n"),
        wire((1, "inv_x"), (2, 17), (4, b""), (12, "n")),
    ),
    (
        T.SEND_SIGNAL,
        pb.SendSignalCommand(target_invocation_id="inv_x", name="s", value=value),
        wire((1, "inv_x"), (3, "s"), (5, VALUE)),
    ),
    (
        T.SEND_SIGNAL,
        pb.SendSignalCommand(target_invocation_id="inv_x", name="s", failure=failure),
        wire((1, "inv_x"), (3, "s"), (6, FAILURE)),
    ),
    (T.RUN, pb.RunCommand(result_completion_id=1, name="s0"), wire((11, 1), (12, "s0"))),
    (
        T.ATTACH_INVOCATION,
        pb.AttachInvocationCommand(invocation_id="inv_x", result_completion_id=2, name="n"),
        wire((1, "inv_x"), (11, 2), (12, "n")),
    ),
    (
        T.ATTACH_INVOCATION,
        pb.AttachInvocationCommand(idempotent_request_target=request, result_completion_id=2),
        wire((3, REQUEST), (11, 2)),
    ),
    (
        T.ATTACH_INVOCATION,
        pb.AttachInvocationCommand(workflow_target=workflow, result_completion_id=2),
        wire((4, WORKFLOW), (11, 2)),
    ),
    (
        T.GET_INVOCATION_OUTPUT,
        pb.GetInvocationOutputCommand(invocation_id="inv_x", result_completion_id=2, name="n"),
        wire((1, "inv_x"), (11, 2), (12, "n")),
    ),
    (
        T.GET_INVOCATION_OUTPUT,
        pb.GetInvocationOutputCommand(idempotent_request_target=request, result_completion_id=2),
        wire((3, REQUEST), (11, 2)),
    ),
    (
        T.GET_INVOCATION_OUTPUT,
        pb.GetInvocationOutputCommand(workflow_target=workflow, result_completion_id=2),
        wire((4, WORKFLOW), (11, 2)),
    ),
    (
        T.COMPLETE_AWAKEABLE,
        pb.CompleteAwakeableCommand(awakeable_id="sign_1x", value=value, name="n"),
        wire((1, "sign_1x"), (2, VALUE), (12, "n")),
    ),
    (
        T.COMPLETE_AWAKEABLE,
        pb.CompleteAwakeableCommand(awakeable_id="sign_1x", failure=failure),
        wire((1, "sign_1x"), (3, FAILURE)),
    ),
    (T.SLEEP_COMPLETION, pb.Notification(completion_id=2, void=pb.Void()), wire((1, 2), (4, b""))),
    (T.SIGNAL, pb.Notification(signal_id=17, value=value), wire((2, 17), (5, VALUE))),
    (T.SIGNAL, pb.Notification(signal_name="s", failure=failure), wire((3, "s"), (6, FAILURE))),
    (
        T.CALL_INVOCATION_ID_COMPLETION,
        pb.Notification(completion_id=2, invocation_id="inv_x"),
        wire((1, 2), (16, "inv_x")),
    ),
    (
        T.GET_LAZY_STATE_KEYS_COMPLETION,
        pb.Notification(completion_id=2, state_keys=pb.StateKeys(keys=[b"a"])),
        wire((1, 2), (17, wire((1, b"a")))),
    ),
]


@pytest.mark.parametrize(
    ("message_type", "message", "body"), CASES, ids=[f"{case[0].name}-{i}" for i, case in enumerate(CASES)]
)
def test_fields_stand_where_the_protocol_puts_them(message_type: MessageType, message: Message, body: bytes) -> None:
    """Encoding gives exactly the bytes written out from the protocol's table, and decoding them gives the message."""
    assert message.SerializeToString() == body
    assert decode(encode_frame(message_type, body)) == message


def test_every_field_of_the_schema_is_in_a_case() -> None:
    """No message has a field that the cases above leave out."""
    seen: dict[str, set[str]] = {}
    pending = [message for _, message, _ in CASES]
    while pending:
        message = pending.pop()
        for field, content in message.ListFields():
            seen.setdefault(message.DESCRIPTOR.name, set()).add(field.name)
            if field.message_type is not None:
                pending.extend([content] if isinstance(content, Message) else content)
    for name, descriptor in pb.DESCRIPTOR.message_types_by_name.items():
        assert seen.get(name, set()) == set(descriptor.fields_by_name), name


@pytest.mark.parametrize(
    ("enum", "numbers"),
    [
        (
            pb.Future.CombinatorType,
            {
                "UNKNOWN": 0,
                "FIRST_COMPLETED": 1,
                "ALL_COMPLETED": 2,
                "FIRST_SUCCEEDED_OR_ALL_FAILED": 3,
                "ALL_SUCCEEDED_OR_FIRST_FAILED": 4,
            },
        ),
        (pb.Error.Behavior, {"RETRY": 0, "PAUSE": 1, "FAIL": 2}),
    ],
    ids=["combinator", "behavior"],
)
def test_enums_have_the_numbers_of_the_protocol(enum: EnumTypeWrapper, numbers: dict[str, int]) -> None:
    """The two enums of the wire keep their numbers."""
    assert dict(enum.items()) == numbers


@pytest.mark.parametrize(
    "message",
    [
        pb.Error(related_command_index=0),
        pb.Error(next_retry_delay=0),
        pb.CallCommand(idempotency_key=""),
        pb.Start(scope=""),
        pb.IdempotentRequestTarget(service_key=""),
        pb.Notification(value=pb.Value()),
        pb.ProposeRunCompletion(value=b""),
        pb.SendSignalCommand(idx=0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_default_that_was_said_is_kept_apart_from_silence(message: Message) -> None:
    """Optional fields and alternatives survive the wire although they hold their type's default."""
    again = type(message).FromString(message.SerializeToString())
    assert [field.name for field, _ in again.ListFields()] == [field.name for field, _ in message.ListFields()]
    assert len(again.ListFields()) == 1
