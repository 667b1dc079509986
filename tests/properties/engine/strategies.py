"""Hypothesis strategies for journals, await trees and heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from holdfast_engine.records import Awaiting, Failure, Head, Kind, Outcome, Page, Status, Target
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import encode_invocation_id
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f

NOW_MS = 1_800_000_000_000
ID = encode_invocation_id(bytes(range(24)))

# Few ids, so that completions, signals and sleeps meet the commands they belong to; one that takes two bytes.
completion_ids = st.sampled_from([1, 2, 3, 4, 5, 300])
signal_ids = st.sampled_from([1, 17, 18, 200])
signal_names = st.sampled_from(["go", "é", ""])
times_ms = st.integers(NOW_MS - 3, NOW_MS + 3)
contents = st.binary(max_size=6)

COMPLETION_TYPES = (MessageType.RUN_COMPLETION, MessageType.CALL_COMPLETION, MessageType.SLEEP_COMPLETION)


def _results() -> st.SearchStrategy[dict[str, Any]]:
    failures = st.builds(pb.Failure, code=st.integers(400, 599), message=st.text(max_size=5))
    return st.one_of(
        st.builds(lambda content: {"value": f.value(content)}, contents),
        st.builds(lambda failure: {"failure": failure}, failures),
        st.just({"void": pb.Void()}),
    )


def completions() -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda kind, completion_id, result: f.completion(kind, completion_id, **result),
        st.sampled_from(COMPLETION_TYPES),
        completion_ids,
        _results(),
    )


def signals() -> st.SearchStrategy[bytes]:
    return st.one_of(st.builds(f.signal, signal_ids, contents), st.builds(f.named_signal, signal_names, contents))


def commands() -> st.SearchStrategy[bytes]:
    """Commands of which the index keeps something, and some of which it keeps nothing."""
    pairs = st.tuples(completion_ids, completion_ids)
    return st.one_of(
        st.builds(f.run, completion_ids, st.text(max_size=5)),
        st.builds(f.sleep, completion_ids, times_ms),
        st.builds(lambda ids: f.call("S", "child", ids), pairs),
        st.builds(lambda completion_id: f.send("S", "child", completion_id), completion_ids),
        st.builds(f.get_state, st.text(max_size=3), completion_ids),
        st.builds(f.set_state, st.text(max_size=3), contents),
        st.builds(f.output, contents),
    )


def entries() -> st.SearchStrategy[list[bytes]]:
    """The entries behind an Input."""
    return st.lists(st.one_of(commands(), completions(), signals()), max_size=25)


def trees(depth: int = 3, *, with_completions: bool = True, with_signals: bool = True) -> st.SearchStrategy[Awaiting]:
    """Await trees that wait for something in every node."""
    nothing: st.SearchStrategy[tuple[Any, ...]] = st.just(())
    waits = {
        "completions": st.lists(completion_ids, max_size=2).map(tuple) if with_completions else nothing,
        "signals": st.lists(signal_ids, max_size=1).map(tuple) if with_signals else nothing,
        "names": st.lists(signal_names, max_size=1).map(tuple) if with_signals else nothing,
    }
    below = trees(depth - 1, with_completions=with_completions, with_signals=with_signals) if depth else None
    nested = st.lists(below, max_size=2).map(tuple) if below is not None else nothing
    node = st.builds(Awaiting, combinator=st.integers(0, 6), nested=nested, **waits)

    def waiting(tree: Awaiting) -> Awaiting:
        if tree.completions or tree.signals or tree.names or tree.nested:
            return tree
        return replace(tree, completions=(1,)) if with_completions else replace(tree, signals=(1,))

    return node.map(waiting)


def head(**changes: Any) -> Head:
    """Return a running invocation with an Input."""
    plain = Head(
        id=ID,
        target=Target(service="S", key=None, handler="work"),
        kind=Kind.STATELESS,
        status=Status.RUNNING,
        epoch=1,
        created_ms=NOW_MS,
        modified_ms=NOW_MS,
        page=Page(epoch=1, base=0, frames=(f.input_(),)),
        nonce="00" * 12,
        lease_until_ms=NOW_MS + 30_000,
    )
    return replace(plain, **changes)


def failures() -> st.SearchStrategy[Failure]:
    pairs = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=3).map(tuple)
    return st.builds(Failure, code=st.integers(0, 2**32 - 1), message=st.text(max_size=20), metadata=pairs)


def outcomes() -> st.SearchStrategy[Outcome]:
    values = st.builds(lambda content: Outcome(value=content), st.binary(max_size=30))
    return st.one_of(values, st.builds(lambda failure: Outcome(failure=failure), failures()))
