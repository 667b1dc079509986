"""A service that changes from version to version; the environment says which one this is."""

from __future__ import annotations

import os
from typing import Any

import holdfast as restate
from tests.conformance.blackbox.handlers.world import note

VERSION_VARIABLE = "HOLDFAST_BLACKBOX_VERSION"
VERSION = os.environ.get(VERSION_VARIABLE, "1")

versioned = restate.Service("Versioned")


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
async def changed(ctx: restate.Context) -> str:
    """Do in the second version something else than in the first, which fails."""
    if VERSION == "1":
        await ctx.run_typed("one", _version)
        raise RuntimeError("the first version has a bug")
    await ctx.run_typed("one", _version)
    return VERSION


@versioned.handler()
async def rewritten(ctx: restate.Context) -> str:
    """Begin differently in every version, and fail in the first."""
    await ctx.run_typed(f"step of version {VERSION}", _version)
    if VERSION == "1":
        raise RuntimeError("the first version has a bug")
    return VERSION


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
