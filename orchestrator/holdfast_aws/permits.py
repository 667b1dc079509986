"""Permits, lines and rules in DynamoDB: what is read is changed in Python, and written if nobody else wrote meanwhile.

A scope's permits are one item, so that all its counters are judged in one write. How often a scope can begin and end
attempts is therefore bounded by how fast writes of one item follow each other, some tens a second; scopes without
limits never come here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import cached_property

from pynamodb.expressions.condition import Condition

from holdfast_aws.dynamo import Refused, Written
from holdfast_aws.items import Raw, ordinal, ordinal_of
from holdfast_aws.models import bound
from holdfast_aws.part import Part
from holdfast_aws.permit_items import PermitsItem, RulesItem, WaitingItem
from holdfast_engine import permits as operations
from holdfast_engine.errors import Throttled
from holdfast_engine.limits import RuleBook
from holdfast_engine.limits_compact import permits_of, permits_text, rules_bytes, rules_of
from holdfast_engine.permits import NONE_OUT, Permit, Permits, Waiting

# No key has a separator in front: there is always a scope, if an empty one, and it is escaped.
_PREFIX = "\x1dlimits,"
_PERMITS_SORT = "l"
_LINE_PREFIX = "w"
_LINE_END = "x"
_RULES = "r"

# Each round lost means that another process has changed the same scope's permits.
_ROUNDS_MAX = 50
_PAUSE_MAX_S = 0.2

Change = Callable[[Permits], Permits | None]


class PermitStore(Part):
    """The part of the store that limits need."""

    @cached_property
    def _permits_model(self) -> type[PermitsItem]:
        return bound(PermitsItem, self.models.lock.Meta.table_name)

    @cached_property
    def _waiting_model(self) -> type[WaitingItem]:
        return bound(WaitingItem, self.models.lock.Meta.table_name)

    @cached_property
    def _rules_model(self) -> type[RulesItem]:
        return bound(RulesItem, self.models.deployment.Meta.table_name)

    async def permits(self, scope: str) -> Permits:
        """Return the permits that are out; a scope never used has none."""
        return _permits_in(await self._permits_item(scope))

    async def take_permit(self, scope: str, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
        """Give out a permit, or renew that of an earlier epoch; None when there is no room or a younger one is out."""
        return await self._changed(scope, lambda permits: operations.take(permits, permit, limits=limits))

    async def return_permit(self, scope: str, *, invocation_id: str, epoch: int) -> Permits | None:
        """Take back the permit of an epoch or an earlier one; None when there is none."""
        return await self._changed(
            scope, lambda permits: operations.give_back(permits, invocation_id=invocation_id, epoch=epoch)
        )

    async def put_waiting(self, scope: str, waiting: Waiting) -> None:
        """Put an invocation into the line; the same one twice is one."""
        await self.dynamo.put(self._waiting_item(scope, waiting), None)

    async def line(self, scope: str, *, after: Waiting | None, limit: int) -> tuple[Waiting, ...]:
        """Return those who stand in the line behind one of them, or from the front, oldest first."""
        # Nothing sorts between a sort key and the same with the least character behind it.
        start = _LINE_PREFIX if after is None else _line_sort(after) + "\x00"
        values = {":scope": _PREFIX + scope, ":from": start, ":to": _LINE_END}
        condition = "p = :scope AND s BETWEEN :from AND :to"
        raws = await self.dynamo.query(self._waiting_model, condition, values, Limit=limit)
        return tuple(map(_waiting_in, raws))

    async def forget_waiting(self, scope: str, waiting: Waiting) -> None:
        """Take an invocation out of the line, if it stands there."""
        await self.dynamo.delete(self._waiting_item(scope, waiting), None, is_retention=True)

    async def rules(self) -> RuleBook:
        """Return the rules."""
        raw = await self.dynamo.get(self._rules_model, _RULES, _RULES)
        return rules_of(raw["v"]["B"]) if raw is not None else RuleBook()

    async def save_rules(self, book: RuleBook, *, replaces: int) -> bool:
        """Put the rules in place of those of a version; False when they are not of that version any more."""
        item = self._rules_model(content=rules_bytes(book), version=book.version)
        is_that = _is_version(RulesItem, replaces)
        result = await self.dynamo.put(item, is_that)
        if isinstance(result, Written):
            return True
        # A refusal of this very write's second try, whose first was carried out.
        return result.is_repeat and result.item is not None and result.item["v"]["B"] == item.content

    async def _changed(self, scope: str, change: Change) -> Permits | None:
        """Change the permits of a scope, again and again until nobody else has changed them meanwhile."""
        for _ in range(_ROUNDS_MAX):
            raw = await self._permits_item(scope)
            version = int(raw["n"]["N"]) if raw is not None else 0
            after = change(_permits_in(raw))
            if after is None:
                return None
            item = self._permits_model(scope=_PREFIX + scope, out=permits_text(after), version=version + 1)
            result = await self.dynamo.put(item, _is_version(PermitsItem, version))
            if isinstance(result, Written) or _is_own(result, item):
                return after
            await asyncio.sleep(random.random() * _PAUSE_MAX_S)
        raise Throttled(f"the permits of scope {scope} changed under every one of {_ROUNDS_MAX} tries to change them")

    async def _permits_item(self, scope: str) -> Raw | None:
        return await self.dynamo.get(self._permits_model, _PREFIX + scope, _PERMITS_SORT)

    def _waiting_item(self, scope: str, waiting: Waiting) -> WaitingItem:
        return self._waiting_model(
            scope=_PREFIX + scope,
            sort=_line_sort(waiting),
            invocation_id=waiting.invocation_id,
            limit_key=waiting.limit_key,
        )


def _permits_in(raw: Raw | None) -> Permits:
    return permits_of(raw["o"]["S"]) if raw is not None else NONE_OUT


def _is_own(refused: Refused, item: PermitsItem) -> bool:
    """Return whether a write was refused because an earlier try of it, whose answer was lost, was carried out."""
    found = refused.item if refused.is_repeat else None
    return found is not None and (found["o"]["S"], int(found["n"]["N"])) == (item.out, item.version)


def _line_sort(waiting: Waiting) -> str:
    return f"{_LINE_PREFIX}{ordinal(waiting.since_ms)},{waiting.invocation_id}"


def _waiting_in(raw: Raw) -> Waiting:
    since, _, _ = raw["s"]["S"].removeprefix(_LINE_PREFIX).partition(",")
    return Waiting(
        since_ms=ordinal_of(since), invocation_id=raw["h"]["S"], limit_key=raw["L"]["S"] if "L" in raw else None
    )


def _is_version(model: type[PermitsItem] | type[RulesItem], version: int) -> Condition:
    condition: Condition = model.version == version if version else model.version.does_not_exist()
    return condition
