"""What is new of an invocation between one look at it and the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from holdfast_cli.invocations.text import entry_text, failure_text, outcome_text


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that happened: when, what, in words, and as the server says it."""

    at: str
    what: str
    text: str
    content: object

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {"at": self.at, "what": self.what, self.what: self.content}


class Follower:
    """Remembers what was told of one invocation."""

    def __init__(self) -> None:
        self._entries = 0
        self._told: dict[str, object] = {}

    def news(self, shown: dict[str, Any]) -> Iterator[News]:
        """Yield what a look at the invocation has that the looks before had not, in the order of its happening."""
        yield from self._new_entries(shown)
        failure = shown.get("last_failure")
        if failure is not None and self._is_new("failure", failure["at"]):
            yield News(at=failure["at"], what="failure", text=failure_text(failure), content=failure)
        # The same wait is said in other words as time goes by, so what counts is where it stands.
        if self._is_new("status", (shown["status"], shown["attempts"])):
            text = f"{shown['status']}: {shown['why']}" if "why" in shown else shown["status"]
            yield News(at=shown["modified_at"], what="status", text=text, content=shown["status"])
        outcome = shown.get("outcome")
        if outcome is not None and self._is_new("outcome", True):
            at = shown.get("completed_at", shown["modified_at"])
            yield News(at=at, what="outcome", text=outcome_text(outcome), content=outcome)

    def _new_entries(self, shown: dict[str, Any]) -> Iterator[News]:
        # A journal only grows, until it is purged.
        for entry in shown["journal"][self._entries :]:
            at = entry.get("appended_at", shown["modified_at"])
            yield News(at=at, what="entry", text=entry_text(entry), content=entry)
        self._entries = max(self._entries, len(shown["journal"]))

    def _is_new(self, what: str, value: object) -> bool:
        is_new = self._told.get(what) != value
        self._told[what] = value
        return is_new
