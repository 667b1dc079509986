"""A send to the ingress is one message, whatever happens between the message and the invocation that it names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

import holdfast
from holdfast_aws.wakeups import Announced, outgoing, read_message
from holdfast_engine.records import Head, Status
from holdfast_protocol.ids import encode_invocation_id
from tests.bench.cost.cloud import Cloud, open_cloud
from tests.support.dynoxide import Dynoxide

ID = encode_invocation_id(bytes(range(24)))

plain = holdfast.Service("Plain")


@plain.handler()
async def echo(ctx: holdfast.Context, text: str) -> str:
    """Return what came."""
    return text


class Gone(Exception):
    """The process has died."""


@pytest.fixture
async def cloud(dynoxide: Dynoxide) -> AsyncIterator[Cloud]:
    """An installation."""
    async with open_cloud(dynoxide.url, [plain], dispatchers=2) as cloud:
        yield cloud


def test_an_announcement_is_read_as_it_was_sent() -> None:
    """The message says which invocation, and until when it may yet be created; it belongs to its service's group."""
    announced = Announced(invocation_id=ID, until_ms=1_800_000_000_123)
    sent = outgoing(announced, delay_s=0)
    assert read_message(sent.body) == announced
    assert sent.group == outgoing(ID, delay_s=0).group


@pytest.mark.parametrize("body", [f"{ID}@", f"{ID}@soon", "@1", f"{ID[:-1]}@1"])
def test_a_malformed_announcement_is_refused(body: str) -> None:
    """What names no invocation or no time is no wake-up."""
    with pytest.raises(ValueError, match=r"."):
        read_message(body)


async def test_a_send_is_one_message(cloud: Cloud) -> None:
    """The ingress sends one message, and the dispatcher receives one."""
    invocation_id = await cloud.send("Plain", "echo", b'"x"')
    await cloud.come_to_rest()
    assert (await cloud.head(invocation_id)).status is Status.COMPLETED
    assert cloud.queue.requests["send"] == cloud.queue.received == cloud.dispatches == 1


async def test_a_message_that_comes_too_early_comes_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivered before the head is written, the message is put back, and finds it the next time."""
    create = cloud.ingress.store.create
    written = asyncio.Event()

    async def late(head: Head) -> Head | None:
        await written.wait()
        return await create(head)

    monkeypatch.setattr(cloud.ingress.store, "create", late)
    sending = asyncio.create_task(cloud.send("Plain", "echo", b'"x"'))
    while not cloud.queue.requests["send"]:
        await asyncio.sleep(0.01)
    await cloud.dispatch_once()
    assert cloud.queue.requests["delete"] == 0
    written.set()
    invocation_id = await sending
    await cloud.come_to_rest()
    assert (await cloud.head(invocation_id)).status is Status.COMPLETED


async def test_one_that_is_never_created_is_given_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the ingress dies before it has created what it announced, the message goes once nobody can do so."""

    async def die(head: Head) -> Head | None:
        raise Gone

    monkeypatch.setattr(cloud.ingress.store, "create", die)
    began_ms = cloud.clock.now_ms()
    with pytest.raises(Gone):
        await cloud.send("Plain", "echo", b'"x"')
    await cloud.come_to_rest()
    assert cloud.clock.now_ms() >= began_ms + 14 * 60_000
    assert cloud.dispatches < 20


async def test_one_whose_creator_dies_runs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the ingress dies behind the create, its caller is told nothing, and the invocation runs all the same."""
    create = cloud.ingress.store.create
    created: list[Head] = []

    async def and_die(head: Head) -> Head | None:
        await create(head)
        created.append(head)
        raise Gone

    monkeypatch.setattr(cloud.ingress.store, "create", and_die)
    with pytest.raises(Gone):
        await cloud.send("Plain", "echo", b'"x"')
    await cloud.come_to_rest()
    assert (await cloud.head(created[0].id)).status is Status.COMPLETED
