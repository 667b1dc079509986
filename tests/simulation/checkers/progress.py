"""D1: nothing that has not ended is left to itself."""

from __future__ import annotations

from holdfast_engine.records import Head, Status
from tests.simulation.watch import Checker, Violation
from tests.simulation.workload.programs import POISON
from tests.simulation.world.disk import Disk


class EverythingEnds(Checker):
    """D1, in the end: every invocation has ended, or is parked where it should be.

    Verifies, once the queue is empty, no timer is armed and no process lives, that all invocations have completed and
    all keys are free; invocations of handlers that always throw may be paused. Workloads are such that everything can
    end: what one program waits for, another or a person brings about, with a limit where an operator may come between.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def at_rest(self) -> None:
        for rows in self._disk.items["head"].values():
            head: Head = rows[""]
            is_parked = head.status is Status.PAUSED and head.target.service == POISON
            if head.status is not Status.COMPLETED and not is_parked:
                raise Violation("D1", f"{head.id} is {head.status}, and nothing is under way")
        for key, rows in self._disk.items["lock"].items():
            lock = rows[""].lock
            if lock.serving != lock.next:
                raise Violation("D1", f"{key} is not free, and nothing is under way: {lock}")
