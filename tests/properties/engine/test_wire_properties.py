"""Between records and messages: nothing is lost on the way out and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.records import Awaiting, Failure, Outcome
from holdfast_engine.wire import (
    awaiting_from_suspension,
    failure_from_wire,
    failure_to_wire,
    invocation_id_completion,
    keys_completion,
    outcome_completion,
    outcome_of,
    void_completion,
)
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, decode, encode
from tests.properties.engine import strategies as own

ids = st.integers(0, 2**32 - 1)


@given(own.failures())
def test_failures_make_a_round_trip(failure: Failure) -> None:
    """Code, message and metadata come back in order."""
    assert failure_from_wire(failure_to_wire(failure)) == failure


@given(own.outcomes())
def test_an_output_is_read_as_its_outcome(outcome: Outcome) -> None:
    """A value is a value also when it is empty, and a failure a failure."""
    if outcome.failure is not None:
        output = pb.OutputCommand(failure=failure_to_wire(outcome.failure))
    else:
        output = pb.OutputCommand(value=pb.Value(content=outcome.value or b""))
    assert outcome_of(encode(output)) == outcome


@given(own.outcomes(), ids)
def test_a_completion_carries_an_outcome(outcome: Outcome, completion_id: int) -> None:
    """Every completion has a result on the wire, for an SDK refuses one without."""
    message = decode(outcome_completion(MessageType.CALL_COMPLETION, completion_id, outcome))
    assert isinstance(message, pb.Notification)
    assert message.completion_id == completion_id
    assert message.WhichOneof("result") == ("failure" if outcome.failure is not None else "value")
    if outcome.failure is not None:
        assert failure_from_wire(message.failure) == outcome.failure
    else:
        assert message.value.content == outcome.value


@given(ids, st.text(max_size=40), st.lists(st.text(max_size=5), unique=True))
def test_other_completions_say_what_they_are(completion_id: int, text: str, names: list[str]) -> None:
    """Void, an id, and the sorted names of state."""
    void = decode(void_completion(MessageType.SLEEP_COMPLETION, completion_id))
    called = decode(invocation_id_completion(MessageType.CALL_INVOCATION_ID_COMPLETION, completion_id, text))
    listed = decode(keys_completion(MessageType.GET_LAZY_STATE_KEYS_COMPLETION, completion_id, names))
    assert isinstance(void, pb.Notification)
    assert isinstance(called, pb.Notification)
    assert isinstance(listed, pb.Notification)
    assert void.WhichOneof("result") == "void"
    assert called.invocation_id == text
    assert [key.decode() for key in listed.state_keys.keys] == sorted(names)
    assert {void.completion_id, called.completion_id, listed.completion_id} == {completion_id}


def to_wire(tree: Awaiting) -> pb.Future:
    return pb.Future(
        waiting_completions=tree.completions,
        waiting_signals=tree.signals,
        waiting_named_signals=tree.names,
        nested_futures=[to_wire(node) for node in tree.nested],
        combinator_type=tree.combinator,  # type: ignore[arg-type]
    )


@given(own.trees())
def test_an_await_tree_is_read_as_it_was_written(tree: Awaiting) -> None:
    """Leaves, nodes and combinators come over, also numbers that no version knows yet."""
    assert awaiting_from_suspension(pb.Suspension(awaiting_on=to_wire(tree))) == tree


@given(st.lists(own.completion_ids), st.lists(own.signal_ids), st.lists(own.signal_names))
def test_a_flat_suspension_is_any_of_its_leaves(completions: list[int], signals: list[int], names: list[str]) -> None:
    """The sets of versions 5 and 6 are read as "any of"; an empty one is refused."""
    flat = pb.Suspension(waiting_completions=completions, waiting_signals=signals, waiting_named_signals=names)
    if not (completions or signals or names):
        with pytest.raises(ValueError, match="wait for something"):
            awaiting_from_suspension(flat)
        return
    assert awaiting_from_suspension(flat) == Awaiting(
        combinator=pb.Future.FIRST_COMPLETED,
        completions=tuple(completions),
        signals=tuple(signals),
        names=tuple(names),
    )


@given(own.trees(), st.integers(0, 3))
def test_a_tree_with_an_empty_node_is_refused(tree: Awaiting, depth: int) -> None:
    """A node that waits for nothing, wherever it hangs, is a violation of the protocol."""
    wire = to_wire(tree)
    node = wire
    for _ in range(depth):
        if not node.nested_futures:
            break
        node = node.nested_futures[0]
    node.nested_futures.append(pb.Future())
    with pytest.raises(ValueError, match="wait for something"):
        awaiting_from_suspension(pb.Suspension(awaiting_on=wire))
