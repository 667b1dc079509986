"""What every part of the store is made with, and the little words that its updates are written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Dynamo
from holdfast_aws.lifetimes import Lifetimes, Lives
from holdfast_aws.models import (
    DeploymentItem,
    HeadItem,
    LockItem,
    NoteItem,
    PageItem,
    PromiseItem,
    ServiceNameItem,
    TableNames,
    ValueItem,
    WaitItem,
    bound,
)
from holdfast_aws.service_names import ServiceNames
from holdfast_engine.ports import Clock
from holdfast_protocol.items import EPOCH, EXPIRES

# What a query asks for of items whose content does not matter: their sort keys, when they expire, whose they are, and
# of notes when they arrived.
KEYS_ONLY = {"ProjectionExpression": "s, #x, #e, r", "ExpressionAttributeNames": {"#x": EXPIRES, "#e": EPOCH}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models of one deployment's tables."""

    head: type[HeadItem]
    page: type[PageItem]
    note: type[NoteItem]
    lock: type[LockItem]
    wait: type[WaitItem]
    value: type[ValueItem]
    promise: type[PromiseItem]
    deployment: type[DeploymentItem]
    service_name: type[ServiceNameItem]

    @classmethod
    def of(cls, tables: TableNames) -> Models:
        """Bind all models."""
        return cls(
            head=bound(HeadItem, tables.journal),
            page=bound(PageItem, tables.journal),
            note=bound(NoteItem, tables.journal),
            lock=bound(LockItem, tables.keys),
            wait=bound(WaitItem, tables.keys),
            value=bound(ValueItem, tables.keys),
            promise=bound(PromiseItem, tables.keys),
            deployment=bound(DeploymentItem, tables.registry),
            service_name=bound(ServiceNameItem, tables.keys),
        )


class Part:
    """A part of the store: operations on one kind of thing."""

    def __init__(self, dynamo: Dynamo, models: Models, clock: Clock, lifetimes: Lifetimes) -> None:
        self.dynamo = dynamo
        self.models = models
        self._clock = clock
        self._lives = Lives(lifetimes)

    @cached_property
    def services(self) -> ServiceNames:
        """The names of services, for those who list."""
        return ServiceNames(self.dynamo, self.models.service_name)


def put(attribute: Attribute[Any], value: Any) -> Action:
    """Return the action that gives an attribute a value; None takes it away."""
    return attribute.remove() if value is None else attribute.set(value)


def extended(attribute: Attribute[Any], values: Sequence[Any]) -> Action:
    """Return the action that puts values behind those of a list, which may be absent."""
    return attribute.set((attribute | []).append({"L": attribute.serialize(values)}))
