"""The history of one simulation: what happened when, to which process, as lines that people read and a digest."""

from __future__ import annotations

from hashlib import sha256

from tests.simulation.world.loop import CURRENT, SimLoop


class History:
    """Events in order. Kept as short tuples: most histories are never read."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._events: list[tuple[float, str, str]] = []
        self._names: dict[str, str] = {}

    def add(self, what: str) -> None:
        """Note an event of the process that is running."""
        process = CURRENT.get()
        self._events.append((self._loop.now_s, process.name if process is not None else "world", what))

    def name(self, invocation_id: str, name: str) -> None:
        """Give an invocation a short name; the first one stays."""
        self._names.setdefault(invocation_id, name)

    def named(self, invocation_id: str) -> str:
        """Return the short name of an invocation, or its id."""
        return self._names.get(invocation_id, invocation_id)

    def lines(self) -> list[str]:
        """Return the history as people read it."""
        return [f"{at:10.3f}  {who:<14} {self._readable(what)}" for at, who, what in self._events]

    def digest(self) -> str:
        """Return a hash of everything that happened."""
        digest = sha256()
        for at, who, what in self._events:
            digest.update(f"{at!r}|{who}|{what}\n".encode())
        return digest.hexdigest()

    def _readable(self, what: str) -> str:
        for invocation_id, name in self._names.items():
            if invocation_id in what:
                what = what.replace(invocation_id, name)
        return what
