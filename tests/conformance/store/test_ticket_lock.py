"""The ticket lock of a key: who may enter, who is next, and whose writes count."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.ports import Keyed, Store, Ticket
from holdfast_engine.records import KeyRef, Lock, StateWrites
from tests.conformance.store.samples import new_id, new_key

NOTHING = StateWrites(clear_all=False, values=())


def writes(*, clear_all: bool = False, **values: bytes | None) -> StateWrites:
    return StateWrites(clear_all=clear_all, values=tuple(values.items()))


async def lock_of(store: Store, key: KeyRef) -> Lock:
    return (await store.keyed(key, with_state=False)).lock


async def state_of(store: Store, key: KeyRef) -> dict[str, bytes]:
    return (await store.keyed(key, with_state=True)).state


async def held(store: Store, key: KeyRef) -> str:
    """Enter a free key and return who holds it by ticket 0."""
    holder = new_id()
    assert await store.enter_free(key, holder) is not None
    return holder


async def queued(store: Store, key: KeyRef) -> tuple[int, str]:
    """Draw a ticket, say whose it is, and return both."""
    drawn, owner = await store.take_ticket(key), new_id()
    assert drawn is not None
    await store.put_wait(key, ticket=drawn.number, invocation_id=owner)
    return drawn.number, owner


async def leave(store: Store, key: KeyRef, ticket: int, who: str, **changes: Any) -> Lock | None:
    arguments: dict[str, Any] = {"writes": NOTHING, "next_holder": None, **changes}
    return await store.leave(key, ticket=ticket, invocation_id=who, **arguments)


async def test_a_key_never_used_is_free_and_empty(store: Store) -> None:
    """Reading a key makes nothing of it."""
    key = new_key()
    for with_state in (False, True):
        found = await store.keyed(key, with_state=with_state)
        assert found == Keyed(lock=Lock(next=0, serving=0, holder=None, applied=-1), state={})
    assert await store.waits(key, from_ticket=0, limit=10) == ()


async def test_entering_a_free_key_takes_ticket_and_key(store: Store) -> None:
    """The one write answers the lock as it is then, with the state."""
    key, first, second = new_key(), new_id(), new_id()
    entered = await store.enter_free(key, first)
    assert entered == Keyed(lock=Lock(next=1, serving=0, holder=first, applied=-1), state={})
    assert await leave(store, key, 0, first, writes=writes(a=b"1")) is not None
    entered = await store.enter_free(key, second)
    assert entered == Keyed(lock=Lock(next=2, serving=1, holder=second, applied=-1), state={"a": b"1"})


async def test_a_held_key_is_not_entered(store: Store) -> None:
    """Who comes second does not enter, not even the holder itself."""
    key = new_key()
    holder = await held(store, key)
    before = await lock_of(store, key)
    for who in (new_id(), holder):
        assert await store.enter_free(key, who) is None
    assert await lock_of(store, key) == before


async def test_a_key_with_tickets_out_is_not_free(store: Store) -> None:
    """Nobody overtakes: a key that nobody holds is not free as long as a ticket is out."""
    key = new_key()
    holder = await held(store, key)
    ticket, owner = await queued(store, key)
    assert await leave(store, key, 0, holder) == Lock(next=2, serving=1, holder=None, applied=-1)
    assert await store.enter_free(key, new_id()) is None
    assert await store.claim(key, ticket=ticket, invocation_id=owner) is not None


async def test_tickets_are_drawn_one_by_one(store: Store) -> None:
    """Each ticket is the next number; the answer shows the lock as it was then."""
    key = new_key()
    holder = await held(store, key)
    for number in (1, 2, 3):
        drawn = await store.take_ticket(key)
        assert drawn == Ticket(number=number, lock=Lock(next=number + 1, serving=0, holder=holder, applied=-1))


async def test_a_free_key_has_no_tickets(store: Store) -> None:
    """Whoever finds the key free enters; a ticket for it would be in nobody's hand."""
    key = new_key()
    assert await store.take_ticket(key) is None
    holder = await held(store, key)
    assert await leave(store, key, 0, holder) is not None
    assert await store.take_ticket(key) is None
    assert await lock_of(store, key) == Lock(next=1, serving=1, holder=None, applied=-1)


async def test_waiters_are_listed_in_order(store: Store) -> None:
    """Who waits is had by ticket, from any ticket on, a bounded number at a time."""
    key = new_key()
    await held(store, key)
    expected = [await queued(store, key) for _ in range(12)]
    assert await store.waits(key, from_ticket=0, limit=100) == tuple(expected)
    assert await store.waits(key, from_ticket=4, limit=3) == tuple(expected[3:6])
    assert await store.waits(key, from_ticket=13, limit=3) == ()


async def test_a_gap_among_the_waiters_is_seen(store: Store) -> None:
    """A ticket whose owner said nothing is not listed, those behind it are."""
    key = new_key()
    await held(store, key)
    assert await store.take_ticket(key) is not None
    behind = await queued(store, key)
    assert await store.waits(key, from_ticket=1, limit=1) == (behind,)


async def test_saying_twice_whose_ticket_it_is_is_harmless(store: Store) -> None:
    """The wait item may be put again by a repeated request."""
    key = new_key()
    await held(store, key)
    ticket, owner = await queued(store, key)
    await store.put_wait(key, ticket=ticket, invocation_id=owner)
    assert await store.waits(key, from_ticket=0, limit=10) == ((ticket, owner),)


async def test_a_wait_item_is_forgotten(store: Store) -> None:
    """What was said of a ticket served is dropped, and nothing else; again it is no matter."""
    key = new_key()
    await held(store, key)
    first, second = await queued(store, key), await queued(store, key)
    for _ in range(2):
        await store.forget_wait(key, ticket=first[0])
    assert await store.waits(key, from_ticket=0, limit=10) == (second,)


async def test_leaving_passes_the_key_on(store: Store) -> None:
    """State, release and hand-over are one write."""
    key = new_key()
    holder = await held(store, key)
    ticket, owner = await queued(store, key)
    left = await leave(store, key, 0, holder, writes=writes(a=b"1"), next_holder=owner)
    assert left == Lock(next=2, serving=ticket, holder=owner, applied=-1) == await lock_of(store, key)
    assert await state_of(store, key) == {"a": b"1"}


async def test_leaving_is_for_the_holder_by_its_ticket(store: Store) -> None:
    """Neither another invocation nor another ticket of the same one gives the key away or writes to it."""
    key = new_key()
    holder = await held(store, key)
    before = await lock_of(store, key)
    for ticket, who in ((0, new_id()), (1, holder), (-1, holder)):
        assert await leave(store, key, ticket, who, writes=writes(a=b"1")) is None
    assert await lock_of(store, key) == before
    assert await state_of(store, key) == {}


async def test_leaving_twice_is_leaving_once(store: Store) -> None:
    """The second time the key is another's, or nobody's."""
    key = new_key()
    holder = await held(store, key)
    _, owner = await queued(store, key)
    assert await leave(store, key, 0, holder, next_holder=owner) is not None
    assert await leave(store, key, 0, holder, writes=writes(a=b"1")) is None
    assert (await lock_of(store, key)).holder == owner


async def test_a_stale_ticket_of_the_same_invocation_is_told_apart(store: Store) -> None:
    """One that entered twice holds the key again by its second ticket; what it says of its first is refused."""
    key = new_key()
    holder = await held(store, key)
    drawn = await store.take_ticket(key)
    assert drawn is not None
    assert await leave(store, key, 0, holder, next_holder=holder) is not None
    stale: dict[str, Any] = {"invocation_id": holder, "writes": writes(a=b"old")}
    assert not await store.apply(key, ticket=0, index=99, **stale)
    assert await store.leave(key, ticket=0, next_holder=None, **stale) is None
    assert await leave(store, key, drawn.number, holder) is not None
    assert await state_of(store, key) == {}


async def passed_on(store: Store) -> tuple[KeyRef, int]:
    """Return a key whose turn is a ticket's that nobody holds."""
    key = new_key()
    holder = await held(store, key)
    drawn = await store.take_ticket(key)
    assert drawn is not None
    assert await leave(store, key, 0, holder, writes=writes(a=b"1")) is not None
    return key, drawn.number


async def test_a_claim_takes_the_turn(store: Store) -> None:
    """Whose turn it is takes the key, with the state; once."""
    key, ticket = await passed_on(store)
    owner = new_id()
    claimed = await store.claim(key, ticket=ticket, invocation_id=owner)
    assert claimed == Keyed(lock=Lock(next=2, serving=1, holder=owner, applied=-1), state={"a": b"1"})
    assert await store.claim(key, ticket=ticket, invocation_id=new_id()) is None
    assert (await lock_of(store, key)).holder == owner


async def test_a_claim_out_of_turn_is_refused(store: Store) -> None:
    """Not before one's turn, not after it, and not of a key that is free."""
    key, ticket = await passed_on(store)
    for wrong in (ticket - 1, ticket + 1):
        assert await store.claim(key, ticket=wrong, invocation_id=new_id()) is None
    free = new_key()
    assert await store.claim(free, ticket=0, invocation_id=new_id()) is None


async def test_a_held_key_is_not_claimed(store: Store) -> None:
    """A ticket that is held is taken."""
    key = new_key()
    holder = await held(store, key)
    assert await store.claim(key, ticket=0, invocation_id=new_id()) is None
    assert (await lock_of(store, key)).holder == holder


async def test_a_skip_passes_over_a_turn(store: Store) -> None:
    """A turn that nobody takes is passed over, and then the key may be free."""
    key, ticket = await passed_on(store)
    assert await store.skip(key, ticket=ticket)
    assert await lock_of(store, key) == Lock(next=2, serving=2, holder=None, applied=-1)
    assert not await store.skip(key, ticket=ticket)
    assert await store.enter_free(key, new_id()) is not None


async def test_of_claim_and_skip_the_first_counts(store: Store) -> None:
    """A claim fences a skip, and a skip a claim."""
    key, ticket = await passed_on(store)
    assert await store.claim(key, ticket=ticket, invocation_id=new_id()) is not None
    assert not await store.skip(key, ticket=ticket)
    key, ticket = await passed_on(store)
    assert await store.skip(key, ticket=ticket)
    assert await store.claim(key, ticket=ticket, invocation_id=new_id()) is None


async def test_a_skip_out_of_turn_is_refused(store: Store) -> None:
    """Only the turn that is served can be passed over, and none of a free key."""
    key, ticket = await passed_on(store)
    for wrong in (ticket - 1, ticket + 1):
        assert not await store.skip(key, ticket=wrong)
    assert not await store.skip(new_key(), ticket=0)


async def test_applying_writes_state_while_the_key_is_held(store: Store) -> None:
    """The state up to an entry is visible at once; a later entry goes on from there."""
    key = new_key()
    holder = await held(store, key)
    assert await store.apply(key, ticket=0, invocation_id=holder, index=3, writes=writes(a=b"1", b=b"2"))
    assert await state_of(store, key) == {"a": b"1", "b": b"2"}
    assert (await lock_of(store, key)).applied == 3
    assert await store.apply(key, ticket=0, invocation_id=holder, index=5, writes=writes(a=None, c=b"3"))
    assert await state_of(store, key) == {"b": b"2", "c": b"3"}


async def test_applying_again_is_refused(store: Store) -> None:
    """What is applied up to an entry is not applied again, nor anything before it."""
    key = new_key()
    holder = await held(store, key)
    assert await store.apply(key, ticket=0, invocation_id=holder, index=3, writes=writes(a=b"1"))
    for index in (3, 2, -1):
        assert not await store.apply(key, ticket=0, invocation_id=holder, index=index, writes=writes(a=b"0"))
    assert await state_of(store, key) == {"a": b"1"}


async def test_applying_is_for_the_holder_by_its_ticket(store: Store) -> None:
    """A zombie of an earlier turn writes nothing."""
    key = new_key()
    holder = await held(store, key)
    _, owner = await queued(store, key)
    assert await leave(store, key, 0, holder, next_holder=owner) is not None
    assert not await store.apply(key, ticket=0, invocation_id=holder, index=9, writes=writes(a=b"0"))
    assert not await store.apply(key, ticket=0, invocation_id=owner, index=9, writes=writes(a=b"0"))
    assert not await store.apply(key, ticket=1, invocation_id=holder, index=9, writes=writes(a=b"0"))
    assert await state_of(store, key) == {}


@pytest.mark.parametrize("how", ["handed over", "claimed", "entered"])
async def test_every_holder_begins_anew(store: Store, how: str) -> None:
    """What the one before applied says nothing of the entries of the next: their indices cannot be compared."""
    key = new_key()
    holder = await held(store, key)
    assert await store.apply(key, ticket=0, invocation_id=holder, index=50, writes=writes(a=b"1"))
    owner = new_id()
    if how != "entered":
        assert await store.take_ticket(key) is not None
    assert await leave(store, key, 0, holder, next_holder=owner if how == "handed over" else None) is not None
    if how == "claimed":
        assert await store.claim(key, ticket=1, invocation_id=owner) is not None
    elif how == "entered":
        assert await store.enter_free(key, owner) is not None
    assert (await lock_of(store, key)).applied == -1
    assert await store.apply(key, ticket=1, invocation_id=owner, index=0, writes=writes(a=b"2"))


async def test_state_is_cleared_before_it_is_set(store: Store) -> None:
    """Of a change that clears everything and sets something, what is set remains."""
    key = new_key()
    holder = await held(store, key)
    assert await store.apply(key, ticket=0, invocation_id=holder, index=1, writes=writes(a=b"1", b=b"2"))
    assert await store.apply(key, ticket=0, invocation_id=holder, index=2, writes=writes(clear_all=True, b=b"3"))
    assert await state_of(store, key) == {"b": b"3"}
    assert await leave(store, key, 0, holder, writes=writes(clear_all=True)) is not None
    assert await state_of(store, key) == {}


async def test_state_of_any_size_and_name_is_kept(store: Store) -> None:
    """Empty values, large ones and odd names come back as they were; large ones may shrink and grow."""
    key = new_key()
    holder = await held(store, key)
    values: dict[str, bytes | None] = {"": b"", "é\n\t": b"\x00\xff", "large": b"x" * 60_000, "n" * 200: b"1"}
    change = StateWrites(clear_all=False, values=tuple(values.items()))
    assert await store.apply(key, ticket=0, invocation_id=holder, index=1, writes=change)
    assert await state_of(store, key) == values
    for index, size in ((2, 3), (3, 70_000), (4, 0)):
        assert await store.apply(key, ticket=0, invocation_id=holder, index=index, writes=writes(large=b"y" * size))
        assert (await state_of(store, key))["large"] == b"y" * size


async def test_keys_are_told_apart_by_all_they_consist_of(store: Store) -> None:
    """Scope, service and key each make another key, however they are spelled."""
    name = new_key().key
    keys = [
        KeyRef(service="Counter", key=name),
        KeyRef(service="Counter", key=name, scope="s"),
        KeyRef(service="Counters", key=name),
        KeyRef(service="Counter", key=name + "/"),
        KeyRef(service="Counter", key="\x1f" + name),
        KeyRef(service="Counter", key="\x1e1" + name),
        KeyRef(service="Counter", key="é" + name),
    ]
    for key in keys:
        await held(store, key)
    holders = {(await lock_of(store, key)).holder for key in keys}
    assert len(holders) == len(keys)


async def test_busy_keys_are_walked_page_by_page(store: Store) -> None:
    """Every key with a ticket out is listed once, whatever the size of the pages; a free one is not."""
    free, busy, waiting = new_key(), [new_key() for _ in range(7)], (await passed_on(store))[0]
    holder = await held(store, free)
    assert await leave(store, free, 0, holder) is not None
    for key in busy:
        await held(store, key)
    for limit in (1, 3, 100):
        walked: list[KeyRef] = []
        after: KeyRef | None = None
        while page := await store.busy_keys(after=after, limit=limit):
            assert len(page) <= limit
            walked += page
            after = page[-1]
        assert len(walked) == len(set(walked))
        assert {*busy, waiting} <= set(walked)
        assert free not in walked
