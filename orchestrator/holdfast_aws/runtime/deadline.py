"""The end of a process's time: how much is left, and who does not begin what cannot end before it."""

from __future__ import annotations

from holdfast_engine.ports import Answer, AttemptFailure, Clock, GrantedCheckpoint, Invoker
from holdfast_engine.registry import Deployment
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.codes import HoldfastCode


class Deadline:
    """When Lambda ends this process's present event; a process handles one at a time."""

    def __init__(self, *, clock: Clock, margin_ms: int) -> None:
        self._clock = clock
        self._margin_ms = margin_ms
        self._at_ms = 0
        self._total_ms = 0

    def begin(self, *, remaining_ms: int) -> None:
        """Note that an event has come, and how long it may take."""
        self._at_ms = self._clock.now_ms() + remaining_ms
        self._total_ms = remaining_ms

    @property
    def at_ms(self) -> int:
        """When this process is finished or dead, in epoch milliseconds."""
        return self._at_ms

    @property
    def left_ms(self) -> int:
        """How long work may go on; what is needed to store its results is taken off."""
        return max(0, self._at_ms - self._margin_ms - self._clock.now_ms())

    @property
    def total_ms(self) -> int:
        """How long the present event might take when it came."""
        return self._total_ms


class PunctualInvoker:
    """Begins an attempt only when there is time for it, and hands it over otherwise.

    Nobody knows how long a handler takes. Half of the function's time is what every attempt can count on, and at most
    its own abort timeout.
    """

    def __init__(self, inner: Invoker, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        """Return what the invoker behind says."""
        return self._inner.takes_checkpoints(deployment)

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Pass the attempt on, bounded by the time there is."""
        left_ms = self._deadline.left_ms
        if left_ms < min(timeout_ms, self._deadline.total_ms // 2):
            return Answer(frames=(), failure=_HANDED_OVER)
        return await self._inner.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=min(timeout_ms, left_ms))


_HANDED_OVER = AttemptFailure(
    code=503,
    message="the time of the function that had it in hand is nearly over: another one goes on",
    rt_code=HoldfastCode.UNAVAILABLE,
    retry_after_ms=0,
    is_counted=False,
    is_handover=True,
)
