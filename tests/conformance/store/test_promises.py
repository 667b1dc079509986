"""Promises of a workflow's key: completed once, heard by all who listen."""

from __future__ import annotations

import pytest

from holdfast_engine.ports import Store
from holdfast_engine.records import Failure, Outcome, Promise, Status
from tests.conformance.store.samples import NOW_MS, created, in_status, new_key, new_sink

FIRST = Outcome(value=b"first")
SECOND = Outcome(failure=Failure(code=500, message="second", metadata=(("k", "v"),)))


async def test_a_promise_nobody_has_heard_of_is_none(store: Store) -> None:
    """Looking at a promise makes nothing of it."""
    assert await store.promise(new_key(), "p") is None


@pytest.mark.parametrize("outcome", [FIRST, SECOND, Outcome(value=b"")], ids=["value", "failure", "empty"])
async def test_a_promise_is_completed(store: Store, outcome: Outcome) -> None:
    """The outcome comes back as it was, with who gave it."""
    key = new_key()
    promise, is_mine = await store.complete_promise(key, "p", outcome=outcome, by="me")
    assert is_mine
    assert promise == Promise(outcome=outcome, by="me", listeners=())
    assert await store.promise(key, "p") == promise


async def test_the_first_completion_wins(store: Store) -> None:
    """A later one learns what there is, and that it was not the one."""
    key = new_key()
    await store.complete_promise(key, "p", outcome=FIRST, by="me")
    promise, is_mine = await store.complete_promise(key, "p", outcome=SECOND, by="other")
    assert not is_mine
    assert (promise.outcome, promise.by) == (FIRST, "me")


async def test_the_same_completion_again_is_its_own(store: Store) -> None:
    """Whoever completes again what it has completed is told that it did."""
    key = new_key()
    await store.complete_promise(key, "p", outcome=FIRST, by="me")
    promise, is_mine = await store.complete_promise(key, "p", outcome=FIRST, by="me")
    assert is_mine
    assert promise.outcome == FIRST


async def test_listeners_are_named_to_who_completes(store: Store) -> None:
    """All who listened in time are in the answer, also to a repetition of it."""
    key, sinks = new_key(), (new_sink(1), new_sink(2))
    for sink in sinks:
        assert await store.listen_promise(key, "p", sink) is None
    waiting = await store.promise(key, "p")
    assert waiting == Promise(outcome=None, by=None, listeners=sinks)
    for _ in range(2):
        promise, _is_mine = await store.complete_promise(key, "p", outcome=FIRST, by="me")
        assert promise.listeners == sinks


async def test_who_listens_too_late_gets_the_outcome(store: Store) -> None:
    """A completed promise is answered instead of listened to."""
    key = new_key()
    await store.complete_promise(key, "p", outcome=FIRST, by="me")
    promise = await store.listen_promise(key, "p", new_sink())
    assert promise is not None
    assert promise.outcome == FIRST


async def test_promises_are_told_apart_by_key_and_name(store: Store) -> None:
    """One name of two keys, and two names of one key, are different promises."""
    one, other = new_key(), new_key()
    await store.complete_promise(one, "p", outcome=FIRST, by="me")
    assert await store.promise(other, "p") is None
    assert await store.promise(one, "q") is None


async def test_a_key_is_forgotten_with_its_promises_and_its_state(store: Store) -> None:
    """After that the key reads as if it had never been written to; another one is not touched."""
    key, other = new_key(), new_key()
    for each in (key, other):
        await store.complete_promise(each, "p", outcome=FIRST, by="me")
    run = await created(store, in_status(Status.COMPLETED))
    await store.retire_key(key, expires_ms=NOW_MS)
    for _ in range(2):
        await store.forget_key(key, run_id=run.id, nonce=run.nonce)
    assert await store.promise(key, "p") is None
    assert (await store.keyed(key, with_state=True)).state == {}
    assert await store.promise(other, "p") is not None
