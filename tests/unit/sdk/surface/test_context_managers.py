"""`contextvar`: what a context manager around an attempt yields is readable inside it and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import holdfast


@holdfast.contextvar
@asynccontextmanager
async def connection(name: str = "default") -> AsyncIterator[str]:
    yield f"connection {name}"


async def test_the_value_is_readable_inside() -> None:
    """Inside, `.value` is what was yielded, also when entered twice; outside it is an error."""
    async with connection():
        assert connection.value == "connection default"
        async with connection("inner"):
            assert connection.value == "connection inner"
        assert connection.value == "connection default"
    with pytest.raises(LookupError, match="connection is not entered here"):
        _ = connection.value


async def test_attempts_side_by_side_have_their_own() -> None:
    """Two tasks that entered it see their own value."""

    async def attempt(name: str) -> str:
        async with connection(name):
            await asyncio.sleep(0)
            return connection.value

    values = list(await asyncio.gather(attempt("a"), attempt("b")))
    assert values == ["connection a", "connection b"]
