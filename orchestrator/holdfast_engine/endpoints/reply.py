"""What an endpoint has answered so far: whole frames, and whether it said how the attempt ended."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import FrameReader, frame_type
from holdfast_protocol.messages import MessageType

_TERMINATORS = frozenset({MessageType.SUSPENSION, MessageType.ERROR, MessageType.END})

NO_TERMINATOR = "the answer stops without End, Suspension or Error"


class Reply:
    """Frames as they arrive. What comes after the terminator says nothing any more and is dropped."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.is_ended = False
        self._reader = FrameReader()

    def feed(self, chunk: bytes) -> None:
        """Take a piece of the body.

        Raises:
            DecodeError: It is not part of a sequence of frames.
        """
        if self.is_ended:
            return
        for frame in self._reader.feed(chunk):
            self.frames.append(frame)
            if ends_attempt(frame):
                self.is_ended = True
                return

    def problem_at_end(self) -> str | None:
        """Return what is missing now that the body has ended; None when nothing is.

        Raises:
            DecodeError: What came last is not part of a sequence of frames.
        """
        if self.is_ended:
            return None
        # Raises when the stream is damaged, which is another thing than being cut off.
        self._reader.feed(b"")
        try:
            self._reader.close()
        except DecodeError as error:
            return str(error)
        return NO_TERMINATOR


def ends_attempt(frame: bytes) -> bool:
    """Return whether the frame is one of the three that end an attempt."""
    return frame_type(frame) in _TERMINATORS


def has_terminator(frames: Iterable[bytes]) -> bool:
    """Return whether one of the frames ends the attempt."""
    return any(map(ends_attempt, frames))
