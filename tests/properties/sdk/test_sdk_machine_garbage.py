"""Garbage: whatever bytes a journal is made of, an attempt ends with one terminator."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import holdfast
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType
from tests.support.journals import Journal
from tests.support.programs import Statement, handler_of

_PROGRAM: list[Statement] = [
    ["run", "a", 1],
    ["call", "b", "S", "h", "p"],
    ["signal", "c", "q"],
    ["get", "d", "k"],
    ["catch", [["select", "a", "b", "c"]], []],
    ["catch", [["gather", "a", "b", "c", "d"]], []],
    ["catch", [["await", "b"]], []],
]
_TYPES = [int(message_type) for message_type in MessageType] + [0x0777, 0x8123, 0xFC00]
_frames = st.builds(encode_frame, st.sampled_from(_TYPES), st.binary(max_size=24))


@settings(max_examples=300, deadline=None)
@given(entries=st.lists(_frames, max_size=8), version=st.sampled_from([5, 6, 7]))
async def test_an_attempt_on_garbage_ends_with_one_terminator(entries: list[bytes], version: int) -> None:
    """Nothing but an orderly answer comes out; `Journal.attempt` checks that it has exactly one terminator."""
    journal = Journal(handler_of(_PROGRAM, holdfast), kind="object", key="k", version=version)
    journal.entries += entries
    attempted = await journal.attempt()
    if isinstance(attempted.terminator, pb.Error):
        assert attempted.terminator.code in (500, 570, 571)
