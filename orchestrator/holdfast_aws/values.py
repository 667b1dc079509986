"""Where values of state live: in the lock while they are small, in items of their own, or in the blob store.

A value outside the lock is written once, under a name that no other write ever has, before the lock points to it; so
the state changes with the lock, in one write, however large it is. What the lock no longer points to is deleted; what a
process that died had not pointed to yet, or had not deleted yet, the walk through the bucket finds (`blob_walk.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from holdfast_aws.dynamo import Dynamo
from holdfast_aws.items import Raw
from holdfast_aws.models import ValueItem
from holdfast_engine.weights import INLINE_VALUE_BYTES_MAX

# An item holds 400 KB; the rest is for its key.
ITEM_VALUE_BYTES_MAX = 350_000

# S3 takes 1,024 characters for the whole name of an object.
_OWNER_CHARACTERS_MAX = 900
_OWNER = "state-"
_HASHED_OWNER = "state#"

_ITEM_PREFIX = "s"
_BLOB_PREFIX = "b"

# State names are keys of a map, which may be neither empty nor read as a path with an index.
_ESCAPES = (("\x1e", "\x1e0"), ("[", "\x1e1"), ("]", "\x1e2"))
_EMPTY = "\x1e"


class ValueBlobs(Protocol):
    """A blob store that can also drop one blob."""

    async def put(self, owner: str, name: str, content: bytes) -> None:
        """Store a blob durably."""
        ...

    async def get(self, owner: str, name: str) -> bytes:
        """Return a blob."""
        ...

    async def drop(self, owner: str, name: str) -> None:
        """Delete a blob, if it is there."""
        ...


class Values:
    """The values of state of one deployment's keys."""

    def __init__(self, dynamo: Dynamo, model: type[ValueItem], blobs: ValueBlobs) -> None:
        self._dynamo = dynamo
        self._model = model
        self._blobs = blobs

    async def placed(
        self, partition: str, name: str, value: bytes, *, version: str, inline_bytes_max: int = INLINE_VALUE_BYTES_MAX
    ) -> Raw:
        """Return what stands for a value in the lock, and see that it is where that points to."""
        if len(value) <= inline_bytes_max:
            return {"B": value}
        # The name is part of the version: two tries of one write may not have the same names in the same order.
        unique = f"{version}.{sha256(name.encode()).hexdigest()[:8]}"
        if len(value) > ITEM_VALUE_BYTES_MAX:
            await self._blobs.put(owner_of(partition), unique, value)
            return {"S": _BLOB_PREFIX + unique}
        sort = _ITEM_PREFIX + unique
        await self._dynamo.put(self._model(key=partition, sort=sort, content=value), None)
        return {"S": sort}

    async def read(self, partition: str, state: Mapping[str, Raw]) -> dict[str, bytes] | None:
        """Return the values of a lock's state; None when one has been replaced since the lock was read."""
        values = {name: raw["B"] for name, raw in state.items() if "B" in raw}
        pointers = {name: raw["S"] for name, raw in state.items() if "S" in raw}
        sorts = [pointer for pointer in pointers.values() if pointer.startswith(_ITEM_PREFIX)]
        found = await self._dynamo.get_many(self._model, partition, sorts) if sorts else []
        content_by_pointer: dict[str, bytes] = {raw["s"]["S"]: raw["v"]["B"] for raw in found}
        for name, pointer in pointers.items():
            if pointer.startswith(_BLOB_PREFIX):
                values[name] = await self._blobs.get(owner_of(partition), pointer[1:])
            elif pointer in content_by_pointer:
                values[name] = content_by_pointer[pointer]
            else:
                return None
        return {state_name(name): values[name] for name in state}

    async def drop(self, partition: str, raws: Iterable[Raw]) -> None:
        """Delete the values outside the lock that these pointed to."""
        pointers = [raw["S"] for raw in raws if "S" in raw]
        items = [(partition, pointer) for pointer in pointers if pointer.startswith(_ITEM_PREFIX)]
        if items:
            await self._dynamo.delete_many(self._model, items)
        for pointer in pointers:
            if pointer.startswith(_BLOB_PREFIX):
                await self._blobs.drop(owner_of(partition), pointer[1:])


def map_name(name: str) -> str:
    """Return the key of the lock's map that stands for a name of state."""
    for plain, escaped in _ESCAPES:
        name = name.replace(plain, escaped)
    return name or _EMPTY


def state_name(key: str) -> str:
    """Return the name of state that a key of the lock's map stands for."""
    if key == _EMPTY:
        return ""
    for plain, escaped in reversed(_ESCAPES):
        key = key.replace(escaped, plain)
    return key


def is_outside(raw: Mapping[str, Any]) -> bool:
    """Return whether a value lives outside the lock."""
    return "S" in raw


def owner_of(partition: str) -> str:
    """Return who owns the blobs of a key's state: its partition, as a part of an object's name."""
    encoded = base64.urlsafe_b64encode(partition.encode()).decode().rstrip("=")
    if len(encoded) > _OWNER_CHARACTERS_MAX:
        return _HASHED_OWNER + sha256(partition.encode()).hexdigest()[:32]
    return _OWNER + encoded


def partition_of_owner(owner: str) -> str | None:
    """Return the partition whose state's blobs somebody owns; None for any other owner, or one too long to tell."""
    if not owner.startswith(_OWNER):
        return None
    encoded = owner.removeprefix(_OWNER)
    try:
        partition = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return None
    # The decoder passes over what is no part of its alphabet.
    return partition if owner_of(partition) == owner else None


def blob_names(state: Mapping[str, Raw]) -> frozenset[str]:
    """Return the names of the blobs that a lock's state points to."""
    pointers = [raw["S"] for raw in state.values() if "S" in raw]
    return frozenset(each.removeprefix(_BLOB_PREFIX) for each in pointers if each.startswith(_BLOB_PREFIX))
