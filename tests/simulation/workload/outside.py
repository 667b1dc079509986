"""The outside: what steps do to the world and what people do with awakeables; it survives every crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.simulation.history import History
from tests.simulation.watch import Watch


class Outside:
    """Counts executions, so that a value tells which of them was recorded, and hears of awakeables."""

    def __init__(self, watch: Watch, history: History) -> None:
        self._watch = watch
        self._history = history
        self.executions: Counter[tuple[str, str]] = Counter()
        self.reached: Counter[tuple[str, str]] = Counter()
        self.last_seen: dict[str, list[Any]] = {}
        self.ask: Callable[[str, Any], None] = lambda awakeable_id, value: None

    def execute(self, invocation_id: str, name: str) -> int:
        """Count one execution of a step's closure; return which one it is."""
        self._history.add(f"executes {name} of {invocation_id}")
        self._watch.closure(name)
        self.executions[invocation_id, name] += 1
        return self.executions[invocation_id, name]

    def reach(self, invocation_id: str, place: str) -> int:
        """Count how often a statement was reached."""
        self.reached[invocation_id, place] += 1
        return self.reached[invocation_id, place]
