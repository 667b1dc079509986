"""The arenas that are running: made when a case first asks for one, stopped when the next SDK's turn comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.blackbox.arena import NODE_SDKS, Arena
from tests.conformance.blackbox.launch import node_folder
from tests.support.restate_server import restate_binary


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a case is played."""

    orchestrator: str
    sdk: str
    has_scopes: bool


class Arenas:
    """All that is running; those of one SDK at a time, on every orchestrator."""

    def __init__(self, *, make_folder: Callable[[str], Path]) -> None:
        self._make_folder = make_folder
        self._arena_by_place: dict[Place, Arena] = {}

    def at(self, place: Place) -> Arena:
        """Return the arena of a place.

        Raises:
            NodeMissing: There is no Node, which it needs.
        """
        found = self._arena_by_place.get(place)
        if found is None:
            self._stop(lambda other: other.sdk != place.sdk)
            found = self._arena_by_place[place] = self._start(place)
        return found

    def stop(self) -> None:
        """Stop everything."""
        self._stop(lambda _: True)

    def _start(self, place: Place) -> Arena:
        if place.orchestrator == "restate":
            restate_binary()
        if place.sdk in NODE_SDKS:
            node_folder()
        folder = self._make_folder(f"{place.orchestrator}-{place.sdk}")
        arena = Arena(place.orchestrator, place.sdk, folder=folder, has_scopes=place.has_scopes)
        try:
            asyncio.run(arena.start())
        except BaseException:
            arena.stop()
            raise
        return arena

    def _stop(self, is_over: Callable[[Place], bool]) -> None:
        for place in [each for each in self._arena_by_place if is_over(each)]:
            self._arena_by_place.pop(place).stop()
