"""Handlers in this process: what a runner may do to the server, and what it may not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer
from holdfast_engine.registry import Endpoint
from holdfast_local.in_process import STACKTRACE_CHARS_MAX, InProcessDiscovery, InProcessInvoker
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.manifest import Manifest
from tests.support.attempts import END, OUTPUT, attempt, deployment, manifest

ENDPOINT = Endpoint(transport="in-process", address="shop")

Run = Callable[[AttemptRequest, Checkpoint | None], Awaitable[list[bytes]]]


class Runner:
    """Runs attempts as its test says."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        return await self._run(request, checkpoint)

    def manifest(self) -> Manifest:
        return manifest()


async def _invoke(run: Run, *, checkpoint: Checkpoint | None = None, timeout_ms: int = 5000) -> Answer:
    invoker = InProcessInvoker({"shop": Runner(run)})
    assert invoker.takes_checkpoints(deployment(ENDPOINT))
    return await invoker.invoke(deployment(ENDPOINT), attempt(), checkpoint=checkpoint, timeout_ms=timeout_ms)


async def test_request_and_checkpoint_reach_the_runner() -> None:
    """The runner is given the very request and checkpoint, and its frames are the answer."""
    seen = []

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        seen.append((request.service, request.handler, checkpoint))
        return [OUTPUT, END]

    checkpoint = cast(Checkpoint, object())
    answer = await _invoke(run, checkpoint=checkpoint)
    assert (list(answer.frames), answer.failure) == ([OUTPUT, END], None)
    assert seen == [("Greeter", "greet", checkpoint)]


def _raising(error: BaseException) -> Run:
    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        raise error

    return run


class Unspeakable(Exception):
    """An error of user code that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad luck"),
        SystemExit(3),
        BaseExceptionGroup("many", [ValueError("bad luck")]),
        TimeoutError("of my own"),
        asyncio.CancelledError(),
        Unspeakable(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_runner_raises_is_a_failed_attempt(error: BaseException) -> None:
    """Nothing that user code raises ends the server: it is a failure with the name of the error and its stacktrace."""
    failure = (await _invoke(_raising(error))).failure
    assert failure is not None
    assert (failure.code, failure.is_counted) == (500, True)
    assert failure.message.startswith("Greeter/greet raised ")
    assert type(error).__name__ in failure.message
    assert "Traceback" in failure.stacktrace


async def test_the_stacktrace_is_bounded() -> None:
    """Of an endless stacktrace the end is kept, where the error is."""

    def dig(depth: int) -> None:
        # Two functions by turns, because Python folds repeated frames of one.
        if depth:
            (lambda: dig(depth - 1))()
        raise ValueError("x" * 100)

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        dig(sys.getrecursionlimit() // 4)
        return []

    failure = (await _invoke(run)).failure
    assert failure is not None
    assert len(failure.stacktrace) == STACKTRACE_CHARS_MAX
    assert failure.stacktrace.rstrip().endswith("ValueError: " + "x" * 100)


async def test_a_keyboard_interrupt_is_for_the_server() -> None:
    """What a person at the keyboard says is not taken for a failed attempt."""
    # By hand, because an event loop lets this one out of every task.
    coroutine = _invoke(_raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        coroutine.send(None)


async def test_an_attempt_is_cancelled_at_its_timeout() -> None:
    """A handler that takes too long is cancelled, has its clean-up run, and is reported with where it was."""
    is_cleaned_up = asyncio.Event()

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        try:
            await asyncio.sleep(30)
        finally:
            is_cleaned_up.set()
        return []

    failure = (await _invoke(run, timeout_ms=20)).failure
    assert failure is not None
    assert (failure.code, failure.rt_code) == (504, "RT0001")
    assert "within 20 ms" in failure.message
    assert "asyncio.sleep(30)" in failure.stacktrace
    assert is_cleaned_up.is_set()


async def test_a_timeout_inside_the_handler_is_not_ours() -> None:
    """A TimeoutError of user code's own making is reported as what it is."""

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(30)
        return []

    failure = (await _invoke(run)).failure
    assert failure is not None
    assert failure.message == "Greeter/greet raised TimeoutError"


async def test_an_answer_that_beats_the_cancellation_counts() -> None:
    """A handler that ends properly although it was cancelled has ended properly."""

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
        return [OUTPUT, END]

    answer = await _invoke(run, timeout_ms=20)
    assert list(answer.frames) == [OUTPUT, END]


async def test_cancelling_the_engine_cancels_the_handler() -> None:
    """When the engine is stopped, the handler is cancelled and no answer is made up."""
    is_there, is_cancelled = asyncio.Event(), asyncio.Event()

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        is_there.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            is_cancelled.set()
            raise
        return []

    task = asyncio.create_task(_invoke(run))
    await is_there.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_cancelled.is_set()


async def test_an_answer_without_a_terminator_is_a_failure() -> None:
    """A runner that does not say how the attempt ended has failed, and its frames are kept."""

    async def run(request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        return [OUTPUT]

    answer = await _invoke(run)
    assert list(answer.frames) == [OUTPUT]
    assert answer.failure is not None


async def test_services_that_are_not_loaded_are_named() -> None:
    """An attempt for an endpoint this process does not have fails without counting, and says what to start."""
    invoker = InProcessInvoker({})
    failure = (await invoker.invoke(deployment(ENDPOINT), attempt(), checkpoint=None, timeout_ms=100)).failure
    assert failure is not None
    assert (failure.code, failure.is_counted) == (404, False)
    assert "'shop'" in failure.message


async def test_the_manifest_is_asked_of_the_endpoint() -> None:
    """Discovery returns the endpoint's own manifest and the SDK's version."""
    discovery = InProcessDiscovery({"shop": Runner(_raising(AssertionError()))}, sdk_version="holdfast/1")
    assert await discovery.discover(ENDPOINT) == (manifest(), "holdfast/1")


async def test_a_manifest_that_cannot_be_made_is_a_sentence() -> None:
    """An endpoint whose manifest raises, and one that is not there, are failures of discovery for good."""

    class Broken(Runner):
        def manifest(self) -> Manifest:
            raise ValueError("two handlers of one name")

    discovery = InProcessDiscovery({"shop": Broken(_raising(AssertionError()))}, sdk_version=None)
    with pytest.raises(DiscoveryFailed, match="'shop' have no usable manifest: two handlers") as caught:
        await discovery.discover(ENDPOINT)
    assert (caught.value.meta_code, caught.value.is_retryable) == ("META0013", False)
    with pytest.raises(DiscoveryFailed, match="no services are loaded as 'shop'"):
        await InProcessDiscovery({}, sdk_version=None).discover(ENDPOINT)
