"""Endpoints that say what is to become of an invocation whose attempt failed: retried, paused, or ended."""

from __future__ import annotations

import pytest

from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.conformance.blackbox.arena import NODE_SDKS
from tests.conformance.blackbox.crafted import Answer, Asked, CraftedEndpoint, crafted
from tests.conformance.blackbox.programs import run
from tests.conformance.blackbox.server import Server, failure_of, new
from tests.support import wire_frames as f

# Their handlers are written by hand, so one SDK's turn will do.
by_hand = pytest.mark.sdks("restate-sdk", "in-process")


async def _registered(server: Server, endpoint: CraftedEndpoint) -> None:
    answer = await server.admin.post("/deployments", json={"uri": endpoint.uri, "use_http_11": True})
    assert answer.is_success, answer.text


def _then_done(*first: list[bytes]) -> Answer:
    """Return who answers the first attempts so, and ends with the text "ok" from then on."""

    def answer(asked: Asked) -> list[bytes] | None:
        return first[asked.number - 1] if asked.number <= len(first) else [f.output(b'"ok"'), f.END]

    return answer


@pytest.mark.sdks(*NODE_SDKS)
async def test_a_step_pauses_its_invocation(server: Server) -> None:
    """A step that asks for somebody to look pauses its invocation; a resume executes it again, and only it."""
    before, step = new("before"), new("step")
    invocation = await server.start(run(before, 1), run(step, 2, pauses=2))
    for times in (1, 2):
        await server.noted(f"ran {step}", times=times)
        await server.until(invocation, "paused")
        assert len(server.notes(f"ran {step}")) == times
        assert (await server.operate("resume", invocation)).status_code == 200
    assert await server.result(invocation) == [1, 2]
    assert len(server.notes(f"ran {before}")) == 1


@by_hand
async def test_an_attempt_asks_for_a_pause(server: Server) -> None:
    """An error that says pause pauses at once, whatever the retry policy would allow, and keeps what came before it."""
    service = new("Crafted")
    with crafted(service, _then_done([f.run(1), f.error(500, "look", behavior=f.PAUSE)])) as endpoint:
        await _registered(server, endpoint)
        invocation = await server.send(f"/{service}/do")
        await server.until(invocation, "paused")
        assert len(endpoint.asked) == 1
        await server.operate("resume", invocation)
        assert await server.result(invocation) == "ok"
        types = [MessageType(frame_type(frame)) for frame in endpoint.asked[1].frames]
        assert types == [MessageType.INPUT, MessageType.RUN]


@by_hand
async def test_an_attempt_asks_for_the_end(server: Server) -> None:
    """An error that says fail ends the invocation with its code and message; nobody tries again."""
    service = new("Crafted")
    with crafted(service, _then_done([f.error(418, "never", behavior=f.FAIL)])) as endpoint:
        await _registered(server, endpoint)
        invocation = await server.send(f"/{service}/do")
        assert failure_of(await server.attach(invocation)) == (418, "never")
        assert len(endpoint.asked) == 1


@by_hand
async def test_an_attempt_asks_for_nothing(server: Server) -> None:
    """An error that says retry is retried, as soon as it asks for."""
    service = new("Crafted")
    again = f.error(500, "again", behavior=f.RETRY)
    soon = f.error(500, "soon", behavior=f.RETRY, next_retry_delay=1)
    with crafted(service, _then_done([again], [soon])) as endpoint:
        await _registered(server, endpoint)
        assert await server.call(f"/{service}/do") == "ok"
        assert len(endpoint.asked) == 3


@by_hand
async def test_a_refused_version(server: Server) -> None:
    """An endpoint that answers 415 to a version is not given up: ours speaks an older one to it from then on."""
    service = new("Crafted")

    def answer(asked: Asked) -> list[bytes] | None:
        # A stock server repeats what it said.
        is_taken = asked.version <= 6 or (server.is_restate and asked.number > 2)
        return [f.output(b'"ok"'), f.END] if is_taken else None

    with crafted(service, answer) as endpoint:
        await _registered(server, endpoint)
        assert await server.call(f"/{service}/do") == "ok"
        assert await server.call(f"/{service}/do") == "ok"
        versions = [asked.version for asked in endpoint.asked]
        assert versions == ([7, 7, 7, 7] if server.is_restate else [7, 6, 6])
