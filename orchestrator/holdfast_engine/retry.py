"""The invocation retry policy: when a failed attempt is tried again, and what happens when it no longer is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Up to this share is added to a delay, so that invocations that failed together do not come back together.
JITTER = 0.3


class OnMaxAttempts(StrEnum):
    """What happens to an invocation whose attempts are used up."""

    PAUSE = "pause"
    KILL = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff; the defaults are Restate's. `max_attempts` counts the first attempt; None is unlimited."""

    initial_interval_ms: int = 500
    factor: float = 2.0
    max_interval_ms: int = 60_000
    max_attempts: int | None = 70
    on_max_attempts: OnMaxAttempts = OnMaxAttempts.PAUSE

    def delay_ms(self, failed_attempts: int, *, jitter: float) -> int | None:
        """Return the pause after the n-th failed attempt, or None when no attempt is left.

        Args:
            failed_attempts: How many attempts have failed, this one included; at least 1.
            jitter: A number in [0, 1) from the caller's dice.
        """
        if self.max_attempts is not None and failed_attempts >= max(1, self.max_attempts):
            return None
        # Beyond 2**64 the power only overflows; the cap has won long before.
        exponent = min(failed_attempts - 1, 64)
        try:
            base = min(float(self.max_interval_ms), self.initial_interval_ms * self.factor**exponent)
        except OverflowError:
            base = float(self.max_interval_ms)
        return round(base * (1 + JITTER * jitter))
