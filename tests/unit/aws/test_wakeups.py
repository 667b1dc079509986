"""Wake-ups on SQS: what a message says, when it arrives, and when it is a row instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from holdfast_aws.clients import sqs_client
from holdfast_aws.timers import Timer
from holdfast_aws.wakeup_queue import WakeupQueue
from holdfast_aws.wakeups import SqsWakeups, outgoing, read_message
from holdfast_engine.ids import random_invocation_id
from holdfast_engine.records import KeyRef
from holdfast_local.surroundings import SystemDice
from tests.support.attempts import NOW_MS, FixedClock
from tests.support.dynamo_stores import aws_session
from tests.support.queues import FakeSqs

CLOCK = FixedClock()
ID = random_invocation_id("Greeter", CLOCK, SystemDice())
KEY = KeyRef(service="Greeter", key="ada")
MINUTE_MS = 60_000


@dataclass
class Rows:
    """The timers' table, as far as wake-ups use it."""

    timers: list[Timer] = field(default_factory=list)

    async def put(self, timer: Timer, *, now_ms: int) -> None:
        assert now_ms == NOW_MS
        self.timers.append(timer)


class Sender:
    """Wake-ups over a queue and a table that keep what they get."""

    def __init__(self, *, ends_ms: int = NOW_MS) -> None:
        self.sqs = FakeSqs()
        self.rows = Rows()
        self._queue = WakeupQueue(self.sqs, "url")
        self.wakeups = SqsWakeups(self._queue, self.rows, clock=CLOCK, ends_ms=lambda: ends_ms)  # type: ignore[arg-type]

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.close()

    @property
    def sent(self) -> list[tuple[str, int]]:
        """Bodies and delays."""
        return [(entry["MessageBody"], entry["DelaySeconds"]) for entry in self.sqs.entries]


async def test_a_wakeup_names_the_invocation_and_nothing_else() -> None:
    """A wake-up for now is a message without delay whose body is the id."""
    with Sender() as sender:
        await sender.wakeups.wake(ID, not_before_ms=None)
        await sender.wakeups.wake(ID, not_before_ms=NOW_MS - 5000)
        assert sender.sent == [(ID, 0), (ID, 0)]
        assert read_message(ID) == ID


@pytest.mark.parametrize(
    ("after_ms", "delay_s"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (14 * MINUTE_MS, 840), (15 * MINUTE_MS, 900)]
)
async def test_a_delay_is_rounded_up(after_ms: int, delay_s: int) -> None:
    """Until a quarter of an hour SQS delays the message by itself, and never by too little."""
    with Sender() as sender:
        await sender.wakeups.wake(ID, not_before_ms=NOW_MS + after_ms)
        assert (sender.sent, sender.rows.timers) == ([(ID, delay_s)], [])


@pytest.mark.parametrize("after_ms", [15 * MINUTE_MS + 1, 16 * MINUTE_MS, 40 * 24 * 60 * MINUTE_MS])
async def test_what_is_due_later_is_a_row(after_ms: int) -> None:
    """Beyond the longest delay of a message a wake-up is a row with its exact time, and no message."""
    with Sender() as sender:
        await sender.wakeups.wake(ID, not_before_ms=NOW_MS + after_ms)
        assert (sender.sent, sender.rows.timers) == ([], [Timer(due_ms=NOW_MS + after_ms, invocation_id=ID)])


@pytest.mark.parametrize(
    ("left_ms", "delay_s"), [(0, 2), (30_500, 33), (14 * MINUTE_MS, 842), (15 * MINUTE_MS - 500, 900), (900_000, 900)]
)
async def test_a_watchdog_comes_when_its_sender_is_over(left_ms: int, delay_s: int) -> None:
    """A watchdog is delayed until the sender's end and a little more, as far as one message can be."""
    with Sender(ends_ms=NOW_MS + left_ms) as sender:
        await sender.wakeups.watchdog(ID)
        assert (sender.sent, sender.rows.timers) == ([(ID, delay_s)], [])
        assert delay_s * 1000 >= left_ms


async def test_a_watchdog_never_comes_before_its_senders_end() -> None:
    """A sender that lives longer than a message can be delayed has a row as its watchdog."""
    ends_ms = NOW_MS + 90 * MINUTE_MS
    with Sender(ends_ms=ends_ms) as sender:
        await sender.wakeups.watchdog(ID)
        assert sender.sent == []
        assert sender.rows.timers[0].due_ms >= ends_ms


async def test_a_key_check_names_the_key() -> None:
    """A look at a key is a message, too, and at most a quarter of an hour away."""
    with Sender() as sender:
        await sender.wakeups.check_key(KEY, not_before_ms=NOW_MS + 5000)
        await sender.wakeups.check_key(KEY, not_before_ms=NOW_MS + 90 * MINUTE_MS)
        (first, delay_s), (_, most_s) = sender.sent
        assert (read_message(first), delay_s, most_s) == (KEY, 5, 900)


async def test_nothing_is_sent_of_what_is_settled() -> None:
    """That everything is done is no message: the one in hand is deleted instead."""
    with Sender() as sender:
        await sender.wakeups.settled(ID)
        assert (sender.sent, sender.rows.timers) == ([], [])


def test_all_messages_of_a_service_are_one_group() -> None:
    """Invocations and keys of one service share a message group, and other services have others."""
    other = random_invocation_id("Greeter", CLOCK, SystemDice())
    stranger = random_invocation_id("Payments", CLOCK, SystemDice())
    groups = [outgoing(message, delay_s=0).group for message in (ID, other, KEY, stranger)]
    assert groups[0] == groups[1] == groups[2] != groups[3]


_TEXT = st.text(st.characters(codec="utf-8"), max_size=50)


@given(st.builds(KeyRef, service=_TEXT, key=_TEXT, scope=st.none() | _TEXT))
def test_any_key_travels_as_it_is(key: KeyRef) -> None:
    """A key comes out of its message as it went in, and the message is printable ASCII, whatever the key holds."""
    body = outgoing(key, delay_s=0).body
    assert read_message(body) == key
    assert body.isascii()
    assert body.isprintable()


@pytest.mark.parametrize(
    "body", ["", "inv_1", "hello", "{", "[]", "null", "{}", '{"service": "S"}', '{"service": 1, "key": "k"}', "1"]
)
def test_what_is_no_message_is_refused(body: str) -> None:
    """What names neither an invocation nor a key is a ValueError, so that it ends among the dead letters."""
    with pytest.raises(ValueError, match=r"\S"):
        read_message(body)


@pytest.fixture
def queue() -> Iterator[tuple[Any, str]]:
    """A queue of moto's, and a client of it."""
    with mock_aws():
        client = sqs_client(aws_session())
        yield client, client.create_queue(QueueName="wakeups")["QueueUrl"]


async def test_sqs_takes_the_messages(queue: tuple[Any, str]) -> None:
    """The request is one that SQS understands: body, delay and group arrive on a standard queue."""
    client, url = queue
    sending = WakeupQueue(client, url)
    wakeups = SqsWakeups(sending, Rows(), clock=CLOCK, ends_ms=lambda: NOW_MS)  # type: ignore[arg-type]
    await wakeups.wake(ID, not_before_ms=None)
    await wakeups.wake(ID, not_before_ms=NOW_MS + MINUTE_MS)
    sending.close()
    (received,) = client.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    assert (received["Body"], received["Attributes"]["MessageGroupId"]) == (ID, ID[:16])
    names = ["ApproximateNumberOfMessagesDelayed"]
    assert client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]] == "1"
