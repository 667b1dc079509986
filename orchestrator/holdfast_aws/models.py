"""The items of the four tables, attribute by attribute; their names are one letter, because every write pays for them.

An attribute that follows from another, or has its usual value, is absent. What the letters of heads and pages are that
handlers read or write as well is said in `holdfast_protocol/items.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from holdfast_aws import listing_index
from holdfast_aws.attributes import (
    AwaitingAttribute,
    BytesAttribute,
    CallerAttribute,
    FlagAttribute,
    FramesAttribute,
    IntAttribute,
    KeptAttribute,
    LastFailureAttribute,
    NonceAttribute,
    OriginAttribute,
    OutcomeAttribute,
    SinksAttribute,
    StateAttribute,
    StatusAttribute,
    TargetAttribute,
    TextsAttribute,
    TraceAttribute,
)
from holdfast_protocol import items

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNames:
    """Names or ARNs of the tables."""

    journal: str
    keys: str
    timers: str
    registry: str


class HeadItem(Model):
    """Table journal: an invocation, with page 0 of its journal."""

    id = UnicodeAttribute(hash_key=True, attr_name=items.PARTITION)
    sort = UnicodeAttribute(range_key=True, attr_name=items.SORT, default=items.HEAD_SORT)
    target = TargetAttribute(attr_name="g")
    status = StatusAttribute(attr_name=items.STATUS)
    epoch = IntAttribute(attr_name=items.EPOCH)
    lease_until_ms = IntAttribute(attr_name="l", null=True)
    is_open = FlagAttribute(attr_name="o", null=True)
    # Tells an acquire whose answer was lost from somebody else's; nobody but the acquire itself reads it.
    acquirer = BytesAttribute(attr_name="W", null=True)
    deployment_id = UnicodeAttribute(attr_name="d", null=True)
    protocol_version = IntAttribute(attr_name="v", null=True)
    # Absent in what was created before there was the index.
    listed = UnicodeAttribute(attr_name=listing_index.PARTITION, null=True)
    created_ms = IntAttribute(attr_name=listing_index.SORT)
    modified_ms = IntAttribute(attr_name="m", null=True)
    last_entry_ms = IntAttribute(attr_name="y", null=True)
    # In seconds, rounded up, so that the update that ends an invocation can add it to the time.
    retention_s = IntAttribute(attr_name="k")
    retention_ms = IntAttribute(attr_name="R", null=True)
    journal_retention_ms = IntAttribute(attr_name="j", null=True)
    nonce = NonceAttribute(attr_name="i")
    caller = CallerAttribute(attr_name="q", null=True)
    sinks = SinksAttribute(attr_name="w", null=True)
    done = IntAttribute(attr_name="D", null=True)
    ticket = IntAttribute(attr_name="T", null=True)
    awaiting = AwaitingAttribute(attr_name="u", null=True)
    retry_at_ms = IntAttribute(attr_name="r", null=True)
    failed_attempts = IntAttribute(attr_name="A", null=True)
    command_retries = IntAttribute(attr_name="B", null=True)
    last_failure = LastFailureAttribute(attr_name="F", null=True)
    outcome = OutcomeAttribute(attr_name="O", null=True)
    outcome_index = IntAttribute(attr_name="I", null=True)
    invoke_at_ms = IntAttribute(attr_name="S", null=True)
    completed_ms = IntAttribute(attr_name="C", null=True)
    idempotency_key = UnicodeAttribute(attr_name="K", null=True)
    limit_key = UnicodeAttribute(attr_name="L", null=True)
    is_killed = FlagAttribute(attr_name="X", null=True)
    answer_retention_ms = IntAttribute(attr_name="J", null=True)
    kept = KeptAttribute(attr_name="E", null=True)
    origin = OriginAttribute(attr_name="G", null=True)
    trace = TraceAttribute(attr_name="H", null=True)
    first_epoch = IntAttribute(attr_name="M", null=True)
    entry_count = IntAttribute(attr_name=items.COUNT)
    frames = FramesAttribute(attr_name=items.FRAMES)
    closed = FlagAttribute(attr_name=items.CLOSED, null=True)
    taken = TextsAttribute(attr_name=items.TAKEN, null=True)
    expires_s = IntAttribute(attr_name=items.EXPIRES, null=True)


class PageItem(Model):
    """Table journal: a later page."""

    id = UnicodeAttribute(hash_key=True, attr_name=items.PARTITION)
    sort = UnicodeAttribute(range_key=True, attr_name=items.SORT)
    epoch = IntAttribute(attr_name=items.EPOCH)
    base = IntAttribute(attr_name=items.BASE)
    entry_count = IntAttribute(attr_name=items.COUNT)
    frames = FramesAttribute(attr_name=items.FRAMES)
    closed = FlagAttribute(attr_name=items.CLOSED, null=True)
    taken = TextsAttribute(attr_name=items.TAKEN, null=True)
    expires_s = IntAttribute(attr_name=items.EXPIRES, null=True)


class NoteItem(Model):
    """Table journal: a notification that has arrived."""

    id = UnicodeAttribute(hash_key=True, attr_name=items.PARTITION)
    sort = UnicodeAttribute(range_key=True, attr_name=items.SORT)
    frame = BytesAttribute(attr_name="f")
    # When it was written, by its writer's clock: nothing but an order that people find natural depends on it.
    arrival = IntAttribute(attr_name="r")
    expires_s = IntAttribute(attr_name=items.EXPIRES, null=True)


class LockItem(Model):
    """Table keys: the ticket lock of a key, and its state."""

    key = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s", default="l")
    next = IntAttribute(attr_name="n")
    serving = IntAttribute(attr_name="g")
    holder = UnicodeAttribute(attr_name="h", null=True)
    applied = IntAttribute(attr_name="a", null=True)
    state = StateAttribute(attr_name="v", null=True)
    # The key itself, where it is too long for the partition key.
    long_key = UnicodeAttribute(attr_name="K", null=True)
    expires_s = IntAttribute(attr_name="x", null=True)


class WaitItem(Model):
    """Table keys: whose a ticket is."""

    key = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s")
    invocation_id = UnicodeAttribute(attr_name="h")


class ValueItem(Model):
    """Table keys: a value of state that is too large for the lock; written once, then pointed to."""

    key = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s")
    content = BytesAttribute(attr_name="v")
    expires_s = IntAttribute(attr_name="x", null=True)


class PromiseItem(Model):
    """Table keys: a promise of a workflow."""

    key = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s")
    outcome = OutcomeAttribute(attr_name="o", null=True)
    by = UnicodeAttribute(attr_name="b", null=True)
    listeners = SinksAttribute(attr_name="w", null=True)
    expires_s = IntAttribute(attr_name="x", null=True)


class ServiceNameItem(Model):
    """Table keys: that a service has, or had, invocations. No key has a separator in front, see `keys.py`."""

    kind = UnicodeAttribute(hash_key=True, attr_name="p", default="\x1dservices")
    name = UnicodeAttribute(range_key=True, attr_name="s")


class TimerItem(Model):
    """Table timers: a wake-up that is due in more than a quarter of an hour."""

    slot = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s")


class SweptItem(Model):
    """Table timers: how far the sweeper has come."""

    slot = UnicodeAttribute(hash_key=True, attr_name="p", default="swept")
    sort = UnicodeAttribute(range_key=True, attr_name="s", default="swept")
    until_ms = IntAttribute(attr_name="n")


class WalkItem(Model):
    """Table timers: how far a walk has come."""

    walk = UnicodeAttribute(hash_key=True, attr_name="p", default="walk")
    sort = UnicodeAttribute(range_key=True, attr_name="s")
    began_ms = IntAttribute(attr_name="b")
    # Absent when it is through.
    place = UnicodeAttribute(attr_name="a", null=True)
    whole_ms = IntAttribute(attr_name="w")


class DeploymentItem(Model):
    """Table registry: a deployment."""

    kind = UnicodeAttribute(hash_key=True, attr_name="p", default="d")
    id = UnicodeAttribute(range_key=True, attr_name="s")
    content = BytesAttribute(attr_name="v")


def bound(model: type[M], table_name: str) -> type[M]:
    """Return the model for a table of that name; requests are made with it, and sent by `Table`."""
    meta = type("Meta", (), {"table_name": table_name})
    return type(model.__name__, (model,), {"Meta": meta})
