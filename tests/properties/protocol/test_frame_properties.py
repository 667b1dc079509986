"""Frames: cutting and joining are inverse for all streams, and garbage ends in the one error."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import (
    FrameReader,
    encode_frame,
    frame_body,
    frame_flags,
    frame_type,
    parse_frame,
    split_frames,
)
from tests.properties.protocol.strategies import raw_frames

u16 = st.integers(0, 0xFFFF)


@given(u16, u16, st.binary(max_size=200))
def test_a_frame_keeps_its_parts(message_type: int, flags: int, body: bytes) -> None:
    """What goes into a frame comes out of it, together and one by one."""
    raw = encode_frame(message_type, body, flags)
    assert parse_frame(raw) == (message_type, flags, body)
    assert (frame_type(raw), frame_flags(raw), frame_body(raw)) == (message_type, flags, body)


@given(st.lists(raw_frames(), max_size=10))
def test_splitting_undoes_joining(frames: list[bytes]) -> None:
    """Any sequence of frames survives being one stream, byte for byte."""
    assert split_frames(b"".join(frames)) == frames


@given(st.lists(raw_frames(), max_size=8), st.data())
def test_the_pieces_a_stream_arrives_in_do_not_matter(frames: list[bytes], data: st.DataObject) -> None:
    """However a stream is cut on its way, the reader gives the same frames, and none is late."""
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = FrameReader()
    out: list[bytes] = []
    for start, end in pairwise([0, *cuts, len(stream)]):
        out += reader.feed(stream[start:end])
        received = sum(len(frame) for frame in out)
        assert end - received < len(frames[len(out)]) if len(out) < len(frames) else end == received
    reader.close()
    assert out == frames


@given(st.lists(raw_frames(), min_size=1, max_size=5), st.data())
def test_a_cut_stream_gives_its_whole_frames_and_an_error(frames: list[bytes], data: st.DataObject) -> None:
    """Of a stream that ends too early, the reader gives the complete frames and refuses to close."""
    stream = b"".join(frames)
    end = data.draw(st.integers(0, len(stream) - 1))
    whole = [frame for index, frame in enumerate(frames) if sum(map(len, frames[: index + 1])) <= end]
    reader = FrameReader()
    assert reader.feed(stream[:end]) == whole
    if sum(map(len, whole)) == end:
        reader.close()
        assert split_frames(stream[:end]) == whole
    else:
        with pytest.raises(DecodeError):
            reader.close()
        with pytest.raises(DecodeError):
            split_frames(stream[:end])


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_gives_frames_or_the_one_error(garbage: bytes, step: int) -> None:
    """Arbitrary bytes never raise anything else, and splitting and reading agree on them."""
    try:
        expected = split_frames(garbage)
    except DecodeError:
        expected = None
    reader = FrameReader()
    out: list[bytes] = []
    try:
        for start in range(0, len(garbage), step):
            out += reader.feed(garbage[start : start + step])
        reader.close()
    except DecodeError:
        assert expected is None
    else:
        assert out == expected
    assert garbage.startswith(b"".join(out))


@given(st.binary(max_size=60))
def test_accessors_raise_nothing_but_the_one_error(raw: bytes) -> None:
    """Taking arbitrary bytes apart gives a frame that is those bytes, or the error."""
    try:
        frame = parse_frame(raw)
    except DecodeError:
        for part in (frame_type, frame_flags, frame_body):
            with pytest.raises(DecodeError):
                part(raw)
    else:
        assert encode_frame(frame.type, frame.body, frame.flags) == raw


@given(u16, u16, st.integers(0, 2**32 - 1), st.binary(max_size=100))
def test_no_claimed_length_allocates(message_type: int, flags: int, length: int, rest: bytes) -> None:
    """Whatever a header claims, memory follows what was received."""
    data = b"".join([message_type.to_bytes(2, "big"), flags.to_bytes(2, "big"), length.to_bytes(4, "big"), rest])
    tracemalloc.start()
    try:
        try:
            split_frames(data)
        except DecodeError:
            pass
        reader = FrameReader()
        try:
            reader.feed(data)
            reader.close()
        except DecodeError:
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Most of it is what the tracing of error objects itself needs.
    assert peak < 100_000
