"""The steps of an attempt: which wait to be started, which are executing, and which have failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast._await import NotificationId
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import Error


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """A step threw, and its retries are not used up: the attempt ends if the step is awaited."""

    code: int
    message: str
    stacktrace: str
    retry_after_ms: int | None


class Steps:
    """The steps that the handler has asked for and that have no result in this attempt yet."""

    __slots__ = ("_failed", "_place_by_id", "_waiting", "executing")

    def __init__(self) -> None:
        self._place_by_id: dict[int, tuple[int, str]] = {}
        self._waiting: set[NotificationId] = set()
        self.executing: set[NotificationId] = set()
        self._failed: dict[NotificationId, StepFailure] = {}

    def add(self, completion_id: int, *, command_index: int, name: str) -> None:
        """Add a step; it waits until somebody awaits it."""
        self._place_by_id[completion_id] = (command_index, name)
        self._waiting.add(completion_id)

    def start(self, leaves: Iterable[NotificationId]) -> list[int]:
        """Count the awaited steps that wait to be started as executing; return them, the first one first."""
        starting = sorted(leaf for leaf in leaves if isinstance(leaf, int) and leaf in self._waiting)
        self._waiting.difference_update(starting)
        self.executing.update(starting)
        return starting

    def put_back(self, completion_id: int) -> None:
        """Let a step that was executing wait to be started again."""
        self.executing.discard(completion_id)
        self._waiting.add(completion_id)

    def finish(self, completion_id: int, failure: StepFailure | None) -> None:
        """Count a step as executed, or as failed."""
        self.executing.discard(completion_id)
        if failure is not None:
            self._failed[completion_id] = failure

    def are_executing(self, leaves: set[NotificationId]) -> bool:
        """Return whether one of these is executing."""
        return not leaves.isdisjoint(self.executing)

    def are_waiting(self, leaves: set[NotificationId]) -> bool:
        """Return whether one of these waits to be started."""
        return not leaves.isdisjoint(self._waiting)

    def failure_among(self, leaves: set[NotificationId]) -> Error | None:
        """Return the error that ends the attempt if one of these has failed."""
        failed = sorted(leaf for leaf in leaves if isinstance(leaf, int) and leaf in self._failed)
        if not failed:
            return None
        failure = self._failed[failed[0]]
        index, name = self._place_by_id[failed[0]]
        return Error(
            code=failure.code,
            message=failure.message,
            stacktrace=failure.stacktrace,
            related_command_index=index,
            related_command_name=name,
            related_command_type=MessageType.RUN,
            next_retry_delay=failure.retry_after_ms,
        )

    def title_of(self, leaf: NotificationId) -> str:
        """Return what an awaited notification is called in messages."""
        if isinstance(leaf, str):
            return f"signal {leaf!r}"
        if leaf in self._place_by_id:
            return f"run {self._place_by_id[leaf][1]!r}"
        return f"completion {leaf}" if leaf > 0 else f"signal {-leaf}"
