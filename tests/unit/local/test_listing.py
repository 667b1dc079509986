"""The embedded listing: pages of invocations and keys, newest first, and when what happened."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast_engine.ports.listing import Place, Selection
from holdfast_engine.records import Head, KeyRef, LastFailure, Outcome, Status, Target
from holdfast_engine.unfinished_listing import UnfinishedListing
from holdfast_local import listing as listing_module
from holdfast_local.chronicle import FAILURES_MAX
from holdfast_local.database import SCHEMA_VERSION
from holdfast_local.sqlite_store import SqliteStore
from tests.conformance.store.samples import in_status, new_head
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers
from tests.support.virtual_time import EPOCH_MS, in_virtual_time


@pytest.fixture
async def store() -> Any:
    """A store in memory."""
    opened = SqliteStore(None)
    opened.open()
    yield opened
    await opened.close()


async def put(store: SqliteStore, number: int, **fields: Any) -> Head:
    status = fields.pop("status", Status.SUSPENDED)
    target = Target(
        service=fields.pop("service", "S"), key=fields.pop("key", None), handler=fields.pop("handler", "work")
    )
    head = replace(in_status(status), id=f"inv_{number:04}", target=target, created_ms=1000 + number, **fields)
    assert await store.create(head) is None
    return head


async def ids(store: SqliteStore, selection: Selection, *, limit: int = 100) -> list[str]:
    """Return all that match, walked page by page."""
    found: list[str] = []
    after: Place | None = None
    while True:
        listed = await store.listing.invocations(selection, after=after, limit=limit)
        assert len(listed.heads) <= limit
        assert listed.is_whole
        found += [head.id for head in listed.heads]
        if listed.next is None:
            return found
        after = listed.next


async def test_the_newest_comes_first_and_each_comes_once(store: SqliteStore) -> None:
    """Whatever the size of the pages, a walk meets each invocation once, the newest first."""
    made = [await put(store, number, key="k" if number % 2 else None) for number in range(25)]
    newest_first = [head.id for head in reversed(made)]
    for limit in (1, 7, 25, 100):
        assert await ids(store, Selection(), limit=limit) == newest_first


@pytest.mark.parametrize(
    "selection",
    [
        Selection(service="T"),
        Selection(handler="other"),
        Selection(key="k"),
        Selection(key="k", service="T"),
        Selection(statuses=frozenset({Status.PAUSED})),
        Selection(statuses=frozenset({Status.PAUSED, Status.COMPLETED})),
        Selection(statuses=frozenset({Status.SUSPENDED}), service="T"),
        Selection(from_ms=1005, before_ms=1012),
        Selection(from_ms=1005, key="k"),
        Selection(service="nobody"),
    ],
    ids=str,
)
@pytest.mark.parametrize("examined", [3, 20_000])
async def test_a_selection_finds_what_matches_and_nothing_else(
    store: SqliteStore, selection: Selection, examined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each filter, with whatever index and in windows of any size, agrees with the plain predicate."""
    monkeypatch.setattr(listing_module, "_EXAMINED_MAX", examined)
    statuses = (Status.SUSPENDED, Status.PAUSED, Status.COMPLETED, Status.BACKING_OFF)
    made = [
        await put(
            store,
            number,
            status=statuses[number % 4],
            service="ST"[number % 3 == 0],
            key="k" if number % 5 == 0 else None,
            handler="other" if number % 7 == 0 else "work",
        )
        for number in range(40)
    ]
    expected = [head.id for head in reversed(made) if selection.matches(head)]
    assert await ids(store, selection, limit=4) == expected


async def test_a_page_of_what_is_rare_is_short_and_goes_on(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at so many invocations and no more, and says where the next one begins."""
    monkeypatch.setattr(listing_module, "_EXAMINED_MAX", 10)
    for number in range(30):
        await put(store, number, service="rare" if number == 0 else "S")
    listed = await store.listing.invocations(Selection(service="rare"), after=None, limit=5)
    assert listed.heads == ()
    assert listed.next is not None
    assert await ids(store, Selection(service="rare"), limit=5) == ["inv_0000"]


async def test_the_queries_walk_an_index(store: SqliteStore) -> None:
    """No list is sorted or read through: every plan is a search or a walk of an index in its order."""
    seen: list[str] = []
    store.database._connection.set_trace_callback(seen.append)  # type: ignore[union-attr]
    await put(store, 1, key="k")
    for selection in (Selection(), Selection(key="k"), Selection(statuses=frozenset({Status.PAUSED}))):
        await store.listing.invocations(selection, after=Place(created_ms=5000, id="x"), limit=5)
    queries = [query for query in seen if query.startswith("SELECT") and "INDEXED BY" in query]
    assert len(queries) == 6
    for query in queries:
        plan = " ".join(row[3] for row in store.database.read(f"EXPLAIN QUERY PLAN {query}"))
        assert "SEARCH head USING" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


async def test_keys_are_found_by_service_and_by_name(store: SqliteStore) -> None:
    """Locks and promises both make a key known, scopes or not, and pages go on where they ended."""
    keys = [KeyRef(service="O", key=f"k{number}") for number in range(5)]
    scoped = KeyRef(service="O", key="k1", scope="tenant")
    for key in (*keys, scoped, KeyRef(service="Other", key="k1")):
        assert await store.enter_free(key, "inv_1") is not None
    await store.complete_promise(KeyRef(service="W", key="w"), "p", outcome=Outcome(value=b"1"), by="x")

    async def found(service: str | None, name: str | None) -> list[KeyRef]:
        pages: list[KeyRef] = []
        while page := await store.listing.keys(service=service, key=name, after=pages[-1] if pages else None, limit=2):
            pages += page
        return pages

    assert await found("O", None) == [*keys, scoped]
    assert set(await found(None, "k1")) == {keys[1], scoped, KeyRef(service="Other", key="k1")}
    assert await found("O", "k1") == [keys[1], scoped]
    assert await found("W", None) == [KeyRef(service="W", key="w")]
    assert [name for name, _ in await store.listing.promises(KeyRef(service="W", key="w"))] == ["p"]
    assert len(await found(None, None)) == 8


@in_virtual_time
async def test_a_history_dates_attempts_entries_and_failures() -> None:
    """When each attempt began, when the journal grew and what failed is there afterwards, in order."""
    async with EngineUnderTest() as e:
        wait = [f.sleep(1, EPOCH_MS + 60_000), f.suspension(1)]
        e.script["S/work"] = answers([f.error(503, "first")], [f.error(503, "second")], wait, [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(100)
        history = await e.engine.history(invocation_id)
    whats = [moment.what for moment in history.moments]
    assert whats.count("attempt") == 4
    assert whats[-1] == "completed"
    assert "suspended" in whats
    assert whats.count("backing-off") == 2
    grown = [(moment.number, moment.at_ms) for moment in history.moments if moment.what == "entries"]
    assert grown == sorted(grown)
    assert grown[0] == (1, EPOCH_MS)
    assert grown[-1][1] == EPOCH_MS + 60_000
    assert [failure.message for failure in history.failures] == ["first", "second"]


@in_virtual_time
async def test_only_what_ran_counts_as_an_attempt() -> None:
    """Waiting for a key, a pause and a kill are no attempts; who got its key at once has one from the start."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.suspension(signals=(17,))])
        holder = await e.send("O/k/other")
        await e.rest(1)
        waiter = await e.send("O/k/other")
        await e.rest(1)
        await e.engine.pause(holder)
        await e.engine.kill(holder)
        history = await e.engine.history(holder)
        attempts = [(moment.number, moment.at_ms) for moment in history.moments if moment.what == "attempt"]
        created_ms = (await e.head(holder)).created_ms
        assert attempts == [(1, created_ms)]
        await e.rest(1)
        whats = [moment.what for moment in (await e.engine.history(waiter)).moments]
        assert whats[-3:] == ["attempt", "running", "suspended"]
        assert whats.count("attempt") == 1


async def test_the_failures_kept_are_bounded(store: SqliteStore) -> None:
    """The newest failures stay, and they go with their invocation."""
    head = await put(store, 1)
    for number in range(FAILURES_MAX + 5):
        store._chronicle.note_failure(head.id, LastFailure(code=500, message=str(number)))
    failures = (await store.listing.history(head.id)).failures
    assert [failure.message for failure in failures] == [str(number) for number in range(5, FAILURES_MAX + 5)]
    assert (await store.listing.history("inv_unknown")).moments == ()


async def test_a_store_without_a_listing_shows_what_is_unfinished(store: SqliteStore) -> None:
    """What recovery finds can be listed on any store, page by page, and the answer says that it is not all."""
    made = [await put(store, number, service="ST"[number % 2]) for number in range(250)]
    done = replace(in_status(Status.COMPLETED), id="inv_done")
    await store.create(done)
    store.settled(done.id)
    fallback = UnfinishedListing(store)
    found: list[Head] = []
    after: Place | None = None
    while True:
        listed = await fallback.invocations(Selection(service="T"), after=after, limit=50)
        assert not listed.is_whole
        found += listed.heads
        if listed.next is None:
            break
        after = listed.next
    assert {head.id for head in found} == {head.id for head in made if head.target.service == "T"}
    assert sum(count.count for count in await fallback.counts()) == 250
    assert await fallback.keys(service="O", key="k", after=None, limit=5) == [KeyRef(service="O", key="k")]


async def test_a_file_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """What an older version stored is listed after the upgrade, and everything else is as it was."""
    path = tmp_path / "holdfast.db"
    store = SqliteStore(path)
    store.open()
    head = replace(new_head(), created_ms=5)
    await store.create(head)
    await store.close()
    connection = sqlite3.connect(path)
    for name in ("created", "active", "key"):
        connection.execute(f"DROP INDEX head_{name}")
    for column in ("handler", "key", "created_ms", "history"):
        connection.execute(f"ALTER TABLE head DROP COLUMN {column}")
    connection.executescript("ALTER TABLE page DROP COLUMN history; DROP TABLE failure; PRAGMA user_version=1")
    connection.close()
    again = SqliteStore(path)
    again.open()
    assert await ids(again, Selection(handler=head.target.handler)) == [head.id]
    assert again.database.read("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    await again.close()


async def test_counts_are_by_service_and_status(store: SqliteStore) -> None:
    """The overview's numbers are those of the invocations there are."""
    for number in range(5):
        await put(store, number, status=Status.PAUSED if number else Status.COMPLETED)
    counts = {(count.service, count.status): count.count for count in await store.listing.counts()}
    assert counts == {("S", Status.PAUSED): 4, ("S", Status.COMPLETED): 1}
