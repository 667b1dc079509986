"""How items go: by the time to live that most are born with, marked with one, or deleted where nobody waits for that.

DynamoDB deletes what has expired within days and bills nothing for it. What cannot wait is deleted here, guarded by the
head: an id that is derived from a key may belong to a new invocation a moment after the old one is gone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdfast_aws import listing_index
from holdfast_aws.dynamo import Refused, Request
from holdfast_aws.heads import head_before, refused_head
from holdfast_aws.items import NOTE_PREFIX, Raw, head_of, seconds_up
from holdfast_aws.journals import JournalStore
from holdfast_aws.models import HeadItem as H
from holdfast_aws.models import NoteItem
from holdfast_aws.models import PageItem as P
from holdfast_aws.part import KEYS_ONLY, put
from holdfast_engine import operations
from holdfast_engine.records import Head, Kept, Status
from holdfast_engine.retention import is_over
from holdfast_protocol.items import EXPIRES, HEAD_SORT, STATUS_COMPLETED, page_of

# So many marks are under way at a time; the others wait, so that a long journal does not take all connections.
_MARKS_AT_ONCE = 8


class RetentionStore(JournalStore):
    """Ending what is left of invocations, and finding all that there are."""

    async def strip(self, invocation_id: str, *, nonce: str, kept: Kept, output: bytes | None) -> Head | None:
        """Let go of the journal, or of the outcome as well, of a completed invocation that is that of the nonce."""
        more = [each for each in Kept if operations.is_less(kept, each)]
        if not more:
            return None
        # An absent one stands for all that there is, which is more than anything.
        holds_more: Condition = H.kept.does_not_exist() | H.kept.is_in(*more)
        condition = (H.nonce == nonce) & (H.status == Status.COMPLETED) & holds_more
        frames = [] if output is None else [output]
        actions = [
            H.kept.set(kept),
            H.frames.set(frames),
            H.entry_count.set(len(frames)),
            H.closed.remove(),
            H.taken.remove(),
            put(H.outcome_index, None if output is None else 0),
        ]
        if kept is Kept.NOTHING:
            actions += [H.outcome.remove(), H.last_failure.remove(), H.sinks.remove()]
        result = await self._update_head(invocation_id, actions, condition)
        if isinstance(result, Refused):
            stored = refused_head(result)
            is_mine = stored is not None and result.is_repeat and stored.nonce == nonce and stored.kept is kept
            return stored if is_mine else None
        return operations.strip(head_before(result), nonce=nonce, kept=kept, output=output)

    async def retire(self, invocation_id: str, *, head: Head | None, expires_ms: int, is_thorough: bool) -> None:
        """See that notes and later pages of a completed invocation go; repeated, it only reads.

        Of an invocation that was young when it ended all of them have been born with a time to live, and nobody has
        taken it from them: unless everything is asked for, there is nothing to do.
        """
        lifetimes, now = self._lives.lifetimes, self._clock.now_ms()
        if head is not None and not is_thorough and lifetimes.is_young(lifetimes.of_head(head), now):
            return
        raws = await self.dynamo.query(self.models.head, "p = :id", {":id": invocation_id}, **KEYS_ONLY)
        await self._drop_notes(invocation_id, [raw for raw in raws if raw["s"]["S"].startswith(NOTE_PREFIX)], head)
        pages = [raw for raw in raws if page_of(raw["s"]["S"])]
        if head is None:
            # These can only be of a restart that died before it had one.
            await self._mark(invocation_id, pages, [P.expires_s.set(seconds_up(expires_ms))], P.epoch <= 0)
            return
        # Not before those that are born with theirs: an earlier time is that of another run's page.
        at_s = max(seconds_up(expires_ms), lifetimes.of_head(head).expires_s)
        # None of a successor's: its epochs are above.
        is_own, is_unmarked = P.epoch <= head.epoch, P.expires_s.does_not_exist()
        await self._mark(
            invocation_id, [raw for raw in pages if EXPIRES not in raw], [P.expires_s.set(at_s)], is_own & is_unmarked
        )
        if expires_ms <= now:
            # What they hold goes at once; they themselves fence whoever stands still, until they expire.
            blank = [P.frames.set([]), P.entry_count.set(0), P.taken.remove(), P.closed.set(True)]
            is_filled = (P.entry_count > 0) | P.closed.does_not_exist()
            await self._mark(invocation_id, pages, [*blank, P.epoch.set(head.epoch)], is_own & is_filled)

    async def _mark(self, invocation_id: str, raws: Sequence[Raw], actions: list[Action], condition: Condition) -> None:
        """Change pages that were found; never made anew, as DynamoDB may have deleted them meanwhile."""
        pages = [self.models.page(id=invocation_id, sort=raw["s"]["S"]) for raw in raws]
        await _few_at_a_time([self.dynamo.mark(page, actions, P.id.exists() & condition) for page in pages])

    async def _drop_notes(self, invocation_id: str, raws: Sequence[Raw], head: Head | None) -> None:
        """Delete notes that were found, unless the invocation of that id is another one by now.

        If it is not, they were written before any other one was created. A note of the same key that is written from
        here on has arrived at another time.
        """
        if not raws:
            return
        present = await self.head(invocation_id)
        if present is not None and (head is None or present.nonce != head.nonce):
            return

        async def drop(raw: Raw) -> None:
            note = self.models.note(id=invocation_id, sort=raw["s"]["S"])
            await self.dynamo.delete(note, NoteItem.arrival == int(raw["r"]["N"]), is_retention=True)

        await _few_at_a_time([drop(raw) for raw in raws])

    async def forget(self, invocation_id: str, *, nonce: str) -> bool:
        """Delete a completed invocation with its pages and notes, if it is still the one of that nonce."""
        present = await self.head(invocation_id)
        if present is None or present.nonce != nonce or present.status is not Status.COMPLETED:
            return False
        if not await self._cleared(invocation_id, nonce, has_pages=True):
            return False
        head = self.models.head(id=invocation_id)
        result = await self.dynamo.delete(head, _is_ended_one(nonce), is_retention=True)
        # A repetition finds what it has deleted itself.
        return not isinstance(result, Refused) or (result.is_repeat and result.item is None)

    async def succeed(self, head: Head, *, nonce: str) -> bool:
        """Put the head in the place of the completed one of that nonce; False when that is not there any more."""
        # The pages stay until they expire: they fence whoever is left over, as they always have, and count as gone.
        return await self._cleared(head.id, nonce, has_pages=False) and await self._replace(head, nonce=nonce)

    async def _cleared(self, invocation_id: str, nonce: str, *, has_pages: bool) -> bool:
        """Delete notes, and maybe pages, of the completed invocation of a nonce; False when that is there no more."""
        raws = await self.dynamo.query(self.models.head, "p = :id", {":id": invocation_id}, **KEYS_ONLY)
        sorts = [raw["s"]["S"] for raw in raws if raw["s"]["S"] != HEAD_SORT]
        keys = [(invocation_id, sort) for sort in sorts if has_pages or sort.startswith(NOTE_PREFIX)]
        head = self.models.head(id=invocation_id)
        guard = {"ConditionCheck": head.get_delete_kwargs_from_instance(_is_ended_one(nonce))}
        return await self.dynamo.delete_guarded(guard, self.models.head, keys)

    async def unfinished(self, *, after: str | None, limit: int) -> list[Head]:
        """Return a page of heads that need a look after a restart, completed ones with open effects included."""
        # Of a completed head nobody can tell whether its effects are done: all of them may need a look.
        return await _first(self._heads(after=after), limit)

    async def keep_stretch(self, place: str | None) -> str | None:
        """Keep what has grown old without ending, in a stretch of the journal table; the walk's work (`lifetimes.py`).

        What was created before there was an index of invocations comes into it on the way.

        A look that is a little out of date is as good: whoever ends meanwhile is left alone by `keep`, which looks for
        itself, and nobody who is old has become so within the last seconds.
        """
        old_ms = self._lives.lifetimes.old_since_ms(self._clock.now_ms())
        request: Request = {
            "FilterExpression": "s = :head AND (attribute_not_exists(#listed) OR (t <> :ended AND c <= :old))",
            "ExpressionAttributeValues": {
                ":head": {"S": HEAD_SORT},
                ":ended": {"S": STATUS_COMPLETED},
                ":old": {"N": str(old_ms)},
            },
            "ExpressionAttributeNames": {"#listed": listing_index.PARTITION},
            "ProjectionExpression": "p, g, #listed",
        }
        after = json.loads(place) if place is not None else None
        found, behind = await self.dynamo.scan_page(self.models.head, request, after=after)
        await _few_at_a_time([self._list(raw) for raw in found if listing_index.PARTITION not in raw])
        await _few_at_a_time([self.keep(raw["p"]["S"]) for raw in found])
        return json.dumps(behind) if behind is not None else None

    async def _list(self, raw: Raw) -> None:
        """Put an invocation into the index that was created before there was one."""
        target, _ = H.target.deserialize(raw["g"]["S"])
        partition = listing_index.partition_of(target.service, raw["p"]["S"])
        head = self.models.head(id=raw["p"]["S"])
        await self.dynamo.mark(head, [H.listed.set(partition)], H.id.exists() & H.listed.does_not_exist())

    async def expired(self, *, now_ms: int, limit: int) -> list[Head]:
        """Return completed heads whose retention is over.

        It reads the whole table: DynamoDB deletes such heads by itself, and stand-ins for it that do not are small.
        """
        # A time to live is rounded up to the second, twice.
        heads = self._heads(after=None, expired_by_s=now_ms // 1000 + 2)
        return await _first((head async for head in heads if is_over(head, now_ms)), limit)

    async def _heads(self, *, after: str | None, expired_by_s: int | None = None) -> AsyncIterator[Head]:
        request: Request = {
            "FilterExpression": "s = :head",
            "ExpressionAttributeValues": {":head": {"S": HEAD_SORT}},
        }
        if expired_by_s is not None:
            request["FilterExpression"] += " AND #x <= :by"
            request["ExpressionAttributeNames"] = {"#x": EXPIRES}
            request["ExpressionAttributeValues"][":by"] = {"N": str(expired_by_s)}
        start = {"p": {"S": after}, "s": {"S": HEAD_SORT}} if after is not None else None
        async for page in self.dynamo.scan(self.models.head, request, after=start):
            for raw in page:
                yield head_of(raw)


def _is_ended_one(nonce: str) -> Condition:
    condition: Condition = (H.nonce == nonce) & (H.status == Status.COMPLETED)
    return condition


async def _few_at_a_time(writes: Sequence[Coroutine[Any, Any, None]]) -> None:
    room = asyncio.Semaphore(_MARKS_AT_ONCE)

    async def one(write: Coroutine[Any, Any, None]) -> None:
        async with room:
            await write

    await asyncio.gather(*[one(write) for write in writes])


async def _first(heads: AsyncIterator[Head], limit: int) -> list[Head]:
    found: list[Head] = []
    async for head in heads:
        found.append(head)
        if len(found) == limit:
            break
    return found
