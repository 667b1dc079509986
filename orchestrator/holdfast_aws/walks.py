"""Walks: now and then something looks at all there is, a stretch with each run of the sweeper, and notes where it was.

One walks through the journals and keeps what has not ended (see `lifetimes.py`), one through the bucket and deletes the
large values of what is gone (`blob_walk.py`).

What a stretch has done is noted behind it: a crash in between does the stretch again, and so do two sweepers that run
at the same time. A walk that has no note yet begins at the beginning. Nothing is asked of a walk but to pass by within
its time, so nobody waits for one, and whoever has gone on since a walk passed by is met by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast_aws.dynamo import Dynamo
from holdfast_aws.models import WalkItem, bound
from holdfast_engine.ports import Clock

_LOG = logging.getLogger("holdfast.aws")

# Goes on behind a place, None for the beginning; returns the place it came to, None for the end.
Stretch = Callable[[str | None], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a walk has come: when it began, where it is (None: through), and when the last whole one began."""

    began_ms: int
    place: str | None
    whole_ms: int


class Walk:
    """One kind of walk over one installation."""

    def __init__(
        self, dynamo: Dynamo, timers_table: str, *, name: str, clock: Clock, every_ms: int, stretch: Stretch
    ) -> None:
        self._dynamo = dynamo
        self._model = bound(WalkItem, timers_table)
        self._name = name
        self._clock = clock
        self._every_ms = every_ms
        self._stretch = stretch
        self.is_behind = False

    async def go_on(self, *, until_ms: int) -> bool:
        """Go on with the walk that is under way or due, until a time; return whether nothing is left to do now.

        Whether the last whole one is longer ago than two should take is said in the log, and by `is_behind`.

        Raises:
            Unavailable: Something did not answer; the next run goes on from the last note.
        """
        now, self.is_behind = self._clock.now_ms(), False
        mark = await self._mark()
        if mark is None:
            # An installation that has just been made has nothing yet that was missed.
            mark = Mark(began_ms=now, place="", whole_ms=now)
        elif mark.place is None:
            if now < mark.began_ms + self._every_ms:
                return True
            mark = Mark(began_ms=now, place="", whole_ms=mark.whole_ms)
        self.is_behind = now > mark.whole_ms + 2 * self._every_ms
        if self.is_behind:
            days = (now - mark.whole_ms) // 86_400_000
            _LOG.error("the walk through the %s falls behind: the last whole one began %d days ago", self._name, days)
        while self._clock.now_ms() < until_ms:
            place = await self._stretch(mark.place or None)
            whole_ms = mark.began_ms if place is None else mark.whole_ms
            mark = Mark(began_ms=mark.began_ms, place=place, whole_ms=whole_ms)
            await self._note(mark)
            if place is None:
                return True
        return False

    async def _mark(self) -> Mark | None:
        key = self._model(sort=self._name)
        raw = await self._dynamo.get(self._model, key.walk, key.sort)
        if raw is None:
            return None
        item = self._model.from_raw_data(dict(raw))
        return Mark(began_ms=item.began_ms, place=item.place, whole_ms=item.whole_ms)

    async def _note(self, mark: Mark) -> None:
        item = self._model(sort=self._name, began_ms=mark.began_ms, place=mark.place, whole_ms=mark.whole_ms)
        await self._dynamo.put(item, None)
