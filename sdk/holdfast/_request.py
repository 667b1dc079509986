"""The request: what an invocation was called with, and the event that says its attempt is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast._attempt import Attempt


class AttemptFinishedEvent:
    """Set when the attempt has ended in whatever way: what still works for it, such as an HTTP call, may stop.

    Example:
        >>> import holdfast
        >>> def download(event: holdfast.AttemptFinishedEvent, chunks: list[bytes]) -> bytes:
        ...     return b"".join(chunk for chunk in chunks if not event.is_set())
    """

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        if attempt.finished is None:
            attempt.finished = asyncio.Event()

    def is_set(self) -> bool:
        """Return whether the attempt has ended; may be asked from any thread."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until the attempt has ended."""
        await self._event.wait()

    @property
    def _event(self) -> asyncio.Event:
        assert self._attempt.finished is not None
        return self._attempt.finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an invocation was called with.

    `headers` came with the call and are the same in every attempt; `attempt_headers` came with this attempt's request.

    Example:
        >>> import holdfast
        >>> async def whoami(ctx: holdfast.Context) -> str:
        ...     return ctx.request().id
    """

    id: str
    headers: Mapping[str, str]
    attempt_headers: Mapping[str, str]
    body: bytes
    attempt_finished_event: AttemptFinishedEvent
    scope: str | None = None
    limit_key: str | None = None
    idempotency_key: str | None = None
