"""State as a fold of journaled state commands."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_engine.journal import type_of
from holdfast_engine.records import StateWrites
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import HEADER_BYTES
from holdfast_protocol.messages import MessageType

_SET = int(MessageType.SET_STATE)
_CLEAR = int(MessageType.CLEAR_STATE)
_CLEAR_ALL = int(MessageType.CLEAR_ALL_STATE)
STATE_WRITES = frozenset({_SET, _CLEAR, _CLEAR_ALL})

NO_WRITES = StateWrites(clear_all=False, values=())


def fold(frames: Iterable[bytes]) -> StateWrites:
    """Return what the state commands among the frames amount to."""
    clear_all = False
    values: dict[str, bytes | None] = {}
    for frame in frames:
        kind = type_of(frame)
        if kind not in STATE_WRITES:
            continue
        if kind == _SET:
            command = pb.SetStateCommand.FromString(frame[HEADER_BYTES:])
            values[command.key.decode()] = command.value.content
        elif kind == _CLEAR:
            values[pb.ClearStateCommand.FromString(frame[HEADER_BYTES:]).key.decode()] = None
        else:
            clear_all = True
            values.clear()
    if not clear_all and not values:
        return NO_WRITES
    return StateWrites(clear_all=clear_all, values=tuple(values.items()))


def applied(state: dict[str, bytes], writes: StateWrites) -> dict[str, bytes]:
    """Return the state after the writes; the argument stays as it is."""
    if writes.is_empty:
        return state
    after = {} if writes.clear_all else dict(state)
    for name, value in writes.values:
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    return after
