"""Between the engine's records and the wire's messages: failures, outcomes, completions, await trees."""

from __future__ import annotations

from holdfast_engine.records import Awaiting, Failure, Outcome
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import HEADER_BYTES
from holdfast_protocol.messages import encode_notification

# Restate's own bound on the nesting of an await tree.
AWAIT_DEPTH_MAX = 1000


def failure_from_wire(wire: pb.Failure) -> Failure:
    """Return a failure message as a record."""
    metadata = tuple((entry.key, entry.value) for entry in wire.metadata)
    return Failure(code=wire.code, message=wire.message, metadata=metadata)


def failure_to_wire(failure: Failure) -> pb.Failure:
    """Return a failure record as a message."""
    metadata = [pb.FailureMetadata(key=key, value=value) for key, value in failure.metadata]
    return pb.Failure(code=failure.code, message=failure.message, metadata=metadata)


def outcome_of(output_frame: bytes) -> Outcome:
    """Return the outcome an Output command carries."""
    output = pb.OutputCommand.FromString(output_frame[HEADER_BYTES:])
    if output.WhichOneof("result") == "failure":
        return Outcome(failure=failure_from_wire(output.failure))
    return Outcome(value=output.value.content)


def outcome_completion(message_type: int, completion_id: int, outcome: Outcome) -> bytes:
    """Return the notification that completes a command with an outcome."""
    if outcome.failure is not None:
        message = pb.Notification(completion_id=completion_id, failure=failure_to_wire(outcome.failure))
    else:
        message = pb.Notification(completion_id=completion_id, value=pb.Value(content=outcome.value or b""))
    return encode_notification(message_type, message)


def void_completion(message_type: int, completion_id: int) -> bytes:
    """Return the notification that completes a command with nothing."""
    return encode_notification(message_type, pb.Notification(completion_id=completion_id, void=pb.Void()))


def invocation_id_completion(message_type: int, completion_id: int, invocation_id: str) -> bytes:
    """Return the notification that tells a caller which invocation it called."""
    message = pb.Notification(completion_id=completion_id, invocation_id=invocation_id)
    return encode_notification(message_type, message)


def keys_completion(message_type: int, completion_id: int, keys: list[str]) -> bytes:
    """Return the notification that lists state keys, sorted."""
    state_keys = pb.StateKeys(keys=[key.encode() for key in sorted(keys)])
    return encode_notification(message_type, pb.Notification(completion_id=completion_id, state_keys=state_keys))


def awaiting_from_suspension(suspension: pb.Suspension) -> Awaiting:
    """Return what a Suspension waits for: the tree of V7, or the "any of" that a flat set means.

    Raises:
        ValueError: Nothing is awaited, or the tree is nested too deeply.
    """
    if suspension.HasField("awaiting_on"):
        return _awaiting_from_future(suspension.awaiting_on, 0)
    return _checked(
        Awaiting(
            combinator=pb.Future.FIRST_COMPLETED,
            completions=tuple(suspension.waiting_completions),
            signals=tuple(suspension.waiting_signals),
            names=tuple(suspension.waiting_named_signals),
        )
    )


def _awaiting_from_future(future: pb.Future, depth: int) -> Awaiting:
    if depth > AWAIT_DEPTH_MAX:
        raise ValueError(f"an await tree may be nested {AWAIT_DEPTH_MAX} deep")
    return _checked(
        Awaiting(
            combinator=future.combinator_type,
            completions=tuple(future.waiting_completions),
            signals=tuple(future.waiting_signals),
            names=tuple(future.waiting_named_signals),
            nested=tuple(_awaiting_from_future(node, depth + 1) for node in future.nested_futures),
        )
    )


def _checked(awaiting: Awaiting) -> Awaiting:
    if not (awaiting.completions or awaiting.signals or awaiting.names or awaiting.nested):
        raise ValueError("a suspension must wait for something")
    return awaiting
