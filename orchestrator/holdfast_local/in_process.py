"""Handlers in this process: attempts run on this event loop, and the manifest is asked of the endpoint itself."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from typing import Protocol

from holdfast_engine.endpoints.reply import NO_TERMINATOR, has_terminator
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol.attempt import AttemptRequest, AttemptRunner, Checkpoint
from holdfast_protocol.codes import FailureCode, RestateCode
from holdfast_protocol.manifest import Manifest

# The end of a traceback is where it happened; the last failure of an invocation is kept with it, in one item.
STACKTRACE_CHARS_MAX = 8 * 1024


class LocalEndpoint(AttemptRunner, Protocol):
    """An endpoint in this process: runs attempts and says what it serves."""

    def manifest(self) -> Manifest:
        """Return what the endpoint serves."""
        ...


class InProcessInvoker:
    """Runs attempts of the endpoints it was given, by address."""

    def __init__(self, runners: Mapping[str, AttemptRunner]) -> None:
        self._runners = runners

    def takes_checkpoints(self, deployment: Deployment) -> bool:  # noqa: ARG002 - it is the same for all of them.
        """Return True: the handler is next door."""
        return True

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: Checkpoint | None, timeout_ms: int
    ) -> Answer:
        """Run the attempt here, at most for `timeout_ms`."""
        address = deployment.endpoint.address
        runner = self._runners.get(address)
        if runner is None:
            return _failed(f"{_missing(address)}; start it with these services", code=404, is_counted=False)
        target = f"{request.service}/{request.handler}"
        limit = asyncio.timeout(timeout_ms / 1000)
        try:
            async with limit:
                frames = await runner.run(request, checkpoint)
        except BaseException as error:
            # User code must not end the server, not by sys.exit() either.
            if _is_for_us(error):
                raise
            return _timed_out(error, target, timeout_ms) if limit.expired() else _raised(error, target)
        return _answer(frames, target)


class InProcessDiscovery:
    """Asks the endpoints of this process, by address."""

    def __init__(self, endpoints: Mapping[str, LocalEndpoint], *, sdk_version: str | None) -> None:
        self._endpoints = endpoints
        self._sdk_version = sdk_version

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Return the manifest and the SDK's version.

        Raises:
            DiscoveryFailed: No endpoint of this process has that address, or its manifest cannot be made.
        """
        local = self._endpoints.get(endpoint.address)
        if local is None:
            raise DiscoveryFailed(_missing(endpoint.address), meta_code=RestateCode.META0003, is_retryable=False)
        try:
            return local.manifest(), self._sdk_version
        except Exception as error:
            problem = f"the services of {endpoint.address!r} have no usable manifest: {error}"
            raise DiscoveryFailed(problem, meta_code=RestateCode.META0013, is_retryable=False) from error


def _answer(frames: Sequence[bytes], target: str) -> Answer:
    if has_terminator(frames):
        return Answer(frames=frames)
    failure = AttemptFailure(
        code=FailureCode.INTERNAL, message=f"{target}: {NO_TERMINATOR}", rt_code=RestateCode.RT0012
    )
    return Answer(frames=frames, failure=failure)


def _is_for_us(error: BaseException) -> bool:
    """Return whether the server is being stopped, rather than the attempt gone wrong."""
    if isinstance(error, asyncio.CancelledError):
        # User code may also await something of its own that was cancelled; then nobody has cancelled this task.
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, (KeyboardInterrupt, GeneratorExit))


def _timed_out(error: BaseException, target: str, timeout_ms: int) -> Answer:
    return _failed(
        f"{target} did not end its attempt within {timeout_ms} ms and was cancelled",
        code=504,
        rt_code=RestateCode.RT0001,
        stacktrace=_bounded_stacktrace(error),
    )


def _raised(error: BaseException, target: str) -> Answer:
    # Not str(error): an exception of user code may fail at that as well.
    what = "".join(traceback.format_exception_only(error)).strip()
    return _failed(f"{target} raised {what}", stacktrace=_bounded_stacktrace(error))


def _bounded_stacktrace(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text if len(text) <= STACKTRACE_CHARS_MAX else "…" + text[1 - STACKTRACE_CHARS_MAX :]


def _missing(address: str) -> str:
    return f"no services are loaded as {address!r} in this process"


def _failed(
    message: str,
    *,
    code: int = FailureCode.INTERNAL,
    rt_code: RestateCode = RestateCode.RT0010,
    stacktrace: str = "",
    is_counted: bool = True,
) -> Answer:
    failure = AttemptFailure(code=code, message=message, rt_code=rt_code, stacktrace=stacktrace, is_counted=is_counted)
    return Answer(frames=(), failure=failure)
