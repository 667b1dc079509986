"""Payloads of a megabyte and more, wherever a payload can be."""

from __future__ import annotations

import httpx
import pytest

from tests.conformance.blackbox.arena import PYTHON_SDKS, ROOMY_SDKS
from tests.conformance.blackbox.programs import awakeable, call, get, put, run, sleep
from tests.conformance.blackbox.server import Server, new

_MIB = 1024 * 1024


def _text(size: int) -> str:
    return ("0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.sdks(*PYTHON_SDKS)
@pytest.mark.parametrize("size", [100_000, _MIB, 4 * _MIB])
async def test_in_and_out(server: Server, size: int) -> None:
    """A large body reaches the handler and comes back, byte for byte."""
    content = bytes(range(256)) * (size // 256)
    headers = {"content-type": "application/octet-stream"}
    answer = await server.ingress.post("/Echo/raw", content=content, headers=headers)
    assert (answer.status_code, answer.content) == (200, content)


async def test_results_of_steps(server: Server) -> None:
    """A step's large result is recorded, and is there in every replay."""
    text = _text(2 * _MIB)
    assert await server.play(run("a", text), sleep(1), run("b", 1)) == [text, None, 1]


@pytest.mark.sdks(*ROOMY_SDKS)
async def test_many_middling_results(server: Server) -> None:
    """Twenty results of 150 KB make a large journal, which is replayed whole."""
    texts = [_text(150_000 + number) for number in range(20)]
    assert await server.play(*(run(f"step {number}", text) for number, text in enumerate(texts)), sleep(1))


async def test_state(server: Server) -> None:
    """A large value of state is stored and read back, beside small ones."""
    key, text = new("key"), _text(2 * _MIB)
    await server.act(key, put("large", text), put("small", 1))
    assert await server.act(key, get("large"), get("small")) == [text, 1]


async def test_calls(server: Server) -> None:
    """Arguments and results of calls are large."""
    text = _text(_MIB)
    assert await server.play(call("Player", "play", [run("a", text)])) == [[text]]


async def test_awakeables(server: Server) -> None:
    """What an awakeable is resolved with is large."""
    name, text = new("wait"), _text(_MIB)
    invocation = await server.start(awakeable(name))
    await server.resolve(await server.awakeable(name), text)
    assert await server.result(invocation) == [text]


async def test_results_that_are_asked_for_later(server: Server) -> None:
    """A large result is kept for those who repeat the request."""
    key, text = new("key"), _text(_MIB)
    for _ in range(2):
        assert await server.call("/Player/play", [run("a", text)], headers={"idempotency-key": key}) == [text]


async def test_a_body_beyond_the_limit_is_refused(server: Server) -> None:
    """A body that is too large is a 413, and the next request is served."""
    # Restate takes 32 MiB; ours takes what a Lambda function can be given, so that what works here works there.
    try:
        answer = await server.ingress.post("/Player/play", content=b" " * (33 * _MIB))
        assert answer.status_code == 413
    except httpx.TransportError:
        # Theirs hangs up while the client still writes, which then never sees the answer.
        assert server.is_restate
    assert await server.play(run("a", 1)) == [1]
