"""Cutting a byte stream into raw frames, and what happens to a damaged one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from holdfast_protocol.errors import DecodeError, FrameTooLargeError
from holdfast_protocol.frames import (
    FLAG_REQUESTED_ACK,
    FRAME_BODY_BYTES_MAX,
    Frame,
    FrameReader,
    encode_frame,
    frame_body,
    frame_flags,
    frame_type,
    parse_frame,
    split_frames,
)

RUN = bytes.fromhex("0411000000000006 580162027330")
END = bytes.fromhex("0003000000000000")
PROPOSE_WITH_ACK = bytes.fromhex("0005800000000005 0801720130")


def header(message_type: int, length: int) -> bytes:
    """Return the header of a frame whose body may never come."""
    return message_type.to_bytes(2, "big") + bytes(2) + length.to_bytes(4, "big")


def test_a_frame_is_type_flags_length_and_body_in_network_order() -> None:
    """The header is two bytes of type, two of flags and four of length, most significant first."""
    assert encode_frame(0x0411, bytes.fromhex("580162027330")) == RUN
    assert encode_frame(0x0005, bytes.fromhex("0801720130"), FLAG_REQUESTED_ACK) == PROPOSE_WITH_ACK
    assert encode_frame(0x0003, b"") == END


def test_one_frame_can_be_taken_apart() -> None:
    """Type, flags and body are available together and one by one."""
    assert parse_frame(PROPOSE_WITH_ACK) == Frame(5, 0x8000, bytes.fromhex("0801720130"))
    assert frame_type(PROPOSE_WITH_ACK) == 5
    assert frame_flags(PROPOSE_WITH_ACK) == 0x8000
    assert frame_body(PROPOSE_WITH_ACK) == bytes.fromhex("0801720130")


def test_a_stream_of_frames_is_cut_at_their_borders() -> None:
    """Splitting returns every frame as it came, in order; nothing gives nothing."""
    assert split_frames(RUN + END + PROPOSE_WITH_ACK) == [RUN, END, PROPOSE_WITH_ACK]
    assert split_frames(b"") == []


@pytest.mark.parametrize("cut", range(1, len(RUN)))
def test_a_truncated_stream_is_refused(cut: int) -> None:
    """A stream that ends anywhere inside a frame is an error that says at which byte the frame began."""
    with pytest.raises(DecodeError, match=r"inside the frame at byte 8"):
        split_frames(END + RUN[:cut])


@pytest.mark.parametrize("part", [parse_frame, frame_type, frame_flags, frame_body])
@pytest.mark.parametrize("raw", [b"", b"\x04", RUN[:7], RUN[:-1], RUN + b"\x00", RUN + END, header(1, 2**32 - 1)])
def test_what_is_not_exactly_one_frame_is_refused(part: Callable[[bytes], object], raw: bytes) -> None:
    """Every accessor refuses bytes that are less or more than one frame."""
    with pytest.raises(DecodeError):
        part(raw)


def test_the_limit_for_bodies_holds_in_both_directions() -> None:
    """A body at the limit passes, and one byte more is refused when writing and when reading."""
    body = bytes(FRAME_BODY_BYTES_MAX)
    raw = encode_frame(0x0403, body)
    assert split_frames(raw) == [raw]
    with pytest.raises(FrameTooLargeError, match="33554433 bytes"):
        encode_frame(0x0403, body + b"\x00")
    oversized = header(0x0403, FRAME_BODY_BYTES_MAX + 1) + body + b"\x00"
    with pytest.raises(DecodeError, match=r"0x0403 at byte 8 claims .* the limit is 33554432"):
        split_frames(END + oversized)
    with pytest.raises(DecodeError, match="the limit is 33554432"):
        parse_frame(oversized)


@pytest.mark.parametrize("length", [FRAME_BODY_BYTES_MAX, 2**32 - 1])
def test_a_claimed_length_allocates_nothing(length: int) -> None:
    """A header that claims up to 4 GiB costs no more memory than the bytes that came."""
    data = header(0x0401, length) + b"x" * 100
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            split_frames(data)
        reader = FrameReader()
        with pytest.raises(DecodeError):  # noqa: PT012 - an oversized frame raises at once, a long one at the end
            reader.feed(data)
            reader.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024


def test_a_reader_hands_out_frames_as_they_complete() -> None:
    """A stream fed byte by byte gives the same frames, each with its last byte."""
    stream = RUN + END + PROPOSE_WITH_ACK
    reader = FrameReader()
    out = [(index, frame) for index in range(len(stream)) for frame in reader.feed(stream[index : index + 1])]
    reader.close()
    assert out == [(13, RUN), (21, END), (34, PROPOSE_WITH_ACK)]


def test_a_reader_completes_a_frame_and_goes_on() -> None:
    """One piece may end a pending frame, carry whole ones, and begin another."""
    reader = FrameReader()
    assert reader.feed(RUN[:5]) == []
    assert reader.feed(RUN[5:] + END + RUN[:9]) == [RUN, END]
    assert reader.feed(RUN[9:]) == [RUN]
    reader.close()


def test_a_reader_refuses_an_unfinished_stream() -> None:
    """Closing inside a frame is an error that says where the frame began."""
    reader = FrameReader()
    reader.feed(RUN + PROPOSE_WITH_ACK[:9])
    with pytest.raises(DecodeError, match=r"frame at byte 14: 9 bytes"):
        reader.close()


def test_a_reader_keeps_the_frames_in_front_of_a_damaged_one() -> None:
    """What came whole before an oversized header is handed out, and the error comes with the next call."""
    reader = FrameReader()
    assert reader.feed(RUN + END + header(0x0401, 2**31)) == [RUN, END]
    with pytest.raises(DecodeError, match=r"at byte 22 claims"):
        reader.feed(b"x")


def test_a_reader_does_not_recover() -> None:
    """After an error, every further call raises the same one, because frame borders are lost."""
    reader = FrameReader()
    with pytest.raises(DecodeError) as first:
        reader.feed(header(0x0401, 2**31))
    with pytest.raises(DecodeError) as second:
        reader.feed(END)
    with pytest.raises(DecodeError) as third:
        reader.close()
    assert first.value is second.value is third.value


def test_a_reader_refuses_an_oversized_header_that_came_in_pieces() -> None:
    """The claimed length is judged as soon as its last byte is there."""
    reader = FrameReader()
    oversized = header(0x0401, 2**31)
    for index in range(7):
        assert reader.feed(oversized[index : index + 1]) == []
    with pytest.raises(DecodeError, match="claims"):
        reader.feed(oversized[7:])


def test_a_reader_keeps_only_what_is_pending() -> None:
    """Frames that were handed out are not held; memory follows the one unfinished frame."""
    reader = FrameReader()
    tracemalloc.start()
    try:
        reader.feed(RUN[:3])
        for _ in range(1000):
            reader.feed(RUN[3:] + END + RUN[:3])
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 16 * 1024
