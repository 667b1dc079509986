"""The ending of an attempt: chosen once, and raised at whatever is asked of the attempt afterwards."""

from __future__ import annotations

from holdfast.errors import AttemptEnded
from holdfast_protocol.messages import Message, encode

# A handler that catches what ends its attempt may go on for a while, to clean up; by then it is a loop.
_REFUSALS_MAX = 100


class Ending:
    """How an attempt has ended, if it has: its last frame, and the exception that says so to the handler."""

    __slots__ = ("_refusals", "error", "terminator", "will_be_resumed")

    def __init__(self) -> None:
        self.error: AttemptEnded | None = None
        self.terminator = b""
        self.will_be_resumed = False
        self._refusals = 0

    def choose(self, terminator: Message, error: AttemptEnded, *, will_be_resumed: bool = False) -> AttemptEnded:
        """Choose the ending, unless there is one already; return what to raise."""
        if self.error is None:
            self.error = error
            self.terminator = encode(terminator)
            self.will_be_resumed = will_be_resumed
        return self.error

    def check(self) -> None:
        """Raise what ended the attempt, if something did."""
        if self.error is not None:
            self._refusals += 1
            raise self.error.with_traceback(None)

    @property
    def is_ignored(self) -> bool:
        """Whether the handler has been told so often that its attempt has ended that it will never listen."""
        return self._refusals > _REFUSALS_MAX

    def accepts_commands(self) -> bool:
        """Return whether commands count; raise what ended the attempt, unless the handler ignores that anyway.

        A handler that catches everything in a loop must come to an await, where the driver can give it up.
        """
        if self.error is not None and not self.is_ignored:
            self.check()
        return self.error is None
