"""The commands: each builds its message, takes the ids it needs, and issues it to the machine.

What may rightly differ between attempts is taken over from the recorded command: wake-up times, which come from the
clock, and the results of state reads, which are part of the command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack, cast

from holdfast._machine import VERSION_WITH_FAILURE_METADATA, VERSION_WITH_TREES, Machine
from holdfast._state_view import UNKNOWN, StateView
from holdfast.errors import TerminalError, UsageError
from holdfast_protocol.codes import FailureCode
from holdfast_protocol.frames import frame_type
from holdfast_protocol.ids import CANCEL_SIGNAL_ID, encode_awakeable_id
from holdfast_protocol.messages import Message, MessageType, decode
from holdfast_protocol.schema_pb2 import (
    AttachInvocationCommand,
    CallCommand,
    ClearAllStateCommand,
    ClearStateCommand,
    CompleteAwakeableCommand,
    CompletePromiseCommand,
    Error,
    Failure,
    FailureMetadata,
    GetEagerStateCommand,
    GetEagerStateKeysCommand,
    GetLazyStateCommand,
    GetLazyStateKeysCommand,
    GetPromiseCommand,
    Header,
    Notification,
    OneWayCallCommand,
    PeekPromiseCommand,
    SendSignalCommand,
    SetStateCommand,
    SleepCommand,
    StateKeys,
    Value,
    Void,
)


class CallOptions(TypedDict, total=False):
    """What a call or a send may carry besides its target and parameter."""

    key: str | None
    idempotency_key: str | None
    headers: Mapping[str, str] | None
    scope: str | None
    limit_key: str | None


class Commands:
    """What handlers can ask for, one method each; a returned int is the id of the answer."""

    __slots__ = ("_machine", "_state_view")

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._state_view: StateView | None = None

    def check(self) -> None:
        """Raise what ended the attempt, if something did."""
        self._machine.ending.accepts_commands()

    def run(self, name: str) -> int:
        """Ask for a step."""
        return self._machine.issue_run(name)

    def sleep(self, wake_at_ms: int, name: str) -> int:
        """Ask to be woken."""
        machine = self._machine
        completion_id = machine.new_completion_id()
        recorded = self._recorded(MessageType.SLEEP)
        if recorded is not None:
            wake_at_ms = cast("SleepCommand", recorded).wake_up_time
        machine.issue(SleepCommand(wake_up_time=wake_at_ms, result_completion_id=completion_id, name=name))
        machine.sleeps[completion_id] = wake_at_ms
        return completion_id

    def call(self, service: str, handler: str, parameter: bytes, **options: Unpack[CallOptions]) -> tuple[int, int]:
        """Ask for a call; return the ids of the callee's id and of its result."""
        machine = self._machine
        id_completion_id = machine.new_completion_id()
        completion_id = machine.new_completion_id()
        command = CallCommand(
            service=service,
            handler=handler,
            parameter=parameter,
            invocation_id_notification_idx=id_completion_id,
            result_completion_id=completion_id,
        )
        self._add_options(command, options)
        machine.issue(command)
        machine.children.append(id_completion_id)
        return id_completion_id, completion_id

    def send(
        self, service: str, handler: str, parameter: bytes, invoke_at_ms: int, **options: Unpack[CallOptions]
    ) -> int:
        """Ask for a call nobody waits for."""
        machine = self._machine
        completion_id = machine.new_completion_id()
        recorded = self._recorded(MessageType.ONE_WAY_CALL)
        if recorded is not None:
            invoke_at_ms = cast("OneWayCallCommand", recorded).invoke_time
        command = OneWayCallCommand(
            service=service,
            handler=handler,
            parameter=parameter,
            invoke_time=invoke_at_ms,
            invocation_id_notification_idx=completion_id,
        )
        self._add_options(command, options)
        machine.issue(command)
        return completion_id

    def get_state(self, key: str, name: str) -> int:
        """Ask for a value; the answer is there at once if the value is known."""
        machine = self._machine
        completion_id = machine.new_completion_id()
        raw_key = key.encode()
        recorded = self._recorded(MessageType.GET_EAGER_STATE)
        if recorded is not None:
            eager = cast("GetEagerStateCommand", recorded)
            value = eager.value.content if eager.HasField("value") else None
        else:
            known = UNKNOWN if machine.is_replaying else self._state.get(raw_key)
            if known is UNKNOWN:
                machine.issue(GetLazyStateCommand(key=raw_key, result_completion_id=completion_id, name=name))
                return completion_id
            value = known
        if value is None:
            machine.issue(GetEagerStateCommand(key=raw_key, void=Void(), name=name))
            answer = Notification(completion_id=completion_id, void=Void())
        else:
            machine.issue(GetEagerStateCommand(key=raw_key, value=Value(content=value), name=name))
            answer = Notification(completion_id=completion_id, value=Value(content=value))
        machine.arrivals.insert_seen(completion_id, answer)
        return completion_id

    def get_state_keys(self, name: str) -> int:
        """Ask for all keys; the answer is there at once if they are known."""
        machine = self._machine
        completion_id = machine.new_completion_id()
        recorded = self._recorded(MessageType.GET_EAGER_STATE_KEYS)
        if recorded is not None:
            keys: Sequence[bytes] | None = cast("GetEagerStateKeysCommand", recorded).value.keys
        else:
            keys = None if machine.is_replaying else self._state.keys()
        if keys is None:
            machine.issue(GetLazyStateKeysCommand(result_completion_id=completion_id, name=name))
            return completion_id
        machine.issue(GetEagerStateKeysCommand(value=StateKeys(keys=keys), name=name))
        answer = Notification(completion_id=completion_id, state_keys=StateKeys(keys=keys))
        machine.arrivals.insert_seen(completion_id, answer)
        return completion_id

    def set_state(self, key: str, value: bytes, name: str) -> None:
        """Write a value."""
        raw_key = key.encode()
        self._machine.issue(SetStateCommand(key=raw_key, value=Value(content=value), name=name))
        self._state.set(raw_key, value)

    def clear_state(self, key: str, name: str) -> None:
        """Remove a value."""
        raw_key = key.encode()
        self._machine.issue(ClearStateCommand(key=raw_key, name=name))
        self._state.clear(raw_key)

    def clear_all_state(self, name: str) -> None:
        """Remove everything."""
        self._machine.issue(ClearAllStateCommand(name=name))
        self._state.clear_all()

    def get_promise(self, key: str) -> int:
        """Ask for a promise's value, once it has one."""
        completion_id = self._machine.new_completion_id()
        self._machine.issue(GetPromiseCommand(key=key, result_completion_id=completion_id))
        return completion_id

    def peek_promise(self, key: str) -> int:
        """Ask for a promise's value as it is now."""
        completion_id = self._machine.new_completion_id()
        self._machine.issue(PeekPromiseCommand(key=key, result_completion_id=completion_id))
        return completion_id

    def complete_promise(self, key: str, result: bytes | TerminalError) -> int:
        """Give a promise its value."""
        completion_id = self._machine.new_completion_id()
        command = CompletePromiseCommand(key=key, result_completion_id=completion_id)
        if isinstance(result, TerminalError):
            command.completion_failure.CopyFrom(self.failure(result))
        else:
            command.completion_value.content = result
        self._machine.issue(command)
        return completion_id

    def awakeable(self) -> tuple[str, int]:
        """Reserve an awakeable; return its public id and the id of the notification."""
        machine = self._machine
        machine.ending.accepts_commands()
        signal_id = machine.new_signal_id()
        return encode_awakeable_id(machine.start.id, signal_id), -signal_id

    def complete_awakeable(self, awakeable_id: str, result: bytes | TerminalError) -> None:
        """Give an awakeable its result."""
        command = CompleteAwakeableCommand(awakeable_id=awakeable_id)
        self._set_result(command, result)
        self._machine.issue(command)

    def send_signal(self, invocation_id: str, signal_name: str, result: bytes | TerminalError) -> None:
        """Send a named signal to an invocation."""
        command = SendSignalCommand(target_invocation_id=invocation_id, name=signal_name)
        self._set_result(command, result)
        self._machine.issue(command)

    def cancel(self, invocation_id: str) -> None:
        """Ask an invocation to stop."""
        self._machine.issue(SendSignalCommand(target_invocation_id=invocation_id, idx=CANCEL_SIGNAL_ID, void=Void()))

    def attach(self, invocation_id: str) -> int:
        """Ask for the result of an invocation."""
        completion_id = self._machine.new_completion_id()
        self._machine.issue(AttachInvocationCommand(invocation_id=invocation_id, result_completion_id=completion_id))
        return completion_id

    def failure(self, error: TerminalError) -> Failure:
        """Return an error as the protocol writes it."""
        failure = Failure(code=error.status_code, message=error.message)
        if error.metadata and self._machine.version >= VERSION_WITH_FAILURE_METADATA:
            failure.metadata.extend(FailureMetadata(key=key, value=value) for key, value in error.metadata.items())
        return failure

    @property
    def _state(self) -> StateView:
        if self._state_view is None:
            self._state_view = StateView(self._machine.start)
        return self._state_view

    def _recorded(self, message_type: MessageType) -> Message | None:
        """Return the recorded command that comes next, if it is of this type."""
        raw = self._machine.recorded_next()
        return decode(raw) if raw is not None and frame_type(raw) == message_type else None

    def _set_result(self, command: CompleteAwakeableCommand | SendSignalCommand, result: bytes | TerminalError) -> None:
        if isinstance(result, TerminalError):
            command.failure.CopyFrom(self.failure(result))
        else:
            command.value.content = result

    def _add_options(self, command: CallCommand | OneWayCallCommand, options: CallOptions) -> None:
        if key := options.get("key"):
            command.key = key
        if headers := options.get("headers"):
            command.headers.extend(Header(key=name, value=value) for name, value in headers.items())
        idempotency_key = options.get("idempotency_key")
        if idempotency_key is not None:
            if not idempotency_key:
                raise UsageError(f"The idempotency key of the call to {command.service}/{command.handler} is empty.")
            command.idempotency_key = idempotency_key
        scope, limit_key = options.get("scope"), options.get("limit_key")
        if scope is None and limit_key is None:
            return
        if self._machine.version < VERSION_WITH_TREES:
            raise self._machine.fail(_unsupported_scope(command, self._machine.version))
        if scope is not None:
            command.scope = scope
        if limit_key is not None:
            command.limit_key = limit_key


def _unsupported_scope(command: CallCommand | OneWayCallCommand, version: int) -> Error:
    return Error(
        code=FailureCode.UNSUPPORTED_FEATURE,
        message=f"The call to {command.service}/{command.handler} has a scope, which needs protocol version"
        f" {VERSION_WITH_TREES}; this invocation runs with version {version}.",
    )
