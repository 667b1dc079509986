"""What suspended invocations still lack, as far as this process knows: it spares most looks at their journals.

Whoever waits for a thousand things at once gets a thousand notes, and only the last one lets it go on. Reading the
whole journal for each of them would be work by the square of their number.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from holdfast_engine.journal import Journal
from holdfast_engine.records import Awaiting, Head
from holdfast_engine.trees import Group, groups


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lack:
    """What one invocation lacked under an epoch, the first of each group last, and what is known to have come since.

    With the nonce: an id comes back, and its epochs with it, when a request is repeated after its retention.
    """

    nonce: str
    epoch: int
    open_by_group: dict[Group, list[int]]
    arrived: set[int]


class Lacking:
    """Of each suspended invocation and each group it awaits, the completions that only a note can bring.

    Under one epoch that is settled by the journal as of the suspension, which nobody writes to before the next epoch.
    What has come since is told, or found by asking for its note; a note stays until the next epoch at least, so nothing
    is ever missing again. The longest unmet invocations are forgotten, which costs a look.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lack_by_id: OrderedDict[str, _Lack] = OrderedDict()

    def note(self, head: Head, awaiting: Awaiting, journal: Journal) -> None:
        """Remember what a suspended invocation lacks beyond its journal and the notes that are merged in it."""
        open_by_group = {group: _open(group, journal) for group in groups(awaiting)}
        if not open_by_group:
            return
        lack = _Lack(nonce=head.nonce, epoch=head.epoch, open_by_group=open_by_group, arrived=set())
        self._lack_by_id[head.id] = lack
        self._lack_by_id.move_to_end(head.id)
        if len(self._lack_by_id) > self._most:
            self._lack_by_id.popitem(last=False)

    def arrived(self, invocation_id: str, completion_id: int) -> None:
        """Remember that a note has come, for whichever epoch: to lack less than is lacked costs a look at most."""
        lack = self._lack_by_id.get(invocation_id)
        if lack is not None:
            lack.arrived.add(completion_id)

    def first_of(self, head: Head, group: Group) -> int | None:
        """Return the first completion of a group that is not known to have come; None when none or nothing is known."""
        lack = self._lack_by_id.get(head.id)
        if lack is None or (lack.nonce, lack.epoch) != (head.nonce, head.epoch):
            return None
        lacked = lack.open_by_group.get(group, [])
        while lacked and lacked[-1] in lack.arrived:
            lacked.pop()
        return lacked[-1] if lacked else None


def _open(group: Group, journal: Journal) -> list[int]:
    """Return those of a group that are not here, the first one last; no note comes for a sleep: its time does."""
    return [
        completion_id
        for completion_id in reversed(group)
        if ("c", completion_id) not in journal.resolved and completion_id not in journal.sleeps
    ]
