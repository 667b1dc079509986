"""A service that changes from version to version; the environment says which one this is."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import holdfast as restate
from tests.conformance.blackbox.handlers.world import note

VERSION_VARIABLE = "HOLDFAST_BLACKBOX_VERSION"
VERSION = os.environ.get(VERSION_VARIABLE, "1")

_SOON = timedelta(milliseconds=50)
_QUICK = restate.InvocationRetryPolicy(
    initial_interval=_SOON, exponentiation_factor=1.0, max_interval=_SOON, max_attempts=1000
)

versioned = restate.Service("Versioned", invocation_retry_policy=_QUICK)


@versioned.handler()
async def which(ctx: restate.Context) -> str:
    """Return the version."""
    return VERSION


@versioned.handler()
async def across(ctx: restate.Context, name: str) -> list[str]:
    """Return the version before a wait and the one after it."""
    before = await ctx.run_typed("before", _version)
    awakeable_id, future = ctx.awakeable()
    note(f"awakeable {name} {awakeable_id}")
    await future
    return [before, VERSION]


@versioned.handler()
async def early(ctx: restate.Context, name: str) -> str:
    """Fail in the first version before anything is stored."""
    if VERSION == "1":
        note(f"failed {name}")
        raise RuntimeError("the first version has a bug")
    return VERSION


@versioned.handler()
async def changed(ctx: restate.Context, name: str) -> list[str]:
    """Fail in the first version, behind a step that all versions have."""
    before = await ctx.run_typed("one", _version)
    if VERSION == "1":
        note(f"failed {name}")
        raise RuntimeError("the first version has a bug")
    return [before, VERSION]


@versioned.handler()
async def rewritten(ctx: restate.Context, name: str) -> str:
    """Begin differently in every version, and fail in the first."""
    await ctx.run_typed(f"step of version {VERSION}", _version)
    if VERSION == "1":
        note(f"failed {name}")
        raise RuntimeError("the first version has a bug")
    note(f"went on {name}")
    return VERSION


@versioned.handler()
async def mark(ctx: restate.Context) -> str | None:
    """Return what a header says that only the deployment adds."""
    return ctx.request().attempt_headers.get("x-mark")


if VERSION == "1":

    @versioned.handler()
    async def removed(ctx: restate.Context) -> str:
        """Be there in the first version only."""
        return VERSION
else:

    @versioned.handler()
    async def added(ctx: restate.Context) -> str:
        """Be there from the second version on."""
        return VERSION


def _turncoat() -> Any:
    """Return a service that becomes a virtual object in the third version."""
    if VERSION != "3":
        service = restate.Service("Turncoat")

        @service.handler()
        async def kind(ctx: restate.Context) -> str:
            return "service"

        return service
    virtual_object = restate.VirtualObject("Turncoat")

    @virtual_object.handler("kind")
    async def kind_of_object(ctx: restate.ObjectContext) -> str:
        return "object"

    return virtual_object


async def _version() -> str:
    return VERSION


services = [versioned, _turncoat()]
