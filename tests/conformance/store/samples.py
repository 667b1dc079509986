"""Heads, changes and keys to store: each call makes one that no store has seen."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from holdfast_engine.ports import Change, Store
from holdfast_engine.records import (
    Awaiting,
    Caller,
    Failure,
    Head,
    KeyRef,
    Kind,
    LastFailure,
    Outcome,
    Page,
    Sink,
    Slot,
    Status,
    Target,
)
from holdfast_protocol.ids import encode_deployment_id, encode_invocation_id
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f

NOW_MS = 1_800_000_000_000
LEASE_MS = NOW_MS + 30_000
DEPLOYMENT = encode_deployment_id(bytes(range(16)))
CANCELED = Failure(code=409, message="canceled")


def new_id() -> str:
    return encode_invocation_id(secrets.token_bytes(24))


def new_key() -> KeyRef:
    return KeyRef(service="Counter", key=f"key-{secrets.token_hex(8)}")


def new_head(**changes: Any) -> Head:
    """Return a running invocation of epoch 1 whose journal is its Input."""
    head = Head(
        id=new_id(),
        target=Target(service="Greeter", key=None, handler="greet"),
        kind=Kind.STATELESS,
        status=Status.RUNNING,
        epoch=1,
        created_ms=NOW_MS,
        modified_ms=NOW_MS,
        page=Page(epoch=1, base=0, frames=(f.input_(),)),
        nonce=secrets.token_hex(12),
        lease_until_ms=LEASE_MS,
        is_open=True,
        deployment_id=DEPLOYMENT,
        protocol_version=7,
        last_entry_ms=NOW_MS,
        completion_retention_ms=3_600_000,
        journal_retention_ms=3_600_000,
    )
    return replace(head, **changes)


def full_head() -> Head:
    """Return a head in which every field says something."""
    return new_head(
        target=Target(service="Counter", key="kéy/with everything", handler="add", scope="scope"),
        kind=Kind.EXCLUSIVE,
        status=Status.BACKING_OFF,
        epoch=7,
        page=Page(epoch=7, base=0, frames=(f.input_(), f.run(1, "step"), f.run_result(1)), taken=("s#17", "s#x.1")),
        is_open=True,
        caller=Caller(invocation_id=new_id(), completion_id=3),
        protocol_version=6,
        done=2,
        ticket=41,
        awaiting=awaiting_tree(),
        retry_at_ms=NOW_MS + 5_000,
        failed_attempts=3,
        command_retries=2,
        last_failure=LastFailure(
            code=500,
            message="boom",
            stacktrace="line 1\nline 2",
            rt_code="RT0007",
            command_index=1,
            command_name="step",
            command_type=int(MessageType.RUN),
            at_ms=NOW_MS,
        ),
        sinks=(new_sink(), new_sink()),
        invoke_at_ms=NOW_MS - 1,
        idempotency_key="once",
        limit_key="limit",
    )


def awaiting_tree() -> Awaiting:
    nested = Awaiting(combinator=2, completions=(3, 300), signals=(18,), names=("a",))
    return Awaiting(combinator=1, completions=(1,), signals=(1, 17), names=("go", "é"), nested=(nested,))


def new_sink(completion_id: int = 2) -> Sink:
    return Sink(invocation_id=new_id(), completion_id=completion_id, completion_type=int(MessageType.CALL_COMPLETION))


def in_status(status: Status, **changes: Any) -> Head:
    """Return an invocation as it may be found in a status."""
    fields: dict[str, Any] = {"status": status}
    if status is Status.SCHEDULED:
        fields |= {"epoch": 0, "page": Page(epoch=0, base=0, frames=(f.input_(),)), "lease_until_ms": 0}
        fields |= {"is_open": False, "invoke_at_ms": NOW_MS + 60_000}
    elif status is Status.SUSPENDED:
        fields |= {"awaiting": awaiting_tree(), "lease_until_ms": 0, "is_open": False}
    elif status is Status.BACKING_OFF:
        fields |= {"retry_at_ms": NOW_MS + 1000, "lease_until_ms": 0, "failed_attempts": 2, "command_retries": 1}
    elif status is Status.COMPLETED:
        fields |= {"lease_until_ms": 0, "is_open": False, "outcome": Outcome(value=b"x"), "completed_ms": NOW_MS}
    elif status is Status.QUEUED:
        fields |= {"kind": Kind.EXCLUSIVE, "target": Target(service="Counter", key="k", handler="add")}
    elif status in (Status.READY, Status.PAUSED):
        fields |= {"lease_until_ms": 0}
    return new_head(**{**fields, **changes})


async def created(store: Store, head: Head) -> Head:
    """Put a head and return it."""
    assert await store.create(head) is None
    return head


def change(head: Head, status: Status, *, slot: Slot | None = None, **changes: Any) -> Change:
    """Return the end of an attempt that changes nothing but the status."""
    plain = Change(
        status=status,
        modified_ms=NOW_MS + 1,
        is_open=False,
        done=head.done,
        ticket=head.ticket,
        awaiting=None,
        retry_at_ms=None,
        failed_attempts=0,
        command_retries=0,
        last_entry_ms=head.last_entry_ms,
        last_failure=None,
        outcome=None,
        outcome_index=None,
        frames=(),
        taken=(),
        slot=slot,
    )
    return replace(plain, **changes)


async def acquire(store: Store, head: Head, **changes: Any) -> Any:
    """Acquire an invocation as its head says it stands."""
    arguments: dict[str, Any] = {
        "epoch": head.epoch,
        "status": head.status,
        "now_ms": LEASE_MS,
        "lease_until_ms": LEASE_MS + 30_000,
        "deployment_id": DEPLOYMENT,
        "protocol_version": 7,
        "ticket": head.ticket,
        "failed_attempts": 0,
        "command_retries": 0,
    }
    return await store.acquire(head.id, **{**arguments, **changes})
