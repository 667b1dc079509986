"""Frames: the 8-byte header, and cutting a byte stream into raw frames and back.

A raw frame is the header and the body as they travelled. Journals store raw frames and never
encode them again, so that fields a newer peer added survive; hence most functions here take and
return plain `bytes`, and only `parse_frame` makes an object.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from holdfast_protocol.errors import DecodeError, FrameTooLargeError

# Message type, flags, body length.
_HEADER = Struct(">HHI")
HEADER_BYTES = _HEADER.size

# The official servers' and SDKs' limit for one message; a frame above it would be refused by every peer.
FRAME_BODY_BYTES_MAX = 32 * 1024 * 1024

# The sender wants a ProposeRunCompletionAck. Since V7.
FLAG_REQUESTED_ACK = 0x8000


class Frame(NamedTuple):
    """One frame, taken apart."""

    type: int
    flags: int
    body: bytes


def encode_frame(message_type: int, body: bytes, flags: int = 0) -> bytes:
    """Return the raw frame for a body.

    Raises:
        FrameTooLargeError: The body is longer than `FRAME_BODY_BYTES_MAX`.
    """
    length = len(body)
    if length > FRAME_BODY_BYTES_MAX:
        raise FrameTooLargeError(f"a frame body of {length} bytes exceeds the limit of {FRAME_BODY_BYTES_MAX} bytes")
    return _HEADER.pack(message_type, flags, length) + body


def split_frames(data: bytes) -> list[bytes]:
    """Return the raw frames that `data` consists of, byte for byte.

    Raises:
        DecodeError: The last frame is incomplete, or a header claims more than `FRAME_BODY_BYTES_MAX`.
    """
    frames, end = _cut(data)
    rest = len(data) - end
    if rest >= HEADER_BYTES:
        message_type, _, length = _HEADER.unpack_from(data, end)
        _refuse_oversized(message_type, length, end)
    if rest:
        raise _incomplete(rest, end)
    return frames


def parse_frame(raw: bytes) -> Frame:
    """Return the parts of one raw frame.

    Raises:
        DecodeError: `raw` is not exactly one frame.
    """
    message_type, flags = _checked_header(raw)
    return Frame(message_type, flags, raw[HEADER_BYTES:])


def frame_type(raw: bytes) -> int:
    """Return the message type of one raw frame."""
    return _checked_header(raw)[0]


def frame_flags(raw: bytes) -> int:
    """Return the flags of one raw frame."""
    return _checked_header(raw)[1]


def frame_body(raw: bytes) -> bytes:
    """Return the body of one raw frame."""
    _checked_header(raw)
    return raw[HEADER_BYTES:]


class FrameReader:
    """Cuts a stream that arrives in pieces into raw frames.

    It keeps only bytes that were received and not yet handed out, whatever length a header claims.
    After a `DecodeError` the stream is lost: every further call raises the same error.
    """

    __slots__ = ("_error", "_offset", "_pending")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._offset = 0
        self._error: DecodeError | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the raw frames that `data` completes, in order.

        Frames in front of a damaged one are returned; the error then comes with the next call.

        Raises:
            DecodeError: A header claims more than `FRAME_BODY_BYTES_MAX`.
        """
        if self._error is not None:
            raise self._error
        frames: list[bytes] = []
        try:
            self._take(data, frames)
        except DecodeError as error:
            self._error = error
            self._pending.clear()
            if not frames:
                raise
        return frames

    def close(self) -> None:
        """Declare the end of the stream.

        Raises:
            DecodeError: The stream ends inside a frame.
        """
        if self._error is not None:
            raise self._error
        if self._pending:
            self._error = _incomplete(len(self._pending), self._offset)
            self._pending.clear()
            raise self._error

    def _take(self, data: bytes, frames: list[bytes]) -> None:
        if self._pending:
            data = data[self._top_up(data) :]
            if self._missing():
                return
            frames.append(bytes(self._pending))
            self._offset += len(self._pending)
            self._pending.clear()
        cut, end = _cut(data)
        frames += cut
        self._offset += end
        self._pending += data[end:]
        # Refuses an oversized frame as soon as its header is there.
        self._missing()

    def _top_up(self, data: bytes) -> int:
        """Complete the pending frame as far as `data` goes; return how much of it was taken."""
        taken = 0
        while (missing := self._missing()) and taken < len(data):
            piece = data[taken : taken + missing]
            self._pending += piece
            taken += len(piece)
        return taken

    def _missing(self) -> int:
        """Return how many bytes the pending frame lacks: of its header first, and when that is there, of its body."""
        pending = self._pending
        if len(pending) < HEADER_BYTES:
            return HEADER_BYTES - len(pending)
        message_type, _, length = _HEADER.unpack_from(pending)
        _refuse_oversized(message_type, length, self._offset)
        return HEADER_BYTES + int(length) - len(pending)


def _cut(data: bytes) -> tuple[list[bytes], int]:
    """Return the complete frames at the front of `data`, and where the first incomplete or oversized one starts."""
    frames: list[bytes] = []
    append = frames.append
    unpack_from = _HEADER.unpack_from
    at = 0
    last = len(data) - HEADER_BYTES
    while at <= last:
        length = unpack_from(data, at)[2]
        if length > last - at or length > FRAME_BODY_BYTES_MAX:
            break
        end = at + HEADER_BYTES + length
        append(data[at:end])
        at = end
    return frames, at


def _checked_header(raw: bytes) -> tuple[int, int]:
    if len(raw) < HEADER_BYTES:
        raise _incomplete(len(raw), 0)
    message_type, flags, length = _HEADER.unpack_from(raw)
    if length != len(raw) - HEADER_BYTES:
        raise DecodeError(
            f"frame of type 0x{message_type:04X} claims a body of {length} bytes and has {len(raw) - HEADER_BYTES}"
        )
    if length > FRAME_BODY_BYTES_MAX:
        _refuse_oversized(message_type, length, 0)
    return message_type, flags


def _refuse_oversized(message_type: int, length: int, offset: int) -> None:
    if length > FRAME_BODY_BYTES_MAX:
        raise DecodeError(
            f"frame of type 0x{message_type:04X} at byte {offset} claims a body of {length} bytes;"
            f" the limit is {FRAME_BODY_BYTES_MAX} bytes"
        )


def _incomplete(remaining: int, offset: int) -> DecodeError:
    return DecodeError(f"input ends inside the frame at byte {offset}: {remaining} bytes of it arrived")
