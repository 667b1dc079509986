"""Requests that are throttled, lost or answered with a 500 change nothing but the time it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import pytest

from holdfast_aws.dynamo import TRIES_MAX
from holdfast_aws.store import DynamoStore
from holdfast_engine.errors import StoreUnreachable, Throttled
from holdfast_engine.pages import slot_in_head
from holdfast_engine.permits import Permit, Waiting
from holdfast_engine.ports import Change, Loaded
from holdfast_engine.records import (
    Awaiting,
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
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide
from tests.support.faults import Fault, FaultyClient

NOW_MS = 1_800_000_000_000
ID = "inv_1000000000000000000000000000000000"
KEY = KeyRef(service="O", key="k")
FAILURE = Failure(code=409, message="killed")
SINK = Sink(invocation_id=ID, completion_id=3, completion_type=0x800D)
FRAMES = (b"c" * 25, b"n" * 114)
WRITES = StateWrites(clear_all=False, values=(("small", b"1"), ("large", b"l" * 2_000)))
HEAD = Head(
    id=ID,
    target=Target(service="O", key="k", handler="add"),
    kind=Kind.EXCLUSIVE,
    status=Status.RUNNING,
    epoch=1,
    created_ms=NOW_MS,
    modified_ms=NOW_MS,
    last_entry_ms=NOW_MS,
    page=Page(epoch=1, base=0, frames=(b"i" * 60,)),
    nonce="aa" * 12,
    lease_until_ms=NOW_MS + 30_000,
    completion_retention_ms=86_400_000,
    journal_retention_ms=86_400_000,
)
LATER = Slot(page=1, count=0, base=1, frames_bytes=0)
COMMIT = Change(
    status=Status.SUSPENDED,
    modified_ms=NOW_MS + 5,
    is_open=False,
    done=1,
    ticket=None,
    awaiting=Awaiting(combinator=1, completions=(3,)),
    retry_at_ms=None,
    failed_attempts=0,
    command_retries=0,
    last_entry_ms=NOW_MS + 5,
    last_failure=None,
    outcome=None,
    outcome_index=None,
    frames=FRAMES,
    taken=("s#17",),
    slot=slot_in_head(HEAD),
)

Act = Callable[[DynamoStore], Awaitable[Any]]


def acquire(store: DynamoStore) -> Awaitable[Any]:
    return store.acquire(
        ID,
        epoch=1,
        status=Status.SUSPENDED,
        now_ms=NOW_MS + 9,
        lease_until_ms=NOW_MS + 30_009,
        deployment_id="dp_1",
        protocol_version=6,
        ticket=0,
        failed_attempts=0,
        command_retries=0,
    )


@dataclass(frozen=True)
class Case:
    """An operation, on a head of some status, or on the lock of a key after some others."""

    name: str
    act: Act
    status: Status = Status.RUNNING
    before: tuple[Act, ...] = ()
    has_pages: bool = False

    def __str__(self) -> str:
        return self.name


def enter(store: DynamoStore) -> Awaitable[Any]:
    return store.enter_free(KEY, "inv_a")


def draw(store: DynamoStore) -> Awaitable[Any]:
    return store.take_ticket(KEY)


def leave(store: DynamoStore) -> Awaitable[Any]:
    return store.leave(KEY, ticket=0, invocation_id="inv_a", writes=WRITES, next_holder=None)


def hand_over(store: DynamoStore) -> Awaitable[Any]:
    return store.leave(KEY, ticket=0, invocation_id="inv_a", writes=WRITES, next_holder="inv_b")


def begin_page(store: DynamoStore) -> Awaitable[Any]:
    return store.append(ID, slot=LATER, epoch=1, frames=FRAMES, taken=("s#1",))


def take_permit(store: DynamoStore, *, name: str = "inv_a", epoch: int = 1) -> Awaitable[Any]:
    permit = Permit(invocation_id=name, epoch=epoch, limit_key="a/b")
    return store.take_permit("t", permit, limits={"": 2, "a": 1})


def return_permit(store: DynamoStore) -> Awaitable[Any]:
    return store.return_permit("t", invocation_id="inv_a", epoch=1)


PLACE = Waiting(since_ms=NOW_MS, invocation_id="inv_a", limit_key="a")

NEXT = replace(LATER, count=2, frames_bytes=141)

CASES = [
    Case("take-permit", take_permit),
    Case("take-permit-again", lambda s: take_permit(s, epoch=2), before=(take_permit,)),
    Case("take-permit-without-room", lambda s: take_permit(s, name="inv_b"), before=(take_permit,)),
    Case("return-permit", return_permit, before=(take_permit,)),
    Case("return-permit-twice", return_permit, before=(take_permit, return_permit)),
    Case("join-line", lambda s: s.put_waiting("t", PLACE)),
    Case("leave-line", lambda s: s.forget_waiting("t", PLACE), before=(lambda s: s.put_waiting("t", PLACE),)),
    Case("create", lambda s: s.create(replace(HEAD, id=ID[:-1] + "1"))),
    Case("create-present", lambda s: s.create(replace(HEAD, nonce="bb" * 12))),
    Case("renew", lambda s: s.renew(ID, epoch=1, lease_until_ms=NOW_MS + 60_000)),
    Case("renew-fenced", lambda s: s.renew(ID, epoch=2, lease_until_ms=NOW_MS + 60_000)),
    Case("commit", lambda s: s.commit(ID, epoch=1, change=COMMIT)),
    Case("commit-end", lambda s: s.commit(ID, epoch=1, change=replace(COMMIT, status=Status.COMPLETED, awaiting=None))),
    Case("commit-fenced", lambda s: s.commit(ID, epoch=2, change=COMMIT)),
    Case("append", lambda s: s.append(ID, slot=slot_in_head(HEAD), epoch=1, frames=FRAMES, taken=("s#17",))),
    Case("append-fenced", lambda s: s.append(ID, slot=slot_in_head(HEAD), epoch=2, frames=FRAMES, taken=())),
    Case("begin-page", begin_page, has_pages=True),
    Case(
        "append-page",
        lambda s: s.append(ID, slot=NEXT, epoch=1, frames=FRAMES, taken=()),
        before=(begin_page,),
        has_pages=True,
    ),
    Case(
        "append-twice",
        begin_page,
        before=(lambda s: s.append(ID, slot=LATER, epoch=1, frames=(b"z",), taken=()),),
        has_pages=True,
    ),
    Case("claim", lambda s: s.claim_slot(ID, page=1, base=1, epoch=2), has_pages=True),
    Case("claim-present", lambda s: s.claim_slot(ID, page=1, base=1, epoch=2), before=(begin_page,), has_pages=True),
    Case("attach", lambda s: s.attach(ID, SINK)),
    Case("attach-ended", lambda s: s.attach(ID, SINK), before=(lambda s: s.kill(ID, failure=FAILURE, now_ms=1),)),
    Case("note", lambda s: s.note(ID, Note(key="c#1", frame=b"frame"))),
    Case("kill", lambda s: s.kill(ID, failure=FAILURE, now_ms=NOW_MS + 7)),
    Case("cancel", lambda s: s.cancel_unstarted(ID, failure=FAILURE, now_ms=NOW_MS + 7), status=Status.QUEUED),
    Case("cancel-started", lambda s: s.cancel_unstarted(ID, failure=FAILURE, now_ms=NOW_MS + 7)),
    Case("pause", lambda s: s.pause(ID, now_ms=NOW_MS + 7)),
    Case("resume", lambda s: s.resume(ID, now_ms=NOW_MS + 7, deployment_id="dp_1"), status=Status.PAUSED),
    Case("due", lambda s: s.due(ID, status=Status.QUEUED, now_ms=NOW_MS + 7), status=Status.SCHEDULED),
    Case("forget", lambda s: s.forget(ID, nonce="aa" * 12), before=(lambda s: s.kill(ID, failure=FAILURE, now_ms=1),)),
    Case(
        "succeed",
        lambda s: s.succeed(replace(HEAD, id=ID, nonce="cc" * 12, first_epoch=4, epoch=4), nonce="aa" * 12),
        before=(lambda s: s.kill(ID, failure=FAILURE, now_ms=1),),
    ),
    Case(
        "retire",
        lambda s: s.retire(ID, head=HEAD, expires_ms=NOW_MS, is_thorough=True),
        before=(lambda s: s.kill(ID, failure=FAILURE, now_ms=1),),
    ),
    Case("put-wait", lambda s: s.put_wait(KEY, ticket=1, invocation_id="inv_b"), before=(enter, draw)),
    Case("apply", lambda s: s.apply(KEY, ticket=0, invocation_id="inv_a", index=4, writes=WRITES), before=(enter,)),
    Case("leave", leave, before=(enter,)),
    Case("hand-over", hand_over, before=(enter, draw)),
    Case("leave-fenced", leave, before=(enter, draw, hand_over)),
    Case("complete-promise", lambda s: s.complete_promise(KEY, "p", outcome=Outcome(value=b"v"), by="a.1")),
    Case("listen-promise", lambda s: s.listen_promise(KEY, "p", SINK)),
]

# The engine reads the lock again when these answer None, and finds what they did.
SELF_HEALING = [
    Case("enter", enter),
    Case("claim-key", lambda s: s.claim(KEY, ticket=1, invocation_id="inv_b"), before=(enter, draw, leave)),
    Case("skip", lambda s: s.skip(KEY, ticket=1), before=(enter, draw, leave)),
]


class Worlds:
    """Stores without and with faults, on the same tables, which are emptied after each run."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._tables = new_tables(client)

    async def run(self, case: Case, plan: list[Fault]) -> tuple[Any, Any]:
        """Return what the operation answered, and what it left behind."""
        blobs, clock = MemoryBlobs(), SystemClock()
        calm = DynamoStore(self._client, self._tables, clock=clock, blobs=blobs)
        page = replace(HEAD.page, closed=case.has_pages)
        await calm.create(replace(HEAD, status=case.status, page=page))
        for act in case.before:
            await act(calm)
        stormy = DynamoStore(FaultyClient(self._client, plan), self._tables, clock=clock, blobs=blobs)
        answer = await case.act(stormy)
        left = await self._left(calm)
        calm.close()
        stormy.close()
        for table in (self._tables.journal, self._tables.keys):
            for item in self._client.scan(TableName=table)["Items"]:
                self._client.delete_item(TableName=table, Key={"p": item["p"], "s": item["s"]})
        return answer, left

    async def _left(self, store: DynamoStore) -> Any:
        loaded = await store.load(ID, epoch=None)
        assert isinstance(loaded, Loaded | None)
        keyed = await store.keyed(KEY, with_state=True)
        waits = await store.waits(KEY, from_ticket=0, limit=10)
        heads = await store.unfinished(after=None, limit=10)
        limited = await store.permits("t"), await store.line("t", after=None, limit=10)
        return loaded, keyed, waits, await store.promise(KEY, "p"), sorted(heads, key=lambda head: head.id), limited


@pytest.fixture(scope="module")
def worlds(dynoxide: Dynoxide) -> Worlds:
    """Return worlds on the server."""
    return Worlds(client_of(dynoxide.url))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no pauses between tries."""
    monkeypatch.setattr("holdfast_aws.dynamo._PAUSE_MAX_S", 0.0)


FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_changes_nothing(worlds: Worlds, case: Case) -> None:
    """Each operation answers the same and leaves the same behind, whatever befalls its first request."""
    calm = await worlds.run(case, [])
    for fault in FAULTS:
        assert await worlds.run(case, [fault]) == calm, fault
    # And whatever befalls its second: that of an operation with several, or the repetition.
    for fault in FAULTS:
        assert await worlds.run(case, [Fault.LOST, fault]) == calm, fault


@pytest.mark.parametrize("case", SELF_HEALING, ids=str)
async def test_a_lost_answer_about_a_key_shows_in_its_lock(worlds: Worlds, case: Case) -> None:
    """Entering, claiming and skipping are done once, and who looks at the lock sees it."""
    _, left = await worlds.run(case, [])
    for fault in FAULTS:
        assert (await worlds.run(case, [fault]))[1] == left, fault


async def test_a_lost_ticket_is_nobodys(worlds: Worlds) -> None:
    """A ticket whose answer is lost is drawn again: the first belongs to nobody, and is passed over in its turn."""
    case = Case("ticket", draw, before=(enter,))
    ticket, (_, keyed, waits, *_) = await worlds.run(case, [Fault.LOST])
    assert (ticket.number, keyed.lock.next, waits) == (2, 3, ())


async def test_an_acquire_recognises_itself(worlds: Worlds) -> None:
    """An acquire whose answer was lost holds the epoch; only whether a handler was open before is not known."""
    case = Case("acquire", acquire, status=Status.SUSPENDED)
    calm, left = await worlds.run(case, [])
    assert not calm.was_open
    for fault in (Fault.LOST, Fault.BROKEN):
        assert await worlds.run(case, [fault]) == (replace(calm, was_open=True), left)
    for fault in (Fault.UNSENT, Fault.THROTTLED):
        assert await worlds.run(case, [fault]) == (calm, left)


async def test_an_acquire_does_not_mistake_another_for_itself(dynoxide: Dynoxide) -> None:
    """Two acquires with the same arguments, in the same millisecond, with lost answers: one of them has the epoch."""
    client = client_of(dynoxide.url)
    tables = new_tables(client)
    stores = [
        DynamoStore(FaultyClient(client, [fault]), tables, clock=SystemClock(), blobs=MemoryBlobs())
        for fault in (Fault.NONE, Fault.UNSENT, Fault.LOST)
    ]
    await stores[0].create(replace(HEAD, status=Status.SUSPENDED))
    acquired = [await acquire(store) for store in (stores[2], stores[1])]
    assert acquired[0] is not None
    assert acquired[1] is None
    for store in stores:
        store.close()


async def test_patience_has_an_end(dynoxide: Dynoxide) -> None:
    """A table that throttles or fails for ever is an error that says what it is, and that trying later may help."""
    client = client_of(dynoxide.url)
    tables = new_tables(client)
    for fault, error in ((Fault.THROTTLED, Throttled), (Fault.UNSENT, StoreUnreachable)):
        faulty = FaultyClient(client, repeat(fault))
        store = DynamoStore(faulty, tables, clock=SystemClock(), blobs=MemoryBlobs())
        with pytest.raises(error) as raised:
            await store.head(ID)
        assert raised.value.is_retryable
        assert faulty.faults == TRIES_MAX
        store.close()


async def test_a_table_that_is_not_there_is_named(dynoxide: Dynoxide) -> None:
    """A wrong table is no matter of patience: the error comes at once and says what DynamoDB said."""
    client = client_of(dynoxide.url)
    tables = replace(new_tables(client), journal="no-such-table")
    faulty = FaultyClient(client, [])
    store = DynamoStore(faulty, tables, clock=SystemClock(), blobs=MemoryBlobs())
    with pytest.raises(StoreUnreachable, match="ResourceNotFound"):
        await store.append(ID, slot=LATER, epoch=1, frames=FRAMES, taken=())
    store.close()
