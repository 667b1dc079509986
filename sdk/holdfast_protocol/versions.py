"""Versions of the service protocol: choosing one, its media type, and what an older peer must not be sent."""

from __future__ import annotations

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import Message, MessageType

# Below 5 the journal is another one; 8 is a preview that cannot work in request/response mode.
PROTOCOL_VERSION_MIN = 5
PROTOCOL_VERSION_MAX = 7

_MEDIA_TYPE_PREFIX = "application/vnd.restate.invocation.v"
_VERSION_BY_MEDIA_TYPE = {
    f"{_MEDIA_TYPE_PREFIX}{version}": version for version in range(PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX + 1)
}

_MESSAGE_SINCE = {
    MessageType.AWAITING_ON: 7,
    MessageType.PROPOSE_RUN_COMPLETION_ACK: 7,
}

_FIELDS_SINCE: dict[str, dict[str, int]] = {
    cls.DESCRIPTOR.full_name: since
    for cls, since in (
        (pb.Start, {"random_seed": 6, "scope": 7, "limit_key": 7, "idempotency_key": 7}),
        (pb.Failure, {"metadata": 6}),
        (pb.Suspension, {"awaiting_on": 7}),
        (pb.Error, {"behavior": 7}),
        (pb.CallCommand, {"scope": 7, "limit_key": 7}),
        (pb.OneWayCallCommand, {"scope": 7, "limit_key": 7}),
        (pb.WorkflowTarget, {"scope": 7}),
        (pb.IdempotentRequestTarget, {"scope": 7}),
    )
}


def choose_version(version_min: int, version_max: int, cap: int = PROTOCOL_VERSION_MAX) -> int | None:
    """Return the highest version that an endpoint's range, this package and `cap` allow; None when there is none."""
    version = min(version_max, cap, PROTOCOL_VERSION_MAX)
    return version if version >= max(version_min, PROTOCOL_VERSION_MIN) else None


def invocation_media_type(version: int) -> str:
    """Return the content type of requests and responses in one version."""
    return f"{_MEDIA_TYPE_PREFIX}{version}"


def invocation_version(media_type: str) -> int | None:
    """Return the version a content type stands for; None when it is another type or an unsupported version."""
    return _VERSION_BY_MEDIA_TYPE.get(media_type.partition(";")[0].strip().lower())


def is_known_in(message_type: MessageType, version: int) -> bool:
    """Return whether frames of this type may be sent to a peer of that version."""
    return _MESSAGE_SINCE.get(message_type, PROTOCOL_VERSION_MIN) <= version


def clear_newer_fields(message: Message, version: int) -> None:
    """Clear, in place and at every depth, the fields that came after `version`.

    For messages about to be encoded for the first time. Stored frames are never changed.
    """
    if version >= PROTOCOL_VERSION_MAX:
        return
    since_by_field = _FIELDS_SINCE.get(message.DESCRIPTOR.full_name, {})
    for field, value in message.ListFields():
        if since_by_field.get(field.name, 0) > version:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for nested in (value,) if isinstance(value, Message) else value:
                clear_newer_fields(nested, version)
