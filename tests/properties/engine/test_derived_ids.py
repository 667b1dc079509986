"""Ids: the same for the same thing, different for different things, and their service's own."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.ids import (
    child_id,
    idempotent_id,
    random_invocation_id,
    random_seed,
    service_prefix,
    workflow_run_id,
)
from holdfast_engine.records import Target
from holdfast_protocol.ids import decode_invocation_id
from tests.support.engine_world import CountingDice

# Short and from few letters, so that parts of one address look like those of another.
words = st.text("ab,:-", max_size=3)
maybe = st.one_of(st.none(), words)
targets = st.builds(Target, service=words, key=maybe, handler=words, scope=maybe)


class Standing:
    def now_ms(self) -> int:
        return 1_800_000_000_000


@given(st.lists(st.tuples(targets, words), min_size=2, max_size=6, unique=True))
def test_idempotent_requests_are_told_apart(requests: list[tuple[Target, str]]) -> None:
    """Two requests have one id only if every part of their address and their idempotency key are the same."""
    ids = {request: idempotent_id(*request) for request in requests}
    assert len(set(ids.values())) == len(requests)
    assert ids == {request: idempotent_id(*request) for request in requests}


@given(st.lists(targets, min_size=2, max_size=6))
def test_workflow_runs_are_told_apart(runs: list[Target]) -> None:
    """A run's id is that of its workflow, key and scope, whatever handler is named."""
    for one, other in itertools.combinations(runs, 2):
        is_same = (one.service, one.key, one.scope) == (other.service, other.key, other.scope)
        assert (workflow_run_id(one) == workflow_run_id(other)) == is_same


commands = st.tuples(words, words, words, st.integers(1, 400))


@given(commands, commands)
def test_children_are_told_apart(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    """A child's id is that of its parent and its command: made twice it is the same, of another it is another."""
    # The nonce tells parents that have had the same id, one after the other.
    ids = [
        child_id(service, parent_id=parent_id, nonce=nonce, completion_id=number)
        for service, parent_id, nonce, number in (one, one, other)
    ]
    assert ids[0] == ids[1]
    assert (ids[1] == ids[2]) == (one == other)


@given(targets, words)
def test_kinds_of_ids_do_not_meet(target: Target, text: str) -> None:
    """A request, a run and a child never have one id, though they may be spelled alike."""
    ids = {
        idempotent_id(target, text),
        workflow_run_id(target),
        child_id(target.service, parent_id=text, nonce=text, completion_id=1),
    }
    assert len(ids) == 3


@given(targets, words)
def test_ids_begin_with_their_service(target: Target, text: str) -> None:
    """The first bytes of every id are its service's, so that a role can be confined to them."""
    prefix = service_prefix(target.service)
    ids = (
        idempotent_id(target, text),
        workflow_run_id(target),
        child_id(target.service, parent_id=text, nonce=text, completion_id=1),
        random_invocation_id(target.service, Standing(), CountingDice()),
    )
    for each in ids:
        assert decode_invocation_id(each)[:8] == prefix


@given(st.binary(min_size=24, max_size=24), st.binary(min_size=24, max_size=24))
def test_seeds_are_stable_and_64_bits(one: bytes, other: bytes) -> None:
    """An invocation's seed follows from its id."""
    assert random_seed(one) == random_seed(one)
    assert 0 <= random_seed(one) < 2**64
    assert (random_seed(one) == random_seed(other)) == (one == other)


def test_fresh_ids_are_fresh() -> None:
    """Of random ids no two are the same, not in the same millisecond either."""
    dice = CountingDice()
    ids = {random_invocation_id("S", Standing(), dice) for _ in range(1000)}
    assert len(ids) == 1000
