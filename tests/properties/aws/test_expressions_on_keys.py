"""What the expressions say of locks, state and promises is what the pure functions say, for any lock."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from holdfast_aws.keys import partition_of
from holdfast_aws.store import DynamoStore
from holdfast_engine import key_operations
from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.records import KeyRef, Lock, Promise, StateWrites
from holdfast_engine.state import applied
from holdfast_engine.weights import lock_bytes
from tests.properties.aws.conftest import Run
from tests.support.records import outcomes, sinks, texts

expressions = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

IDS = ["inv_a", "inv_b"]
holders = st.sampled_from([None, *IDS])
names = st.one_of(texts, st.sampled_from(["", "n", "s", "B", "S", "M", "a.b", "v[0]", "#0", ":0", "\x1e1"]))
# Values that live in the lock, in an item of their own, and in the blob store.
values = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([900, 901, 5_000, 360_000]).map(lambda size: b"x" * size),
)
states = st.dictionaries(names, values, max_size=5)


# Hypothesis repeats itself; no two examples may share a key.
_numbers = itertools.count()


@st.composite
def keys(draw: st.DrawFn) -> KeyRef:
    """Return a key that no other example has, now and then one too long for a partition key."""
    key = draw(texts) + "k" * draw(st.sampled_from([1, 1, 1, 1_500]))
    return KeyRef(service=draw(texts), key=f"{key}{next(_numbers)}", scope=draw(st.none() | st.just("t")))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    """Return a lock, now and then one that was never used."""
    if draw(st.integers(0, 5)) == 0:
        return NEVER_USED
    serving = draw(st.integers(0, 12))
    return Lock(
        next=serving + draw(st.integers(0, 3)),
        serving=serving,
        holder=draw(holders),
        applied=draw(st.sampled_from([-1, 0, 7])),
    )


@st.composite
def writes(draw: st.DrawFn) -> StateWrites:
    """Return a fold of state commands."""
    changed = draw(st.dictionaries(names, st.none() | values, max_size=4))
    return StateWrites(clear_all=draw(st.booleans()), values=tuple(changed.items()))


async def put_lock(store: DynamoStore, key: KeyRef, lock: Lock, state: dict[str, bytes]) -> None:
    """Bring about a lock as if it had come to it by operations."""
    if lock == NEVER_USED:
        return
    await store.enter_free(key, "inv_z")
    write = StateWrites(clear_all=False, values=tuple(state.items()))
    assert await store.apply(key, ticket=0, invocation_id="inv_z", index=0, writes=write)
    item = store.models.lock
    actions = [
        item.next.set(lock.next),
        item.serving.set(lock.serving),
        item.holder.remove() if lock.holder is None else item.holder.set(lock.holder),
        item.applied.remove() if lock.applied == -1 else item.applied.set(lock.applied),
    ]
    await store.dynamo.update(item(key=partition_of(key)), actions, item.key.exists())


@expressions
@given(keys(), locks(), states, st.data())
def test_operations_on_locks(
    run: Run, store: DynamoStore, key: KeyRef, lock: Lock, state: dict[str, bytes], data: st.DataObject
) -> None:
    """Each operation answers and leaves behind what its pure function says, and the state with it."""
    if lock == NEVER_USED:
        state = {}
    name = data.draw(st.sampled_from(["enter_free", "take_ticket", "claim", "skip", "apply", "leave"]))
    ticket = max(0, lock.serving + data.draw(st.sampled_from([0, 0, 0, -1, 1])))
    owner = data.draw(st.sampled_from(IDS))
    change = data.draw(writes()) if name in ("apply", "leave") else StateWrites(clear_all=False, values=())
    index, next_holder = data.draw(st.integers(0, 8)), data.draw(holders)
    operations: dict[str, Any] = {
        "enter_free": (lambda: store.enter_free(key, owner), lambda: key_operations.enter_free(lock, owner)),
        "take_ticket": (lambda: store.take_ticket(key), lambda: key_operations.take_ticket(lock)),
        "claim": (
            lambda: store.claim(key, ticket=ticket, invocation_id=owner),
            lambda: key_operations.claim(lock, ticket=ticket, invocation_id=owner),
        ),
        "skip": (lambda: store.skip(key, ticket=ticket), lambda: key_operations.skip(lock, ticket=ticket)),
        "apply": (
            lambda: store.apply(key, ticket=ticket, invocation_id=owner, index=index, writes=change),
            lambda: key_operations.apply(lock, ticket=ticket, invocation_id=owner, index=index),
        ),
        "leave": (
            lambda: store.leave(key, ticket=ticket, invocation_id=owner, writes=change, next_holder=next_holder),
            lambda: key_operations.leave(lock, ticket=ticket, invocation_id=owner, next_holder=next_holder),
        ),
    }
    operate, expect = operations[name]

    async def flow() -> None:
        await put_lock(store, key, lock, state)
        answer, after = await operate(), expect()
        match name:
            case "enter_free" | "claim":
                assert (answer.lock, answer.state) == (after, state) if after is not None else answer is None
            case "take_ticket":
                assert (answer.number, answer.lock) == (lock.next, after) if after is not None else answer is None
            case "leave":
                assert answer == after
            case _:
                assert answer == (after is not None)
        keyed = await store.keyed(key, with_state=True)
        assert keyed.lock == (lock if after is None else after)
        assert keyed.state == (state if after is None else applied(state, change))

    run(flow())


@expressions
@given(keys(), locks(), states)
def test_a_lock_weighs_what_it_is_billed(
    run: Run, store: DynamoStore, key: KeyRef, lock: Lock, state: dict[str, bytes]
) -> None:
    """The engine's figure for a lock is the units that DynamoDB bills for it."""
    small = {name: value for name, value in state.items() if len(value) <= 900}

    async def flow() -> None:
        await put_lock(store, key, lock, small)
        before = store.meter.write_units
        await store.dynamo.update(
            store.models.lock(key=partition_of(key)),
            [store.models.lock.next.set(lock.next)],
            store.models.lock.key.exists(),
        )
        units = store.meter.write_units - before
        assert units == max(1, -(-lock_bytes(key, lock, small) // 1024))

    if lock != NEVER_USED and len(key.key) < 200:
        run(flow())


@expressions
@given(
    keys(), st.text(min_size=1, max_size=5), st.none() | outcomes, outcomes, st.lists(sinks, max_size=2, unique=True)
)
def test_promises(
    run: Run, store: DynamoStore, key: KeyRef, name: str, earlier: Any, outcome: Any, listeners: list[Any]
) -> None:
    """The first completion counts, whoever listens is remembered once, and a late listener gets the outcome."""

    async def flow() -> None:
        assert await store.promise(key, name) is None
        for listener in (*listeners, *listeners):
            assert await store.listen_promise(key, name, listener) is None
        if earlier is not None:
            done = Promise(outcome=earlier, by="first", listeners=tuple(listeners))
            assert await store.complete_promise(key, name, outcome=earlier, by="first") == (done, True)
        expected = Promise(
            outcome=outcome if earlier is None else earlier,
            by="second" if earlier is None else "first",
            listeners=tuple(listeners),
        )
        mine = earlier is None
        assert await store.complete_promise(key, name, outcome=outcome, by="second") == (expected, mine)
        assert await store.complete_promise(key, name, outcome=outcome, by="second") == (expected, mine)
        assert await store.promise(key, name) == expected
        for listener in listeners:
            assert await store.listen_promise(key, name, listener) == expected

    run(flow())
