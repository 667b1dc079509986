"""A durable state machine: a shipment that only moves along its transitions, one at a time.

The state lives in the object, so no database and no lock is needed; two events for one shipment are handled one after
the other, and an event that does not fit the state is refused without changing anything.

    holdfast dev examples.state_machine:services

    curl localhost:8080/Shipment/s-1/handle --json '"pack"'
    curl localhost:8080/Shipment/s-1/handle --json '"deliver"'   # refused: it has not been sent
    curl localhost:8080/Shipment/s-1/handle --json '"send"'
    curl localhost:8080/Shipment/s-1/state
"""

from __future__ import annotations

import holdfast as restate
from examples import outside

INITIAL = "created"

TRANSITIONS = {
    ("created", "pack"): "packed",
    ("created", "cancel"): "cancelled",
    ("packed", "send"): "on its way",
    ("packed", "cancel"): "cancelled",
    ("on its way", "deliver"): "delivered",
    ("on its way", "lose"): "lost",
    ("lost", "find"): "on its way",
}


def enter(shipment: str, state: str) -> bool:
    """Do in the world what entering a state means."""
    outside.happened(f"{shipment} is {state}")
    return True


shipment = restate.VirtualObject("Shipment")


@shipment.handler()
async def handle(ctx: restate.ObjectContext, event: str) -> str:
    """Take one transition and return the new state."""
    current = await ctx.get("state", type_hint=str) or INITIAL
    following = TRANSITIONS.get((current, event))
    if following is None:
        raise restate.TerminalError(f"{event!r} is not possible while the shipment is {current}", status_code=409)

    await ctx.run_typed(event, enter, shipment=ctx.key(), state=following)
    ctx.set("state", following)
    history = await ctx.get("history", type_hint=list[str]) or []
    ctx.set("history", [*history, following])
    return following


@shipment.handler(kind="shared")
async def state(ctx: restate.ObjectSharedContext) -> str:
    """Return the current state."""
    return await ctx.get("state", type_hint=str) or INITIAL


@shipment.handler(kind="shared")
async def history(ctx: restate.ObjectSharedContext) -> list[str]:
    """Return the states the shipment has entered."""
    return await ctx.get("history", type_hint=list[str]) or []


services = [shipment]
