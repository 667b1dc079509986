"""Contests: many contenders do the same conditional write at once, and what must come of it.

Each round has an invocation and a key of its own. `prepare` brings about what is fought for, `compete` is what each
contender does, and `check` looks at all answers and at what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast_engine.pages import slot_in_head
from holdfast_engine.permits import Permit
from holdfast_engine.ports import Change, Fenced, Loaded, Store
from holdfast_engine.records import (
    Failure,
    Head,
    KeyRef,
    Kind,
    Note,
    Outcome,
    Page,
    Sink,
    Slot,
    StateWrites,
    Status,
    Target,
)
from holdfast_protocol.ids import encode_invocation_id

NOW_MS = 1_800_000_000_000
FAILURE = Failure(code=409, message="killed")
NOTHING = StateWrites(clear_all=False, values=())
ON_PAGE_1 = Slot(page=1, count=0, base=1, frames_bytes=0)

Prepare = Callable[[Store, "Round"], Coroutine[Any, Any, object]]
Compete = Callable[[Store, "Round", int], Coroutine[Any, Any, Any]]
Check = Callable[[Store, "Round", Sequence[Any]], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Round:
    """What one round is fought over."""

    number: int

    @property
    def id(self) -> str:
        return encode_invocation_id(self.number.to_bytes(24, "big"))

    @property
    def key(self) -> KeyRef:
        return KeyRef(service="O", key=f"key-{self.number}")

    def head(self, status: Status = Status.RUNNING, *, closed: bool = False, nonce: str = "aa" * 12) -> Head:
        return Head(
            id=self.id,
            target=Target(service="O", key="k", handler="add"),
            kind=Kind.EXCLUSIVE,
            status=status,
            epoch=1,
            created_ms=NOW_MS,
            modified_ms=NOW_MS,
            last_entry_ms=NOW_MS,
            page=Page(epoch=1, base=0, frames=(b"i" * 60,), closed=closed),
            nonce=nonce,
            completion_retention_ms=86_400_000,
            journal_retention_ms=86_400_000,
        )


@dataclass(frozen=True)
class Contest:
    """One operation fought over."""

    name: str
    prepare: Prepare
    compete: Compete
    check: Check

    def __str__(self) -> str:
        return self.name


def nonce_of(contender: int) -> str:
    return f"{contender:024x}"


def frames_of(contender: int) -> tuple[bytes, ...]:
    return (b"command-%d" % contender, b"notification-%d" % contender)


def one_winner(answers: Sequence[Any]) -> int:
    """Return who won, and see that nobody else did; losers answer None, False or Fenced."""
    winners = [number for number, answer in enumerate(answers) if answer and not isinstance(answer, Fenced)]
    assert len(winners) == 1, answers
    return winners[0]


async def just_one(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    one_winner(answers)


async def loaded(store: Store, round_: Round) -> Loaded:
    found = await store.load(round_.id, epoch=None)
    assert isinstance(found, Loaded)
    return found


def a_head(status: Status = Status.RUNNING, *, closed: bool = False) -> Prepare:
    async def prepare(store: Store, round_: Round) -> None:
        assert await store.create(round_.head(status, closed=closed)) is None

    return prepare


def appending(slot: Slot) -> Compete:
    return lambda store, round_, contender: store.append(
        round_.id, slot=slot, epoch=1, frames=frames_of(contender), taken=()
    )


async def succeed(store: Store, round_: Round, contender: int) -> bool:
    return await store.succeed(round_.head(nonce=nonce_of(contender)), nonce="aa" * 12)


async def create(store: Store, round_: Round, contender: int) -> bool:
    return await store.create(round_.head(nonce=nonce_of(contender))) is None


async def the_winners_nonce(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    head = await store.head(round_.id)
    assert head is not None
    assert head.nonce == nonce_of(one_winner(answers))


async def the_winners_frames(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    found = await loaded(store, round_)
    entries = [frame for page in (found.head.page, *found.pages) for frame in page.frames]
    assert tuple(entries[-2:]) == frames_of(one_winner(answers))
    assert len(entries) == 3


async def acquire(store: Store, round_: Round, contender: int) -> Any:
    return await store.acquire(
        round_.id,
        epoch=1,
        status=Status.READY,
        now_ms=NOW_MS,
        lease_until_ms=NOW_MS + 30_000,
        deployment_id=None,
        protocol_version=None,
        ticket=None,
        failed_attempts=0,
        command_retries=0,
    )


def change_of(contender: int, status: Status) -> Change:
    return Change(
        status=status,
        modified_ms=NOW_MS + contender,
        is_open=False,
        done=1,
        ticket=None,
        awaiting=None,
        retry_at_ms=None,
        failed_attempts=0,
        command_retries=0,
        last_entry_ms=NOW_MS,
        last_failure=None,
        outcome=Outcome(value=b"%d" % contender) if status is Status.COMPLETED else None,
        outcome_index=None,
        frames=frames_of(contender),
        taken=(),
        slot=slot_in_head(Round(0).head()),
    )


async def commit(store: Store, round_: Round, contender: int) -> Any:
    return await store.commit(round_.id, epoch=1, change=change_of(contender, Status.SUSPENDED))


async def append_or_claim(store: Store, round_: Round, contender: int) -> Any:
    """Half of them append under the old epoch, half of them raise the page to the new one."""
    if contender % 2:
        return await store.claim_slot(round_.id, page=1, base=1, epoch=2)
    return await store.append(round_.id, slot=ON_PAGE_1, epoch=1, frames=frames_of(contender), taken=())


async def the_fence_holds(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    """Whoever claimed the page without entries has shut out those of the old epoch for good."""
    appended = [number for number, answer in enumerate(answers) if isinstance(answer, Slot)]
    claims = [answer for answer in answers if isinstance(answer, Page)]
    assert len(appended) <= 1
    assert len(claims) == len(answers) // 2
    entries = frames_of(appended[0]) if appended else ()
    assert all(page.frames == entries for page in claims)
    assert (await loaded(store, round_)).pages[0].frames == entries


async def attach_or_end(store: Store, round_: Round, contender: int) -> Any:
    """The first one ends the invocation, all others want its outcome."""
    if contender == 0:
        return await store.commit(round_.id, epoch=1, change=change_of(0, Status.COMPLETED))
    sink = Sink(invocation_id=round_.id, completion_id=contender, completion_type=0x800D)
    return await store.attach(round_.id, sink)


async def no_sink_is_missed(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    """Each one is in the head that the committer was given, or was told the outcome itself."""
    committed = answers[0]
    assert isinstance(committed, Head)
    attached = {sink.completion_id for sink in committed.sinks}
    for contender, answer in enumerate(answers[1:], start=1):
        assert (contender in attached) == (answer is None)
        assert answer is None or answer.outcome == committed.outcome


async def end(store: Store, round_: Round, contender: int) -> Any:
    """Cancel or kill."""
    operation = store.kill if contender % 2 else store.cancel_unstarted
    return await operation(round_.id, failure=FAILURE, now_ms=NOW_MS + contender)


async def a_held_key(store: Store, round_: Round) -> None:
    assert await store.enter_free(round_.key, "inv_holder") is not None


async def a_key_passed_on(store: Store, round_: Round) -> None:
    """Leave the key to ticket 1, whose owner has not said who it is."""
    await a_held_key(store, round_)
    ticket = await store.take_ticket(round_.key)
    assert ticket is not None
    await store.leave(round_.key, ticket=0, invocation_id="inv_holder", writes=NOTHING, next_holder=None)


async def nothing(store: Store, round_: Round) -> None:
    """Begin from nothing."""


async def take_ticket(store: Store, round_: Round, contender: int) -> Any:
    ticket = await store.take_ticket(round_.key)
    return ticket.number if ticket is not None else None


async def all_in_a_row(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    assert sorted(answers) == list(range(1, len(answers) + 1))


async def claim_or_skip(store: Store, round_: Round, contender: int) -> Any:
    if contender % 2:
        return await store.skip(round_.key, ticket=1)
    return await store.claim(round_.key, ticket=1, invocation_id=f"inv_{contender}")


async def apply(store: Store, round_: Round, contender: int) -> Any:
    """Write the same, as processes do that have one invocation in hand; every other value is too large for the lock."""
    value = b"v" * (2_000 if round_.number % 2 else 20)
    writes = StateWrites(clear_all=False, values=(("n", value),))
    return await store.apply(round_.key, ticket=0, invocation_id="inv_holder", index=3, writes=writes)


async def leave(store: Store, round_: Round, contender: int) -> Any:
    return await store.leave(
        round_.key,
        ticket=0,
        invocation_id="inv_holder",
        writes=StateWrites(clear_all=False, values=(("n", b"%d" % contender),)),
        next_holder=None,
    )


async def the_winners_state(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    keyed = await store.keyed(round_.key, with_state=True)
    assert keyed.state == {"n": b"%d" % one_winner(answers)}
    assert keyed.lock.serving == 1


async def complete_or_listen(store: Store, round_: Round, contender: int) -> Any:
    if contender % 2:
        listener = Sink(invocation_id=round_.id, completion_id=contender, completion_type=0x8009)
        return await store.listen_promise(round_.key, "p", listener)
    outcome = Outcome(value=b"%d" % contender)
    return await store.complete_promise(round_.key, "p", outcome=outcome, by=f"{round_.id}.{contender}")


async def one_completion_and_no_listener_missed(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    completions = {number: answer for number, answer in enumerate(answers) if number % 2 == 0}
    (winner,) = [number for number, (_, is_mine) in completions.items() if is_mine]
    promise, _ = completions[winner]
    assert all(other.outcome == promise.outcome == Outcome(value=b"%d" % winner) for other, _ in completions.values())
    listening = {listener.completion_id for listener in promise.listeners}
    for number in range(1, len(answers), 2):
        assert (number in listening) == (answers[number] is None)


async def take_permit(store: Store, round_: Round, contender: int) -> Any:
    permit = Permit(invocation_id=f"inv_{contender}", epoch=1, limit_key="a/b" if contender % 2 else "a")
    return await store.take_permit(round_.id, permit, limits={"": 4, "a": 3, "a/b": 2})


async def no_limit_is_passed(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    out = (await store.permits(round_.id)).out
    assert len(out) == 3
    assert sum(permit.limit_key == "a/b" for permit in out) <= 2
    assert {permit.invocation_id for permit in out} == {
        f"inv_{contender}" for contender, answer in enumerate(answers) if answer is not None
    }


async def three_permits(store: Store, round_: Round) -> None:
    for contender in range(3):
        await store.take_permit(
            round_.id, Permit(invocation_id=f"inv_{contender}", epoch=1, limit_key=None), limits={"": 3}
        )


async def return_permit(store: Store, round_: Round, contender: int) -> Any:
    return await store.return_permit(round_.id, invocation_id=f"inv_{contender % 3}", epoch=1)


async def each_is_returned_once(store: Store, round_: Round, answers: Sequence[Any]) -> None:
    assert sum(answer is not None for answer in answers) == 3
    assert (await store.permits(round_.id)).out == ()


async def an_ended_one(store: Store, round_: Round) -> None:
    await store.create(round_.head())
    await store.note(round_.id, Note(key="c#1", frame=b"frame"))
    await store.kill(round_.id, failure=FAILURE, now_ms=NOW_MS)


async def begun_page(store: Store, round_: Round) -> None:
    await store.create(replace(round_.head(closed=True)))
    await store.claim_slot(round_.id, page=1, base=1, epoch=1)


CONTESTS = [
    Contest("create", nothing, create, the_winners_nonce),
    Contest("acquire", a_head(Status.READY), acquire, just_one),
    Contest("append-page-0", a_head(), appending(slot_in_head(Round(0).head())), the_winners_frames),
    Contest("begin-page-1", a_head(closed=True), appending(ON_PAGE_1), the_winners_frames),
    Contest("append-page-1", begun_page, appending(ON_PAGE_1), the_winners_frames),
    Contest("append-or-claim", a_head(closed=True), append_or_claim, the_fence_holds),
    Contest("commit", a_head(), commit, the_winners_frames),
    Contest("attach-or-end", a_head(), attach_or_end, no_sink_is_missed),
    Contest("note", a_head(), lambda s, r, n: s.note(r.id, Note(key="c#1", frame=b"%d" % n)), just_one),
    Contest("cancel-or-kill", a_head(Status.QUEUED), end, just_one),
    Contest("pause", a_head(), lambda s, r, n: s.pause(r.id, now_ms=NOW_MS + n), just_one),
    Contest(
        "resume", a_head(Status.PAUSED), lambda s, r, n: s.resume(r.id, now_ms=NOW_MS + n, deployment_id=None), just_one
    ),
    Contest(
        "due", a_head(Status.SCHEDULED), lambda s, r, n: s.due(r.id, status=Status.READY, now_ms=NOW_MS + n), just_one
    ),
    Contest("forget", an_ended_one, lambda s, r, n: s.forget(r.id, nonce="aa" * 12), just_one),
    Contest("succeed", an_ended_one, succeed, the_winners_nonce),
    Contest("enter-free", nothing, lambda s, r, n: s.enter_free(r.key, f"inv_{n}"), just_one),
    Contest("take-ticket", a_held_key, take_ticket, all_in_a_row),
    Contest("claim-or-skip", a_key_passed_on, claim_or_skip, just_one),
    Contest("apply", a_held_key, apply, just_one),
    Contest("leave", a_held_key, leave, the_winners_state),
    Contest("take-permit", nothing, take_permit, no_limit_is_passed),
    Contest("return-permit", three_permits, return_permit, each_is_returned_once),
    Contest("promise", nothing, complete_or_listen, one_completion_and_no_listener_missed),
]
