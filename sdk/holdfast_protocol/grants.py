"""Grants on the wire: how a dispatcher lets a handler append to its own journal, and learns how far it got.

With the request go headers, which SDKs that do not know them ignore; with the answer comes one:

    headers |= grant_headers(JournalGrant(table=…, epoch=…, slot=Slot(…), durable=…, taken=…))   the dispatcher sends
    grant = grant_from_headers(request_headers)        None: the attempt runs without checkpoints  the handler reads
    headers |= reached_headers(Reached(slot=Slot(…), is_certain=True))                            the handler answers
    reached = reached_from_headers(answer_headers)     None: it did not append by itself           the dispatcher reads

`takes_grants(sdk_version)` tells from the `x-restate-server` header of a discovery whether it is worth sending them.
Header names are lower-case; mappings given to the readers must have them so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast_protocol.errors import DecodeError, excerpt

TABLE_HEADER: Final = "x-holdfast-table"
EPOCH_HEADER: Final = "x-holdfast-epoch"
SLOT_HEADER: Final = "x-holdfast-slot"
DURABLE_HEADER: Final = "x-holdfast-durable"
EXPIRES_HEADER: Final = "x-holdfast-expires"
FIRST_EPOCH_HEADER: Final = "x-holdfast-first-epoch"
TAKEN_HEADER: Final = "x-holdfast-taken"
REACHED_HEADER: Final = "x-holdfast-reached"

SDK_WITH_GRANTS: Final = "restate-sdk-holdfast"

# Set behind the slot of an answer whose handler does not know what became of its last append.
_UNCERTAIN = "?"
# Set behind the time to live that new pages are not to have.
_UNMARKED = "!"

# Far above any epoch or index, and below what reading a number costs time for.
_DIGITS_MAX = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """Where the next append goes: a page, how many entries it holds, and the index of its first in the journal.

    `frames_bytes` is what the page weighs already, as `pages.is_full` wants it.
    """

    page: int
    count: int
    base: int
    frames_bytes: int

    @property
    def length(self) -> int:
        """How long the journal is in front of this place."""
        return self.base + self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLife:
    """When the pages of this invocation expire, in epoch seconds; one that expires earlier is an earlier invocation's.

    `is_marked`: whether pages are born with this time to live. They are not any more when the invocation has grown old.
    `first_epoch`: of an invocation that took the place of another one under its id; a page of an epoch before the one
    in front of it is that one's.
    """

    expires_s: int
    is_marked: bool
    first_epoch: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalGrant:
    """Leave for one attempt to append to its journal.

    `table` is the name or the ARN of the table. Of the entries sent with the request those from `durable` on are not
    stored yet: they go in front of the first append, with the tokens of the signals among them (`taken`, rule O-9).
    Without a `life` no page expires.
    """

    table: str
    epoch: int
    slot: Slot
    durable: int
    taken: tuple[str, ...]
    life: PageLife | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """Where a handler's next append would have gone; all entries before are stored.

    When it is not certain, the frames at the front of the answer may be stored as well: an append whose answer never
    came. Whoever reads this must look before it appends them.
    """

    slot: Slot
    is_certain: bool


def takes_grants(sdk_version: str | None) -> bool:
    """Return whether the SDK that named itself so in discovery appends by itself when it is let."""
    return sdk_version is not None and sdk_version.partition("/")[0] == SDK_WITH_GRANTS


def grant_headers(grant: JournalGrant) -> dict[str, str]:
    """Return the request headers that say so."""
    headers = {
        TABLE_HEADER: grant.table,
        EPOCH_HEADER: str(grant.epoch),
        SLOT_HEADER: _slot_text(grant.slot),
        DURABLE_HEADER: str(grant.durable),
    }
    if grant.life is not None:
        headers[EXPIRES_HEADER] = f"{grant.life.expires_s}{'' if grant.life.is_marked else _UNMARKED}"
        if grant.life.first_epoch != 1:
            headers[FIRST_EPOCH_HEADER] = str(grant.life.first_epoch)
    if grant.taken:
        # JSON escapes all that is not ASCII, and tokens may be anything that a client chose.
        headers[TAKEN_HEADER] = json.dumps(grant.taken, separators=(",", ":"))
    return headers


def grant_from_headers(headers: Mapping[str, str]) -> JournalGrant | None:
    """Return the grant in a request's headers, or None when there is none.

    Raises:
        DecodeError: There is a part of one, or it is malformed.
    """
    table = headers.get(TABLE_HEADER)
    if table is None:
        return None
    if not table:
        raise DecodeError(f"{TABLE_HEADER} is empty")
    return JournalGrant(
        table=table,
        epoch=_number(EPOCH_HEADER, headers.get(EPOCH_HEADER)),
        slot=_slot(SLOT_HEADER, headers.get(SLOT_HEADER)),
        durable=_number(DURABLE_HEADER, headers.get(DURABLE_HEADER)),
        taken=_taken(headers.get(TAKEN_HEADER)),
        life=_life(headers.get(EXPIRES_HEADER), headers.get(FIRST_EPOCH_HEADER, "1")),
    )


def reached_headers(reached: Reached) -> dict[str, str]:
    """Return the answer's header that says so."""
    return {REACHED_HEADER: _slot_text(reached.slot) + ("" if reached.is_certain else _UNCERTAIN)}


def reached_from_headers(headers: Mapping[str, str]) -> Reached | None:
    """Return how far the handler got, or None when it does not say.

    Raises:
        DecodeError: The header is malformed.
    """
    text = headers.get(REACHED_HEADER)
    if text is None:
        return None
    slot = _slot(REACHED_HEADER, text.removesuffix(_UNCERTAIN))
    return Reached(slot=slot, is_certain=not text.endswith(_UNCERTAIN))


def _slot_text(slot: Slot) -> str:
    return f"{slot.page}.{slot.count}.{slot.base}.{slot.frames_bytes}"


def _slot(header: str, text: str | None) -> Slot:
    parts = text.split(".") if text is not None else []
    if len(parts) != 4:
        raise DecodeError(f"{header} must be page, count, base and weight, such as 0.3.0.417, not {excerpt(text)}")
    page, count, base = (_number(header, part) for part in parts[:3])
    # A head may weigh less than most, which its first page makes up for.
    weight = _number(header, parts[3].removeprefix("-"))
    return Slot(page=page, count=count, base=base, frames_bytes=-weight if parts[3].startswith("-") else weight)


def _number(header: str, text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        raise DecodeError(f"{header} must be a number, not {excerpt(text)}")
    return int(text)


def _life(text: str | None, first_epoch: str) -> PageLife | None:
    if text is None:
        return None
    return PageLife(
        expires_s=_number(EXPIRES_HEADER, text.removesuffix(_UNMARKED)),
        is_marked=not text.endswith(_UNMARKED),
        first_epoch=_number(FIRST_EPOCH_HEADER, first_epoch),
    )


def _taken(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        tokens = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{TAKEN_HEADER} is not JSON: {error}") from error
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise DecodeError(f"{TAKEN_HEADER} must be a list of strings, not {excerpt(tokens)}")
    return tuple(tokens)
