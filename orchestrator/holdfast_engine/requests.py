"""Building what one attempt is sent."""

from __future__ import annotations

from holdfast_engine.held import Held
from holdfast_engine.ids import seed_of
from holdfast_engine.registry import HandlerSpec
from holdfast_engine.trace import trace_headers
from holdfast_engine.world import World
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.ids import decode_invocation_id
from holdfast_protocol.versions import PROTOCOL_VERSION_MAX, clear_newer_fields


def attempt_request(world: World, held: Held, spec: HandlerSpec | None, version: int) -> AttemptRequest:
    """Return the request for the next attempt: Start, and the journal as it is."""
    head = held.head
    return AttemptRequest(
        service=head.target.service,
        handler=head.target.handler,
        protocol_version=version,
        headers=trace_headers(head.trace),
        start=_start(world, held, spec, version),
        entries=tuple(held.journal.entries),
    )


def _start(world: World, held: Held, spec: HandlerSpec | None, version: int) -> pb.Start:
    head = held.head
    raw_id = decode_invocation_id(head.id)
    entries, is_partial = _state(world, held, spec)
    start = pb.Start(
        id=raw_id,
        debug_id=head.id,
        known_entries=len(held.journal),
        state_map=entries,
        partial_state=is_partial,
        key=head.target.key or "",
        retry_count_since_last_stored_entry=head.command_retries,
        duration_since_last_stored_entry=_since_last_entry(world, held),
        random_seed=seed_of(head),
    )
    if head.target.scope is not None:
        start.scope = head.target.scope
    if head.limit_key is not None:
        start.limit_key = head.limit_key
    if head.idempotency_key is not None:
        start.idempotency_key = head.idempotency_key
    if version < PROTOCOL_VERSION_MAX:
        clear_newer_fields(start, version)
    return start


def _since_last_entry(world: World, held: Held) -> int:
    # The SDK looks at it only when attempts have failed since.
    if held.head.command_retries == 0:
        return 0
    return max(0, world.clock.now_ms() - held.last_entry_ms)


def _state(world: World, held: Held, spec: HandlerSpec | None) -> tuple[list[pb.StateEntry], bool]:
    """Return the state to send along, and whether it is only a part of what there is."""
    if held.key is None:
        return [], True
    if spec is not None and spec.is_lazy:
        return [], True
    entries: list[pb.StateEntry] = []
    room = world.settings.eager_state_bytes_max
    state = held.state_before(len(held.journal))
    for name, value in state.items():
        room -= len(name) + len(value)
        if room < 0:
            return entries, True
        entries.append(pb.StateEntry(key=name.encode(), value=value))
    return entries, False
