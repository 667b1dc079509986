"""Handlers that show what the ingress hands over and hands back."""

from __future__ import annotations

from datetime import timedelta

import holdfast

echo = holdfast.Service("Echo")
gate = holdfast.VirtualObject("Gate")
signup = holdfast.Workflow("SignupFlow")


@echo.handler()
async def headers(ctx: holdfast.Context) -> dict[str, str]:
    """Return the headers the handler was called with."""
    return dict(ctx.request().headers)


@echo.handler(accept="application/octet-stream", content_type="application/octet-stream")
async def raw(ctx: holdfast.Context, body: bytes) -> bytes:
    """Return the bytes."""
    return body


@echo.handler()
async def nap(ctx: holdfast.Context, seconds: float) -> str:
    """Sleep durably."""
    await ctx.sleep(timedelta(seconds=seconds))
    return "slept"


@echo.handler()
async def fail(ctx: holdfast.Context, code: int) -> None:
    """Fail for good."""
    raise holdfast.TerminalError("as asked", status_code=code)


@gate.handler()
async def wait(ctx: holdfast.ObjectContext) -> str:
    """Wait at an awakeable whose id is kept in the state."""
    awakeable_id, future = ctx.awakeable(type_hint=str)
    ctx.set("awakeable", awakeable_id)
    return await future


@gate.handler(kind="shared")
async def awakeable(ctx: holdfast.ObjectSharedContext) -> str | None:
    """Return the id of the awakeable that is waited for."""
    return await ctx.get("awakeable", type_hint=str)


@signup.main()
async def run(ctx: holdfast.WorkflowContext, email: str) -> str:
    """Wait for the click."""
    return f"{email} {await ctx.promise('clicked', type_hint=str).value()}"


@signup.handler()
async def click(ctx: holdfast.WorkflowSharedContext) -> None:
    """Click."""
    await ctx.promise("clicked", type_hint=str).resolve("clicked")


services = [echo, gate, signup]
