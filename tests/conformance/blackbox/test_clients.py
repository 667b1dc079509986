"""Clients from outside: Restate's own, in Python and TypeScript, and ours, against the same ingress."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import restate
from restate.client import create_client
from restate.client_types import HttpError

import holdfast
from tests.conformance.blackbox.arena import IN_PROCESS
from tests.conformance.blackbox.handlers import echo, player
from tests.conformance.blackbox.launch import node_folder
from tests.conformance.blackbox.programs import awakeable, fail, note, promise, run
from tests.conformance.blackbox.server import Server, new
from tests.support.npm import NodeMissing

# The clients are under test here, not the handlers: one SDK behind each server will do.
pytestmark = pytest.mark.sdks(IN_PROCESS, "restate-sdk")

Program = list[dict[str, Any]]

_player = restate.Service("Player")
_actor = restate.VirtualObject("Actor")
_story = restate.Workflow("Story")


@_player.handler()
async def play(ctx: restate.Context, program: Program) -> list[Any]:
    """Stand for the handler of that name: the official client is told by it what to call."""
    raise NotImplementedError


@_actor.handler("play")
async def play_alone(ctx: restate.ObjectContext, program: Program) -> list[Any]:
    """Stand for the handler of that name."""
    raise NotImplementedError


@_story.main("run")
async def run_story(ctx: restate.WorkflowContext, program: Program) -> list[Any]:
    """Stand for the handler of that name."""
    raise NotImplementedError


# Restate's client in Python.


async def test_the_official_python_client_calls(server: Server) -> None:
    """Services, objects and workflows can be called, with idempotency keys and headers, and raw."""
    async with create_client(server.arena.orchestrator.ingress_url) as client:
        headers = {"x-mine": "1"}
        assert await client.service_call(play, [run("a", 1)], headers=headers) == [1]
        key = new("key")
        assert await client.service_call(play, [run("a", 1)], idempotency_key=key) == [1]
        assert await client.service_call(play, [run("a", 2)], idempotency_key=key) == [1]
        assert await client.object_call(play_alone, new("k"), [run("a", 3)]) == [3]
        assert await client.workflow_call(run_story, new("story"), [run("a", 4)]) == [4]
        program = json.dumps([run("a", 5)]).encode()
        raw = await client.generic_call("Player", "play", program, headers={"content-type": "application/json"})
        assert json.loads(raw) == [5]


async def test_the_official_python_client_sends(server: Server) -> None:
    """What is sent runs, and its id is given."""
    async with create_client(server.arena.orchestrator.ingress_url) as client:
        sent = await client.service_send(play, [run("a", 1)])
        assert await server.result(sent.invocation_id) == [1]
        sent = await client.object_send(play_alone, new("k"), [run("a", 2)])
        assert await server.result(sent.invocation_id) == [2]


async def test_the_official_python_client_sends_for_later(server: Server) -> None:
    """Its delay is a bare number of milliseconds; the server of the same house refuses that, and we take it."""
    name = new("later")
    async with create_client(server.arena.orchestrator.ingress_url) as client:
        if server.is_restate:
            with pytest.raises(HttpError):
                await client.service_send(play, [note(name)], send_delay=timedelta(milliseconds=300))
            return
        sent = await client.service_send(play, [note(name)], send_delay=timedelta(milliseconds=300))
        assert server.notes(name) == []
        assert await server.result(sent.invocation_id) == [None]


async def test_the_official_python_client_sees_failures(server: Server) -> None:
    """A handler's failure is an HttpError with its status."""
    async with create_client(server.arena.orchestrator.ingress_url) as client:
        with pytest.raises(HttpError) as failed:
            await client.service_call(play, [fail("out of bread", 409)])
    assert failed.value.status_code == 409
    assert "out of bread" in (failed.value.body or "")


# Restate's client in TypeScript.


async def _ask_node(server: Server, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        folder = node_folder()
    except NodeMissing as missing:
        pytest.skip(f"the TypeScript client {missing}")
    command = ["node", str(folder / "client.mjs"), server.arena.orchestrator.ingress_url]
    done = await asyncio.to_thread(
        subprocess.run, command, input=json.dumps(requests), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


async def test_the_official_typescript_client_calls(server: Server) -> None:
    """Services, objects and workflows can be called, with idempotency keys; failures have their status."""
    key, actor = new("key"), new("actor")
    player_of = {"service": "Player", "handler": "play"}
    answers = await _ask_node(
        server,
        {"do": "call", **player_of, "arg": [run("a", 1)]},
        {"do": "call", **player_of, "arg": [run("a", 2)], "idempotencyKey": key},
        {"do": "call", **player_of, "arg": [run("a", 3)], "idempotencyKey": key},
        {"do": "call", "service": "Actor", "key": actor, "handler": "play", "arg": [run("a", 4)]},
        {"do": "call", **player_of, "arg": [fail("out of bread", 409)]},
    )
    assert [answer.get("ok") for answer in answers[:4]] == [[1], [2], [2], [4]]
    assert answers[4]["failed"] == 409
    assert "out of bread" in answers[4]["text"]


async def test_the_official_typescript_client_sends_and_waits(server: Server) -> None:
    """What is sent, at once or for later, can be waited for by what the send answered."""
    player_of = {"service": "Player", "handler": "play"}
    key = {"idempotencyKey": new("key")}
    answers = await _ask_node(
        server,
        {"do": "send", **player_of, "arg": [run("a", 1)], **key},
        {"do": "send", **player_of, "arg": [run("a", 1)], **key},
        {"do": "sendAndWait", **player_of, "arg": [run("a", 2)], "idempotencyKey": new("key"), "delay": 200},
    )
    first, again, waited = [answer["ok"] for answer in answers]
    assert (first["status"], again["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first["invocationId"] == again["invocationId"]
    assert waited == [2]


async def test_the_official_typescript_client_runs_workflows(server: Server) -> None:
    """A workflow is submitted, asked for its output, completed, and attached to."""
    key, name = new("story"), new("wait")
    story = {"service": "Story", "key": key}
    submitted, early = await _ask_node(
        server, {"do": "submit", **story, "arg": [awakeable(name)]}, {"do": "output", **story}
    )
    assert submitted["ok"]["status"] == "Accepted"
    assert early["ok"] == {"ready": False}
    token = await server.awakeable(name)
    answers = await _ask_node(
        server,
        {"do": "resolve", "id": token, "value": "there"},
        {"do": "attach", **story},
        {"do": "output", **story},
    )
    assert "failed" not in answers[0], answers[0]
    assert answers[1]["ok"] == ["there"]
    assert answers[2]["ok"] == {"ready": True, "result": ["there"]}


async def test_the_official_typescript_client_rejects_awakeables(server: Server) -> None:
    """A rejected awakeable fails whoever waits for it."""
    name = new("wait")
    invocation = await server.start(awakeable(name))
    [rejected] = await _ask_node(server, {"do": "reject", "id": await server.awakeable(name), "reason": "no bread"})
    assert "failed" not in rejected, rejected
    answer = await server.attach(invocation)
    assert (answer.status_code, answer.json()["message"]) == (500, "no bread")


# Ours.


@pytest.fixture
def client(server: Server) -> Iterator[holdfast.Client]:
    """Our client."""
    with holdfast.Client(server.arena.orchestrator.ingress_url) as made:
        yield made


async def test_our_client_calls(server: Server) -> None:
    """Services, objects and workflows are called by their handlers' functions."""
    async with holdfast.AsyncClient(server.arena.orchestrator.ingress_url) as client:
        assert await client.service_call(player.play, [run("a", 1)]) == [1]
        key = new("key")
        assert await client.service_call(player.play, [run("a", 2)], idempotency_key=key) == [2]
        assert await client.service_call(player.play, [run("a", 3)], idempotency_key=key) == [2]
        assert await client.object_call(player.play_alone, "any /key", [run("a", 4)]) == [4]
        assert await client.workflow_call(player.run, new("story"), [run("a", 5)]) == [5]
        assert await client.service_call(echo.order, echo.Order(item="apple", amount=2)) == "2 x apple"
        await client.service_call(echo.nothing, None)
        assert await client.service_call(echo.raw, b"\x00\xff") == b"\x00\xff"
        body = json.dumps([run("a", 6)]).encode()
        raw = await client.generic_call("Player", "play", body, headers={"Content-Type": "application/json"})
        assert json.loads(raw) == [6]


async def test_our_client_sends(server: Server) -> None:
    """What is sent can be waited for, and asked for; a repeated send is not new."""
    name, key = new("wait"), new("key")
    async with holdfast.AsyncClient(server.arena.orchestrator.ingress_url) as client:
        sent = await client.service_send(player.play, [awakeable(name)], idempotency_key=key)
        assert sent.is_new
        assert not (await client.service_send(player.play, [], idempotency_key=key)).is_new
        with pytest.raises(holdfast.NotCompleted):
            await client.output(sent)
        await client.resolve_awakeable(await server.awakeable(name), {"a": 1})
        assert await client.attach(sent) == [{"a": 1}]
        assert await client.output(sent) == [{"a": 1}]


async def test_our_client_sends_for_later(server: Server) -> None:
    """A delayed send starts after its delay and not before."""
    name = new("later")
    async with holdfast.AsyncClient(server.arena.orchestrator.ingress_url) as client:
        sent = await client.object_send(
            player.play_alone, new("k"), [note(name)], send_delay=timedelta(milliseconds=300)
        )
        assert server.notes(name) == []
        assert await client.attach(sent) == [None]


async def test_our_client_runs_workflows(server: Server) -> None:
    """A workflow is submitted, met again, asked for its output, and attached to by its key."""
    key, name = new("story"), new("wait")
    async with holdfast.AsyncClient(server.arena.orchestrator.ingress_url) as client:
        with pytest.raises(holdfast.NotFound):
            await client.workflow_output(player.run, key)
        sent = await client.workflow_submit(player.run, key, [awakeable(name), promise("p")])
        assert sent.is_new
        assert not (await client.workflow_submit(player.run, key, [])).is_new
        with pytest.raises(holdfast.NotCompleted):
            await client.workflow_output(player.run, key)
        await client.reject_awakeable(await server.awakeable(name), "no bread")
        with pytest.raises(holdfast.InvocationFailed, match="no bread") as failed:
            await client.workflow_attach(player.run, key)
        assert failed.value.status_code == 500


async def test_our_client_sees_who_failed(server: Server) -> None:
    """A handler's failure comes with code and metadata; a refusal of the ingress is another error."""
    async with holdfast.AsyncClient(server.arena.orchestrator.ingress_url) as client:
        with pytest.raises(holdfast.InvocationFailed, match=r"^no$") as failed:
            await client.service_call(player.play, [fail("no", 404, {"reason": "bread"})])
        assert (failed.value.status_code, failed.value.metadata) == (404, {"reason": "bread"})
        with pytest.raises(holdfast.NotFound):
            await client.generic_call("Nobody", "play", b"")
        with pytest.raises(holdfast.ClientError) as refused:
            await client.service_call(player.play_hidden, [])
        assert refused.value.status_code == 400


def test_our_client_without_an_event_loop(client: holdfast.Client) -> None:
    """The same for code that has no event loop."""
    assert client.service_call(player.play, [run("a", 1)]) == [1]
    key = new("story")
    sent = client.workflow_submit(player.run, key, [run("a", 2)])
    assert client.attach(sent) == [2]
    assert client.workflow_attach(player.run, key) == [2]
