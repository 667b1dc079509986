"""Replies: frames as they arrive, the terminator, and what is missing."""

from __future__ import annotations

import pytest

from holdfast_engine.endpoints.reply import NO_TERMINATOR, Reply, has_terminator
from holdfast_protocol.errors import DecodeError
from tests.support.attempts import END, OUTPUT


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_do_not_depend_on_how_they_were_cut(size: int) -> None:
    """However the body is chopped up, the same whole frames come out."""
    reply = Reply()
    body = OUTPUT + END
    for start in range(0, len(body), size):
        reply.feed(body[start : start + size])
    assert reply.frames == [OUTPUT, END]
    assert reply.is_ended
    assert reply.problem_at_end() is None


def test_what_follows_the_terminator_is_dropped() -> None:
    """Bytes after the terminator are neither frames nor an error."""
    reply = Reply()
    reply.feed(OUTPUT + END + OUTPUT + b"\xff" * 20)
    reply.feed(b"\xff" * 20)
    assert reply.frames == [OUTPUT, END]
    assert reply.problem_at_end() is None


def test_a_cut_frame_is_a_problem_and_the_whole_ones_stay() -> None:
    """A body that ends inside a frame keeps the frames before it and says where it was cut."""
    reply = Reply()
    reply.feed(OUTPUT + OUTPUT[:-1])
    assert reply.frames == [OUTPUT]
    assert "ends inside the frame" in (reply.problem_at_end() or "")


def test_a_missing_terminator_is_a_problem() -> None:
    """A body of whole frames none of which ends the attempt is incomplete."""
    reply = Reply()
    reply.feed(OUTPUT)
    assert reply.problem_at_end() == NO_TERMINATOR
    assert not has_terminator(reply.frames)
    assert has_terminator([OUTPUT, END])


def test_damage_behind_a_frame_is_damage_not_truncation() -> None:
    """A damaged frame raises even if it came in one piece with a good one that is kept."""
    reply = Reply()
    reply.feed(OUTPUT + b"\xff" * 20)
    assert reply.frames == [OUTPUT]
    with pytest.raises(DecodeError):
        reply.problem_at_end()
