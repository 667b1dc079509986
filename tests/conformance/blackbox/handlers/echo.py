"""Handlers that only take and return: payloads, content types, schemas."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

import holdfast as restate

echo = restate.Service("Echo")
named = restate.VirtualObject("Named")


class Order(BaseModel):
    """An input with a schema."""

    item: str
    amount: int = Field(ge=1)


class Verbatim:
    """Bytes as they are; the shape that both SDKs want of a serde."""

    def serialize(self, obj: bytes | None) -> bytes:
        """Return the bytes."""
        return obj or b""

    def deserialize(self, buf: bytes) -> bytes | None:
        """Return the bytes."""
        return buf


@echo.handler()
async def say(ctx: restate.Context, value: Any) -> Any:
    """Return the input."""
    return value


@echo.handler()
async def nothing(ctx: restate.Context) -> None:
    """Take nothing and return nothing."""


@echo.handler(
    accept="application/octet-stream",
    content_type="application/x-echo",
    # Either SDK has a class for it, under another name.
    input_serde=Verbatim(),  # type: ignore[arg-type]
    output_serde=Verbatim(),  # type: ignore[arg-type]
)
async def raw(ctx: restate.Context, content: bytes) -> bytes:
    """Return the bytes of the input."""
    return content


@echo.handler()
async def order(ctx: restate.Context, wanted: Order) -> str:
    """Take an input with a schema."""
    return f"{wanted.amount} x {wanted.item}"


@named.handler()
async def name(ctx: restate.ObjectContext) -> str:
    """Return the key."""
    return ctx.key()


services = [echo, named]
