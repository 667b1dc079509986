"""J1 and J2: journals grow at their end and nowhere else, and only for the newest epoch."""

from __future__ import annotations

from holdfast_engine.records import Head, Kept, Page
from tests.simulation.checkers.ledger import is_left_over, page_of
from tests.simulation.watch import Checker, Violation
from tests.simulation.world.disk import Changed, Disk


class GrowingJournals(Checker):
    """J1: a journal only grows, without gaps, and an entry never changes.

    Verifies, at every change of a head or a page, that the frames before are the beginning of the frames after, that a
    closed page stays as it is, and that a page begins where the one before it has ended. Does not verify that the
    frames mean anything (R2 does), nor what is left of a journal that somebody has let go of: whoever stood still
    meanwhile may begin a page of it that nobody will ever read, and so may whoever is left over from an invocation that
    has had the id before; such a page counts as absent.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def on_change(self, changed: Changed) -> None:
        if changed.table not in ("head", "page") or changed.after is None:
            return
        before, after = page_of(changed.before), page_of(changed.after)
        assert after is not None
        if is_let_go(self._disk, changed.partition):
            return
        if is_left_over(self._disk, changed.partition, after):
            return
        if before is not None and is_left_over(self._disk, changed.partition, before):
            before = None
        number = changed.sort or 0
        where = f"page {number} of {changed.partition}"
        if before is not None:
            self._check_growth(before, after, where)
        elif number:
            self._check_begin(changed.partition, number, after, where)

    def _check_growth(self, before: Page, after: Page, where: str) -> None:
        if after.frames[: before.count] != before.frames or after.taken[: len(before.taken)] != before.taken:
            raise Violation("J1", f"entries of {where} were changed")
        if before.closed and after.count > before.count:
            raise Violation("J1", f"{where} was closed and has grown")
        if after.base != before.base or (before.closed and not after.closed):
            raise Violation("J1", f"{where} was moved or opened again")

    def _check_begin(self, invocation_id: str, number: int, page: Page, where: str) -> None:
        previous = self._page_before(invocation_id, number)
        if previous is None or not previous.closed:
            raise Violation("J1", f"{where} begins while the page before it is open")
        end = previous.base + previous.count
        if page.base != end:
            raise Violation("J1", f"{where} begins at {page.base}, the one before it ends at {end}")

    def _page_before(self, invocation_id: str, number: int) -> Page | None:
        if number == 1:
            return page_of(self._disk.get("head", invocation_id))
        return page_of(self._disk.get("page", invocation_id, number - 1))


class NewestEpoch(Checker):
    """J2: only the newest epoch gets a frame in.

    Verifies that once an epoch has loaded, has claimed a slot, or owns a head whose first page is open, no entry comes
    in under an older one. Between an acquire and the fence that follows it an older epoch may still append: what it
    appends then is loaded and counts. An id that comes back with another invocation has newer epochs: what those of the
    one before still write is either refused, or in a page that nobody reads.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._fence_by_id: dict[str, int] = {}

    def on_load(self, invocation_id: str, epoch: int) -> None:
        self._fence(invocation_id, epoch)

    def on_change(self, changed: Changed) -> None:
        if changed.table not in ("head", "page") or changed.after is None:
            return
        before, after = page_of(changed.before), page_of(changed.after)
        assert after is not None
        if before is None or after.count > before.count:
            newest = self._fence_by_id.get(changed.partition, 0)
            is_read = not (
                is_let_go(self._disk, changed.partition) or is_left_over(self._disk, changed.partition, after)
            )
            if after.count and after.epoch < newest and is_read:
                raise Violation("J2", f"epoch {after.epoch} wrote to {changed.partition}, which epoch {newest} owns")
        is_claim = changed.table == "page" and (before is None or after.epoch > before.epoch)
        is_owned = isinstance(changed.after, Head) and not after.closed
        if is_claim or is_owned:
            self._fence(changed.partition, after.epoch)

    def _fence(self, invocation_id: str, epoch: int) -> None:
        self._fence_by_id[invocation_id] = max(epoch, self._fence_by_id.get(invocation_id, 0))


def is_let_go(disk: Disk, invocation_id: str) -> bool:
    """Return whether somebody has let go of a journal, so that nobody reads it any more."""
    head: Head | None = disk.get("head", invocation_id)
    return head is not None and head.kept is not Kept.JOURNAL
