"""Appending to one's own journal: one conditional update of the open slot, and telling one's own write from another's.

The conditions are those of the store's `append`; that both say the same is tested against one server.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast._dynamo import DynamoClient, Item, Undecided
from holdfast_protocol.grants import JournalGrant, PageLife, Reached, Slot
from holdfast_protocol.items import (
    BASE,
    CLOSED,
    COUNT,
    EPOCH,
    EXPIRES,
    FRAMES,
    PARTITION,
    SORT,
    STATUS,
    STATUS_COMPLETED,
    TAKEN,
    sort_of,
)
from holdfast_protocol.pages import frames_bytes, is_full

_IS_OPEN: Final = f"attribute_not_exists({CLOSED})"
# Page 0 is in the head, whose epoch moves with every attempt; a later page keeps that of its last writer.
_IN_HEAD: Final = f"{EPOCH} = :e AND {COUNT} = :c AND {_IS_OPEN} AND {STATUS} <> :done"
_IS_OWN: Final = f"(attribute_not_exists({EXPIRES}) OR {EXPIRES} >= :x) AND {EPOCH} >= :y"
_IN_PAGE: Final = f"{COUNT} = :c AND {EPOCH} <= :e AND {_IS_OPEN} AND {_IS_OWN}"
# Not there yet, or left over from an earlier invocation of the same id, or claimed by a newer attempt and still empty.
_BEGINNING: Final = f"attribute_not_exists({PARTITION}) OR {EXPIRES} < :x OR {EPOCH} < :y OR ({_IN_PAGE})"
# What a page that is begun must not take over from one that was there before.
_LEFT_BEHIND: Final = (TAKEN, EXPIRES, CLOSED)
_FOR_EVER: Final = PageLife(expires_s=0, is_marked=False)


class JournalWriter:
    """The place in one journal where one attempt appends; blocking, and for one thread."""

    __slots__ = ("_client", "_epoch", "_invocation_id", "_is_certain", "_life", "_slot", "_table")

    def __init__(self, client: DynamoClient, grant: JournalGrant, *, invocation_id: str) -> None:
        self._client = client
        self._table = grant.table
        self._epoch = grant.epoch
        self._invocation_id = invocation_id
        self._slot = grant.slot
        self._life = grant.life or _FOR_EVER
        self._is_certain = True

    @property
    def reached(self) -> Reached:
        """How far the attempt got by itself."""
        return Reached(slot=self._slot, is_certain=self._is_certain)

    def append(self, frames: Sequence[bytes], taken: Sequence[str], *, budget_s: float) -> bool:
        """Append entries; False when the attempt is fenced.

        Raises:
            Undecided: they could not be stored now. Nothing may be appended after that.
        """
        slot = self._slot
        added = frames_bytes(frames, taken)
        closes = is_full(slot.page, frames_bytes=slot.frames_bytes + added, appended_bytes=added)
        listed = [{"B": b64encode(frame).decode("ascii")} for frame in frames]
        update = self._update(listed, taken, closes=closes)
        try:
            refused = self._client.update_item(update, budget_s=budget_s)
        except Undecided as error:
            self._is_certain = error.is_certain
            raise
        if refused is not None and not (refused.is_repeat and self._is_mine(refused.item, listed)):
            return False
        self._slot = _slot_behind(slot, len(frames), added, closes=closes)
        return True

    def _update(self, listed: list[dict[str, str]], taken: Sequence[str], *, closes: bool) -> dict[str, Any]:
        slot = self._slot
        begins = slot.page > 0 and slot.count == 0
        changes = {COUNT: ":n", FRAMES: ":f" if begins else f"list_append({FRAMES}, :f)"}
        values: dict[str, Any] = {
            ":e": {"N": str(self._epoch)},
            ":c": {"N": str(slot.count)},
            ":n": {"N": str(slot.count + len(listed))},
            ":f": {"L": listed},
        }
        if slot.page == 0:
            values[":done"] = {"S": STATUS_COMPLETED}
        else:
            changes[EPOCH], values[":x"] = ":e", {"N": str(self._life.expires_s)}
            # Pages that are stored before their head, as those of a restarted one, have the epoch before its first.
            values[":y"] = {"N": str(self._life.first_epoch - 1)}
        if begins:
            changes[BASE], values[":b"] = ":b", {"N": str(slot.base)}
            if self._life.is_marked:
                changes[EXPIRES] = ":x"
        if closes:
            changes[CLOSED], values[":yes"] = ":yes", {"BOOL": True}
        if taken:
            changes[TAKEN] = ":a" if begins else f"list_append(if_not_exists({TAKEN}, :none), :a)"
            values[":a"] = {"L": [{"S": token} for token in taken]}
            values |= {} if begins else {":none": {"L": []}}
        return {
            "TableName": self._table,
            "Key": {PARTITION: {"S": self._invocation_id}, SORT: {"S": sort_of(slot.page)}},
            "ConditionExpression": _IN_HEAD if slot.page == 0 else _BEGINNING if begins else _IN_PAGE,
            "UpdateExpression": _expression(changes, gone=_LEFT_BEHIND if begins else ()),
            "ExpressionAttributeValues": values,
            # A refusal brings the item, so that nothing has to be read to see whose write was there before.
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _is_mine(self, item: Item | None, listed: list[dict[str, str]]) -> bool:
        """Return whether an earlier try took effect: then the entries from the slot on are mine, byte for byte.

        Asked only where there was an earlier try: otherwise the same bytes are those of another copy of this attempt.
        Under a newer epoch they may be mine all the same, and the attempt is over.
        """
        if item is None or _number(item, EPOCH) != self._epoch:
            return False
        begin = self._slot.count
        stored = item.get(FRAMES, {}).get("L", [])
        return bool(stored[begin : begin + len(listed)] == listed)


def _expression(changes: Mapping[str, str], *, gone: Sequence[str]) -> str:
    """Return what sets some attributes and removes others, unless they are set."""
    text = "SET " + ", ".join([f"{name} = {value}" for name, value in changes.items()])
    left = [name for name in gone if name not in changes]
    return f"{text} REMOVE {', '.join(left)}" if left else text


def _slot_behind(slot: Slot, count: int, added_bytes: int, *, closes: bool) -> Slot:
    """Return where the next append goes."""
    if closes:
        return Slot(page=slot.page + 1, count=0, base=slot.base + slot.count + count, frames_bytes=0)
    return Slot(page=slot.page, count=slot.count + count, base=slot.base, frames_bytes=slot.frames_bytes + added_bytes)


def _number(item: Item, name: str) -> int | None:
    attribute: Mapping[str, str] = item.get(name, {})
    number = attribute.get("N")
    return int(number) if number is not None else None
