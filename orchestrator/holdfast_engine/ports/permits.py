"""The part of the `Store` port that limits need: permits of scopes, the lines for them, and the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from holdfast_engine.limits import RuleBook
from holdfast_engine.permits import Permit, Permits, Waiting


class PermitStore(Protocol):
    """Atomic operations like the store's others: one conditional write of one item each."""

    async def permits(self, scope: str) -> Permits:
        """Return the permits that are out; a scope never used has none."""
        ...

    async def take_permit(self, scope: str, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
        """Give out a permit, or renew that of an earlier epoch; None when there is no room or a younger one is out."""
        ...

    async def return_permit(self, scope: str, *, invocation_id: str, epoch: int) -> Permits | None:
        """Take back the permit of an epoch or an earlier one; None when there is none."""
        ...

    async def put_waiting(self, scope: str, waiting: Waiting) -> None:
        """Put an invocation into the line; the same one twice is one."""
        ...

    async def line(self, scope: str, *, after: Waiting | None, limit: int) -> tuple[Waiting, ...]:
        """Return those who stand in the line behind one of them, or from the front, oldest first."""
        ...

    async def forget_waiting(self, scope: str, waiting: Waiting) -> None:
        """Take an invocation out of the line, if it stands there."""
        ...

    async def rules(self) -> RuleBook:
        """Return the rules."""
        ...

    async def save_rules(self, book: RuleBook, *, replaces: int) -> bool:
        """Put the rules in place of those of a version; False when they are not of that version any more."""
        ...
