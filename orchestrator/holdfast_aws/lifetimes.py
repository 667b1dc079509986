"""How long items of the journal table live: written with a time to live while their invocation is young.

DynamoDB charges nothing for deleting what has expired, and a write for every mark that is set afterwards. So later
pages and notes are born with theirs, a spare time beyond what their invocation's retention asks for. An invocation that
ends in time pays for no mark at all. One that does not must never lose a page, and there are three who see to that:

* the **walk** (`walk.py`) visits every unfinished invocation several times within the spare time, and takes the time to
  live from all it has, by transactions that hold only as long as the invocation has not ended;
* whoever **loads** an unfinished invocation that is old enough does the same, and so does **recover**;
* should all of them have failed for the whole spare time, a load does not take what is left for all there was: it says
  that the journal is **damaged**, and the invocation is paused with that reason instead of beginning anew.

Why no page can slip through. Pages are born with a time to live only until `born_marked_ms` after the creation of their
invocation; marks are lifted, and looked for by the walk, only from `margin_ms` later on. In between lies more than a
handler function can run (15 minutes) and clocks can differ. So when a lift begins nobody makes marked pages any more,
and a query finds them all. Should a process have slept through the margin with a page in hand, the next walk finds it.

A lift and the end of an invocation meet in the lift's transaction: either the head has not ended, and its end comes
behind the lift and finds the pages unmarked, which it marks (`retire`); or it has ended, and nothing is lifted. That
somebody dies between the end and its marks is what messages come back for, here as everywhere.

All pages of a run that have a time to live have the same one, or a later one. When DynamoDB has deleted the head of a
run, its time is over, and that of another one's pages under the same id is later: that is how pages left over from an
earlier run are told, by writers within their conditions. When a run takes the place of a head that is still there,
because its outcome is over or it was purged, it goes on counting epochs, and pages of lower ones are left over: whoever
stands still in the middle of the earlier run may begin one at any time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from holdfast_aws.items import seconds_up
from holdfast_engine.records import Head

_HOUR_MS = 3_600_000
DAY_MS = 24 * _HOUR_MS
# How many invocations' lives a process remembers; each has been seen by it a moment before it is asked for.
_SEEN_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The life of one run: when it was created, when its pages expire unless somebody sees to it, its first epoch."""

    created_ms: int
    expires_s: int
    first_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """The settings.

    `spare_ms`: for how long after its creation an unfinished invocation loses nothing though nobody looks at it. The
    walk passes by two or three times meanwhile. The longer it is, the longer completed journals are stored, at a price.
    """

    spare_ms: int = 6 * DAY_MS
    born_marked_ms: int = DAY_MS
    margin_ms: int = _HOUR_MS

    def of(self, *, created_ms: int, retention_ms: int, first_epoch: int) -> Life:
        """Return the life of an invocation."""
        expires_s = seconds_up(created_ms + self.spare_ms) + seconds_up(retention_ms)
        return Life(created_ms=created_ms, expires_s=expires_s, first_epoch=first_epoch)

    def of_head(self, head: Head) -> Life:
        """Return the life of the invocation of a head."""
        return self.of(
            created_ms=head.created_ms, retention_ms=head.completion_retention_ms, first_epoch=head.first_epoch
        )

    def is_young(self, life: Life, now_ms: int) -> bool:
        """Return whether pages are born marked, and all that there are have been."""
        return now_ms < life.created_ms + self.born_marked_ms

    def is_to_be_kept(self, life: Life, now_ms: int) -> bool:
        """Return whether an invocation that has not ended is so old that its marks have to be lifted."""
        return life.created_ms <= self.old_since_ms(now_ms)

    def old_since_ms(self, now_ms: int) -> int:
        """Return the latest creation of an invocation that is old at a time."""
        return now_ms - self.born_marked_ms - self.margin_ms

    def note_expires_s(self, now_ms: int) -> int:
        """Return when a note expires that is written now; it need not outlive its invocation's end."""
        return seconds_up(now_ms + self.spare_ms)


USUAL_LIFETIMES = Lifetimes()


class Lives:
    """The lives of the invocations that this process has seen lately."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        self.lifetimes = lifetimes
        self._life_by_id: OrderedDict[str, Life] = OrderedDict()

    def see(self, head: Head) -> None:
        """Take note of an invocation; a new one under an old id replaces it."""
        self._life_by_id[head.id] = self.lifetimes.of_head(head)
        self._life_by_id.move_to_end(head.id)
        if len(self._life_by_id) > _SEEN_MAX:
            self._life_by_id.popitem(last=False)

    def get(self, invocation_id: str) -> Life | None:
        """Return a life, if it has been seen."""
        return self._life_by_id.get(invocation_id)
