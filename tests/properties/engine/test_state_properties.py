"""State as a fold of its commands, against a dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.records import StateWrites
from holdfast_engine.state import NO_WRITES, applied, fold
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import decode
from tests.support import wire_frames as f

names = st.sampled_from(["a", "b", "é", ""])
state_commands = st.one_of(
    st.builds(f.set_state, names, st.binary(max_size=4)),
    st.builds(f.clear_state, names),
    st.builds(f.clear_all_state),
    # What is no state command is passed over.
    st.builds(f.run, st.integers(1, 5)),
    st.builds(f.run_result, st.integers(1, 5)),
    st.builds(f.get_state, names, st.integers(1, 5)),
)
frames = st.lists(state_commands, max_size=12)
states = st.dictionaries(names, st.binary(max_size=4))


def model(state: dict[str, bytes], commands: list[bytes]) -> dict[str, bytes]:
    """Return the state after doing as told, one command after the other."""
    after = dict(state)
    for frame in commands:
        command = decode(frame)
        if isinstance(command, pb.SetStateCommand):
            after[command.key.decode()] = command.value.content
        elif isinstance(command, pb.ClearStateCommand):
            after.pop(command.key.decode(), None)
        elif isinstance(command, pb.ClearAllStateCommand):
            after.clear()
    return after


@given(states, frames)
def test_the_fold_does_what_the_commands_say(state: dict[str, bytes], commands: list[bytes]) -> None:
    """Applying what the commands amount to is doing them one by one, and leaves the argument alone."""
    before = dict(state)
    assert applied(state, fold(commands)) == model(state, commands)
    assert state == before


@given(states, frames, frames)
def test_it_does_not_matter_where_the_fold_is_cut(
    state: dict[str, bytes], first: list[bytes], second: list[bytes]
) -> None:
    """State that was applied up to some entry, and then on from there, is the state of all entries (K3)."""
    assert applied(applied(state, fold(first)), fold(second)) == applied(state, fold(first + second))


@given(states, frames)
def test_applying_twice_is_applying_once(state: dict[str, bytes], commands: list[bytes]) -> None:
    """The writes say what is to be there, not what is to be done."""
    writes = fold(commands)
    once = applied(state, writes)
    assert applied(once, writes) == once


@given(states)
def test_nothing_to_write_is_told_apart(state: dict[str, bytes]) -> None:
    """Without state commands there is nothing to write; clearing everything is something."""
    assert fold([f.run(1)]) == NO_WRITES
    assert NO_WRITES.is_empty
    assert applied(state, NO_WRITES) == state
    assert not StateWrites(clear_all=True, values=()).is_empty
    assert fold([f.clear_all_state()]) == StateWrites(clear_all=True, values=())
