"""A handler's own append is the store's append: the same condition, the same change, the same place for the next."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.models import Model

from holdfast._dynamo import DynamoClient, Refused
from holdfast._dynamo_credentials import CredentialSource
from holdfast._dynamo_http import Address, NoReply, Reply
from holdfast._lambda_journal import JournalWriter
from holdfast_aws import items
from holdfast_aws.lifetimes import DAY_MS, USUAL_LIFETIMES
from holdfast_aws.store import DynamoStore
from holdfast_engine import operations
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Head, Page, Slot, Status
from holdfast_local.surroundings import SystemClock
from holdfast_protocol import grants
from holdfast_protocol.items import sort_of
from tests.properties.aws.conftest import Run
from tests.properties.aws.test_expressions_on_heads import expressions, near, slots
from tests.support.dynoxide import Dynoxide
from tests.support.records import frames, heads, invocation_ids, pages, texts

ENVIRON = {"AWS_ACCESS_KEY_ID": "key-of-tests", "AWS_SECRET_ACCESS_KEY": "secret-of-tests"}
NOW_MS = SystemClock().now_ms()
# A page left over from an earlier invocation expires earlier than those of this one.
LEFT_OVER_S = 1_700_000_000


class Forgetful(DynamoClient):
    """A client that loses the answer to the first try of each update."""

    has_lost = False

    def update_item(self, update: Mapping[str, Any], *, budget_s: float) -> Refused | None:
        self.has_lost = False
        return super().update_item(update, budget_s=budget_s)

    def try_once(self, body: bytes, *, timeout_s: float) -> Reply:
        reply = super().try_once(body, timeout_s=timeout_s)
        if not self.has_lost:
            self.has_lost = True
            raise NoReply("lost", is_sent=True, was_reused=True)
        return reply


@pytest.fixture(scope="module")
def forgetful(dynoxide: Dynoxide) -> Iterator[Forgetful]:
    """The client of a handler function whose answers get lost."""
    address = Address.of("us-east-1", {"AWS_ENDPOINT_URL": dynoxide.url})
    client = Forgetful(address, CredentialSource(ENVIRON))
    yield client
    client.close()


@pytest.fixture(scope="module")
def client(dynoxide: Dynoxide) -> Iterator[DynamoClient]:
    """The client of a handler function."""
    address = Address.of("us-east-1", {"AWS_ENDPOINT_URL": dynoxide.url})
    client = DynamoClient(address, CredentialSource(ENVIRON))
    yield client
    client.close()


@st.composite
def appends(draw: st.DrawFn, page: Page, number: int) -> dict[str, Any]:
    """Return what is appended, under which epoch, and where."""
    return {
        "slot": draw(slots(page, number)),
        "epoch": draw(near(page.epoch)),
        "frames": draw(frames.filter(bool)),
        "taken": tuple(draw(st.lists(texts, max_size=2))),
    }


class Journal:
    """One item of a journal, written to in both ways."""

    def __init__(
        self,
        run: Run,
        store: DynamoStore,
        client: DynamoClient,
        invocation_id: str,
        *,
        is_young: bool = True,
        first_epoch: int = 1,
    ) -> None:
        self._run = run
        self._store = store
        self._client = client
        self._id = invocation_id
        created_ms = NOW_MS - (0 if is_young else 2 * DAY_MS)
        life = USUAL_LIFETIMES.of(created_ms=created_ms, retention_ms=1_000, first_epoch=first_epoch)
        self.life = grants.PageLife(expires_s=life.expires_s, is_marked=is_young, first_epoch=first_epoch)
        store._lives._life_by_id[invocation_id] = life

    def check(self, item: Model | None, append: dict[str, Any]) -> None:
        """Append in both ways to the same item, and compare what comes of it."""
        slot: Slot = append["slot"]
        self._put(item, slot)
        behind = self._await(self._store.append(self._id, **append))
        by_store = self._stored(slot)
        self._put(item, slot)
        grant = grants.JournalGrant(
            table=self._store.models.head.Meta.table_name,
            epoch=append["epoch"],
            slot=grants.Slot(**asdict(slot)),
            durable=0,
            taken=(),
            life=self.life,
        )
        writer = JournalWriter(self._client, grant, invocation_id=self._id)
        is_durable = writer.append(append["frames"], append["taken"], budget_s=10)
        assert is_durable is not isinstance(behind, Fenced)
        assert self._stored(slot) == by_store
        if not isinstance(behind, Fenced):
            assert asdict(writer.reached.slot) == asdict(behind)

    def _put(self, item: Model | None, slot: Slot) -> None:
        if item is None:
            key = (self._id, sort_of(slot.page))
            self._await(self._store.dynamo.delete_many(self._store.models.page, [key]))
        else:
            self._await(self._store.dynamo.put(item, None))

    def _stored(self, slot: Slot) -> Any:
        return self._await(self._store.dynamo.get(self._store.models.head, self._id, sort_of(slot.page)))

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._run(work)


@expressions
@given(heads(), st.data())
def test_in_the_head(run: Run, store: DynamoStore, client: DynamoClient, head: Head, data: st.DataObject) -> None:
    """In page 0 both write the same, or neither writes."""
    journal = Journal(run, store, client, head.id)
    journal.check(items.head_item(store.models.head, head), data.draw(appends(head.page, 0)))


@expressions
@given(invocation_ids, pages(), st.integers(1, 200), st.booleans(), st.data())
def test_in_a_page(
    run: Run,
    store: DynamoStore,
    client: DynamoClient,
    invocation_id: str,
    page: Page,
    number: int,
    is_young: bool,
    data: st.DataObject,
) -> None:
    """In a later page, of this invocation or left over from an earlier one, both write the same, or neither writes."""
    first_epoch = data.draw(st.sampled_from([1, page.epoch + 1, page.epoch + 2]))
    journal = Journal(run, store, client, invocation_id, is_young=is_young, first_epoch=first_epoch)
    own_s = journal.life.expires_s
    expires_s = data.draw(st.sampled_from([None, LEFT_OVER_S, own_s - 1, own_s, own_s + 1]))
    item = items.page_item(store.models.page, invocation_id, number, page, expires_s=expires_s)
    append = data.draw(appends(page, number))
    # Nobody is granted an epoch of an earlier run.
    journal.check(item, append | {"epoch": max(append["epoch"], first_epoch - 1)})


@expressions
@given(invocation_ids, st.integers(1, 200), st.booleans(), st.data())
def test_in_a_new_page(
    run: Run,
    store: DynamoStore,
    client: DynamoClient,
    invocation_id: str,
    number: int,
    is_young: bool,
    data: st.DataObject,
) -> None:
    """A page that is not there is begun in both ways, at its beginning only."""
    append = data.draw(appends(Page(epoch=1, base=data.draw(st.integers(0, 1000)), frames=()), number))
    Journal(run, store, client, invocation_id, is_young=is_young).check(None, append)


@expressions
@given(heads(), st.data())
def test_a_repeated_append(run: Run, store: DynamoStore, forgetful: Forgetful, head: Head, data: st.DataObject) -> None:
    """An append that is sent again because its answer was lost is the same append, done once."""
    # One that takes effect: what others have written by then is refused as it is without a repetition.
    head = replace(head, status=Status.RUNNING, completed_ms=None, page=replace(head.page, closed=False))
    append = data.draw(appends(head.page, 0)) | {"epoch": head.epoch}
    append["slot"] = replace(append["slot"], count=head.page.count)
    expected = operations.append_to_head(head, **append)
    assert expected is not None
    run(store.dynamo.put(items.head_item(store.models.head, head), None))
    grant = grants.JournalGrant(
        table=store.models.head.Meta.table_name,
        epoch=append["epoch"],
        slot=grants.Slot(**asdict(append["slot"])),
        durable=0,
        taken=(),
    )
    writer = JournalWriter(forgetful, grant, invocation_id=head.id)
    assert writer.append(append["frames"], append["taken"], budget_s=10)
    assert run(store.head(head.id)) == expected
