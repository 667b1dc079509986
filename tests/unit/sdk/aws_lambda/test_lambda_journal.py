"""Appends of a handler function, as DynamoDB gets them, and what their answers mean."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from holdfast._dynamo import DynamoClient, Undecided
from holdfast._dynamo_credentials import CredentialSource
from holdfast._dynamo_http import Address
from holdfast._lambda_journal import JournalWriter
from holdfast_protocol.grants import Slot
from tests.support.scripted_server import Play, ScriptedServer, answer, error, hang_up, scripted_server
from tests.unit.sdk.aws_lambda.functions import INVOCATION_ID, TABLE, grant

FRAMES = [b"\x04\x11\x00\x00\x00\x00\x00\x02X\x01", b"\x80\x11\x00\x00\x00\x00\x00\x02\x08\x01"]
LISTED = [{"B": base64.b64encode(frame).decode()} for frame in FRAMES]
INPUT = {"B": "AAAA"}
ENVIRON = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"}


@contextmanager
def writing(slot: Slot, *script: Play, epoch: int = 3) -> Iterator[tuple[JournalWriter, ScriptedServer]]:
    with scripted_server(*script) as server:
        address = Address.of("x", {"AWS_ENDPOINT_URL": server.url})
        client = DynamoClient(address, CredentialSource(ENVIRON), sleep=lambda _: None)
        try:
            yield JournalWriter(client, grant(slot=slot, epoch=epoch), invocation_id=INVOCATION_ID), server
        finally:
            client.close()


def _item(frames: Sequence[object], *, epoch: int = 3) -> dict[str, object]:
    return {"e": {"N": str(epoch)}, "n": {"N": str(len(frames))}, "f": {"L": list(frames)}}


def test_an_append_to_the_head() -> None:
    """In page 0 an append asks for the very epoch, for the count, and that the invocation has not ended."""
    with writing(Slot(page=0, count=1, base=0, frames_bytes=20), answer()) as (writer, server):
        assert writer.append(FRAMES, (), budget_s=5)
        assert server.received[0].content == {
            "TableName": TABLE,
            "Key": {"p": {"S": INVOCATION_ID}, "s": {"S": "h"}},
            "ConditionExpression": "e = :e AND n = :c AND attribute_not_exists(z) AND t <> :done",
            "UpdateExpression": "SET n = :n, f = list_append(f, :f)",
            "ExpressionAttributeValues": {
                ":e": {"N": "3"},
                ":c": {"N": "1"},
                ":n": {"N": "3"},
                ":f": {"L": LISTED},
                ":done": {"S": "c"},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        assert writer.reached.slot == Slot(page=0, count=3, base=0, frames_bytes=42)


def test_the_beginning_of_a_page() -> None:
    """A page begins where there is none, or one of an earlier run, or one that was claimed; what was there goes."""
    with writing(Slot(page=12, count=0, base=40, frames_bytes=0), answer()) as (writer, server):
        assert writer.append(FRAMES, (), budget_s=5)
        content = server.received[0].content
        assert content["Key"]["s"] == {"S": "q12"}
        assert content["ConditionExpression"] == (
            "attribute_not_exists(p) OR x < :x OR e < :y"
            " OR (n = :c AND e <= :e AND attribute_not_exists(z) AND (attribute_not_exists(x) OR x >= :x) AND e >= :y)"
        )
        assert content["UpdateExpression"] == "SET n = :n, f = :f, e = :e, b = :b REMOVE a, x, z"
        assert content["ExpressionAttributeValues"][":b"] == {"N": "40"}
        assert writer.reached.slot == Slot(page=12, count=2, base=40, frames_bytes=22)


def test_an_append_to_a_page() -> None:
    """In a later page an append asks that no newer epoch has written, and leaves its own."""
    with writing(Slot(page=1, count=5, base=40, frames_bytes=500), answer()) as (writer, server):
        assert writer.append(FRAMES, (), budget_s=5)
        content = server.received[0].content
        assert content["ConditionExpression"] == (
            "n = :c AND e <= :e AND attribute_not_exists(z) AND (attribute_not_exists(x) OR x >= :x) AND e >= :y"
        )
        assert content["UpdateExpression"] == "SET n = :n, f = list_append(f, :f), e = :e"


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        (Slot(page=0, count=1, base=0, frames_bytes=0), "a = list_append(if_not_exists(a, :none), :a)"),
        (Slot(page=1, count=1, base=9, frames_bytes=0), "a = list_append(if_not_exists(a, :none), :a)"),
        (Slot(page=1, count=0, base=9, frames_bytes=0), "a = :a REMOVE x, z"),
    ],
)
def test_tokens_go_with_their_frames(slot: Slot, expected: str) -> None:
    """Tokens of merged signals are written by the update that writes the signals, and by no other."""
    with writing(slot, answer()) as (writer, server):
        assert writer.append(FRAMES, ["s#17", "s#x"], budget_s=5)
        assert writer.append(FRAMES, (), budget_s=5)
        first, second = [received.content for received in server.received]
        assert first["UpdateExpression"].endswith(expected)
        assert first["ExpressionAttributeValues"][":a"] == {"L": [{"S": "s#17"}, {"S": "s#x"}]}
        assert ":a" not in second["ExpressionAttributeValues"]
        assert ":none" not in second["ExpressionAttributeValues"]


def test_a_full_page_is_closed() -> None:
    """The append behind which another of its size would not fit closes the page, and the next one begins the next."""
    with writing(Slot(page=0, count=7, base=0, frames_bytes=780), answer()) as (writer, server):
        assert writer.append(FRAMES, (), budget_s=5)
        assert writer.reached.slot == Slot(page=0, count=9, base=0, frames_bytes=802)
        assert writer.append(FRAMES, (), budget_s=5)
        assert writer.reached.slot == Slot(page=1, count=0, base=11, frames_bytes=0)
        assert writer.append(FRAMES, (), budget_s=5)
        open_, closing, beginning = [received.content for received in server.received]
        assert "z = :yes" not in open_["UpdateExpression"]
        assert closing["UpdateExpression"].endswith(", z = :yes")
        assert closing["ExpressionAttributeValues"][":yes"] == {"BOOL": True}
        assert (beginning["Key"]["s"], beginning["ExpressionAttributeValues"][":b"]) == ({"S": "p1"}, {"N": "11"})


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(_item([INPUT]), id="count too low"),
        pytest.param(_item([INPUT, *LISTED]), id="the same bytes, without an earlier try"),
        pytest.param(_item([INPUT, LISTED[0], INPUT]), id="others"),
        pytest.param(_item([INPUT, LISTED[0]]), id="half of mine"),
        pytest.param({}, id="no journal"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_refused_append_is_fenced(item: object) -> None:
    """When somebody else was there, or a newer attempt has begun, nothing more may be written."""
    slot = Slot(page=0, count=1, base=0, frames_bytes=20)
    with writing(slot, error("ConditionalCheckFailedException", item=item)) as (writer, _):
        assert not writer.append(FRAMES, (), budget_s=5)
        assert writer.reached.slot == slot


def test_an_own_append_under_a_newer_epoch() -> None:
    """An append that was carried out before a newer attempt took over does not let the old one go on."""
    refused = error("ConditionalCheckFailedException", item=_item([INPUT, *LISTED], epoch=4))
    with writing(Slot(page=0, count=1, base=0, frames_bytes=20), hang_up, refused) as (writer, _):
        assert not writer.append(FRAMES, (), budget_s=5)


@pytest.mark.parametrize("lost", [hang_up, error("InternalServerError", status=500)], ids=["hung up", "500"])
def test_an_own_append_whose_answer_was_lost(lost: Play) -> None:
    """An append that is refused because it was carried out the first time is carried out."""
    refused = error("ConditionalCheckFailedException", item=_item([INPUT, *LISTED]))
    with writing(Slot(page=0, count=1, base=0, frames_bytes=20), lost, refused, answer()) as (writer, server):
        assert writer.append(FRAMES, (), budget_s=5)
        assert writer.reached.slot.count == 3
        assert writer.append(FRAMES, (), budget_s=5)
        assert server.received[2].content["ExpressionAttributeValues"][":c"] == {"N": "3"}


@pytest.mark.parametrize(
    ("trouble", "is_certain"), [(hang_up, False), (error("ThrottlingException"), True)], ids=["lost", "throttled"]
)
def test_an_append_that_nobody_decides(trouble: Play, is_certain: bool) -> None:
    """Who gives up says where it stands, and whether what it gave up may be behind that place all the same."""
    slot = Slot(page=0, count=1, base=0, frames_bytes=20)
    with writing(slot, trouble) as (writer, _):
        with pytest.raises(Undecided):
            writer.append(FRAMES, (), budget_s=5)
        assert (writer.reached.slot, writer.reached.is_certain) == (slot, is_certain)
