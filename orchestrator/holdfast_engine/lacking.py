"""What suspended invocations still lack, as far as this process knows: it spares most looks at their journals.

Whoever waits for a thousand things at once gets a thousand notes, and only the last one lets it go on. Reading the
whole journal for each of them would be work by the square of their number.
"""

from __future__ import annotations

from collections import OrderedDict

from holdfast_engine.journal import Journal
from holdfast_engine.records import Awaiting, Head
from holdfast_engine.trees import Group, groups


class Lacking:
    """Of each suspended invocation and each group it awaits, the completions that only a note can bring.

    Under one epoch that is settled by the journal as of the suspension, which nobody writes to before the next epoch.
    What has come since is found by asking for its note, and dropped; a note stays until the next epoch at least. The
    longest unmet invocations are forgotten, which costs a look.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # With the nonce: an id comes back, and its epochs with it, when a request is repeated after its retention.
        self._open: OrderedDict[tuple[str, str], tuple[int, dict[Group, list[int]]]] = OrderedDict()

    def note(self, head: Head, awaiting: Awaiting, journal: Journal) -> None:
        """Remember what a suspended invocation lacks beyond its journal and the notes that are merged in it."""
        open_by_group = {group: _open(group, journal) for group in groups(awaiting)}
        if not open_by_group:
            return
        key = (head.id, head.nonce)
        self._open[key] = (head.epoch, open_by_group)
        self._open.move_to_end(key)
        if len(self._open) > self._most:
            self._open.popitem(last=False)

    def of(self, head: Head, group: Group) -> list[int]:
        """Return what a group lacked when last looked at, to be shortened from its end; empty when that is unknown."""
        epoch, open_by_group = self._open.get((head.id, head.nonce), (-1, {}))
        return open_by_group.get(group, []) if epoch == head.epoch else []


def _open(group: Group, journal: Journal) -> list[int]:
    """Return those of a group that are not here, the first one last; no note comes for a sleep: its time does."""
    return [
        completion_id
        for completion_id in reversed(group)
        if ("c", completion_id) not in journal.resolved and completion_id not in journal.sleeps
    ]
