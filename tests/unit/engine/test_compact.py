"""Records as short texts: what comes back is what went in."""

from __future__ import annotations

import pytest

from holdfast_engine import compact
from holdfast_engine.records import (
    Awaiting,
    Caller,
    Failure,
    KeyRef,
    Kind,
    LastFailure,
    Outcome,
    Sink,
    Target,
)

ODD = ["", "a", "a\x1fb", "\x1e", "\x1e2", "é\x1f\x1e0"]


@pytest.mark.parametrize("key", ODD)
@pytest.mark.parametrize("scope", [None, "s", "\x1f"])
def test_a_key_survives(key: str, scope: str | None) -> None:
    """A key comes back with its scope, whatever characters it has."""
    reference = KeyRef(service="S", key=key, scope=scope)
    assert compact.key_of(compact.key_text(reference)) == reference


@pytest.mark.parametrize("key", [None, *ODD])
@pytest.mark.parametrize("scope", [None, *ODD])
def test_a_target_survives(key: str | None, scope: str | None) -> None:
    """A target comes back with its kind; a missing key is not an empty one."""
    target = Target(service="S", key=key, handler="h", scope=scope)
    assert compact.target_of(compact.target_text(target, Kind.SHARED)) == (target, Kind.SHARED)


@pytest.mark.parametrize(
    "nonce", ["", "n", "00" * 12, "ff" * 12, "FF" * 12, "x" * 11, "x" * 12, "x" * 24, "eleven byte"]
)
def test_a_nonce_survives(nonce: str) -> None:
    """A nonce comes back, and the usual one takes twelve bytes."""
    assert compact.nonce_of(compact.nonce_bytes(nonce)) == nonce
    assert len(compact.nonce_bytes("0a" * 12)) == 12


@pytest.mark.parametrize(
    "awaiting",
    [
        Awaiting(combinator=0),
        Awaiting(combinator=1, completions=(3,)),
        Awaiting(combinator=2, names=("a", "b"), nested=(Awaiting(combinator=4, signals=(17,)),)),
    ],
)
def test_an_await_tree_survives(awaiting: Awaiting) -> None:
    """A tree comes back with its leaves and nodes."""
    assert compact.awaiting_of(compact.awaiting_text(awaiting)) == awaiting


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(value=b""),
        Outcome(value=b"\x01x"),
        Outcome(failure=Failure(code=409, message="nö", metadata=(("a", "b"),))),
    ],
)
def test_an_outcome_survives(outcome: Outcome) -> None:
    """An empty value is a value, and a failure comes back with its metadata."""
    assert compact.outcome_of(compact.outcome_bytes(outcome)) == outcome


@pytest.mark.parametrize("first_epoch", [1, 12])
def test_names_of_invocations_survive(first_epoch: int) -> None:
    """Callers, sinks and failures come back."""
    caller = Caller(invocation_id="inv_1.a", completion_id=7, first_epoch=first_epoch)
    sink = Sink(invocation_id="inv_1.a", completion_id=7, completion_type=0x800D, first_epoch=first_epoch)
    failure = LastFailure(code=500, message="m\n", command_index=3, command_name="n", command_type=0x411, at_ms=5)
    assert compact.caller_of(compact.caller_text(caller)) == caller
    assert compact.sink_of(compact.sink_text(sink)) == sink
    assert compact.last_failure_of(compact.last_failure_text(failure)) == failure


@pytest.mark.parametrize(
    "numbers",
    [(), (5,), (1, 2, 3), tuple(range(2, 2001, 2)), (1, 2, 3, 5, 7, 9, 11, 12), (9, 7, 5, 3, 1), (4, 4, 4, 4, 4)],
)
def test_awaited_completions_survive(numbers: tuple[int, ...]) -> None:
    """Completions come back in their order, and a thousand that follow each other take a few bytes."""
    awaiting = Awaiting(combinator=2, completions=numbers, signals=(1,))
    text = compact.awaiting_text(awaiting)
    assert compact.awaiting_of(text) == awaiting
    assert len(text) < 60
