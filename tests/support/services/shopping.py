"""Handlers that give the web UI something to show: steps, calls, waits, failures, queues and state."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

import holdfast

shop = holdfast.Service("Shop")
payment = holdfast.Service("Payment")
cart = holdfast.VirtualObject("Cart")
signup = holdfast.Workflow("Signup")


class Order(BaseModel):
    """What is bought."""

    item: str
    amount: int = 1
    express: bool = False


@payment.handler()
async def charge(ctx: holdfast.Context, amount: int) -> str:
    """Take the money, a moment later."""

    async def take() -> str:
        return f"charged {amount}"

    await ctx.sleep(timedelta(milliseconds=500))
    return await ctx.run_typed("take the money", take)


@payment.handler()
async def broken(ctx: holdfast.Context, amount: int) -> str:
    """Ask a bank that never answers."""

    async def ask() -> str:
        raise RuntimeError(f"the bank is down: {amount}")

    return await ctx.run_typed("ask the bank", ask)


@shop.handler()
async def buy(ctx: holdfast.Context, order: Order) -> dict[str, str]:
    """Reserve, pay, and wait for the parcel."""

    async def reserve() -> str:
        return f"reserved {order.item}"

    await ctx.run_typed("reserve", reserve)
    paid = await ctx.service_call(charge, arg=order.amount)
    await ctx.sleep(timedelta(seconds=1))
    return {"item": order.item, "paid": paid}


@shop.handler()
async def approve(ctx: holdfast.Context, order: Order) -> str:
    """Wait for a person."""
    _, approved = ctx.awakeable()
    return f"{order.item}: {await approved}"


@shop.handler()
async def quick(ctx: holdfast.Context, number: int) -> int:
    """Add one."""
    return number + 1


@shop.handler()
async def busy(ctx: holdfast.Context, steps: int) -> int:
    """Do many small things."""
    for number in range(steps):
        await ctx.run_typed(f"step {number}", _nothing, value=number)
    return steps


async def _nothing(value: int) -> int:
    return value


@cart.handler()
async def add(ctx: holdfast.ObjectContext, item: str) -> int:
    """Put an item into the cart."""
    items = await ctx.get("items", type_hint=list) or []
    ctx.set("items", [*items, item])
    return len(items) + 1


@cart.handler()
async def hold(ctx: holdfast.ObjectContext) -> str:
    """Keep the cart to itself until a person lets go."""
    _, released = ctx.awakeable()
    return str(await released)


@signup.main()
async def run(ctx: holdfast.WorkflowContext, name: str) -> str:
    """Wait for the code that was mailed."""
    return f"{name}: {await ctx.promise('verified').value()}"


@signup.handler()
async def verify(ctx: holdfast.WorkflowSharedContext, code: str) -> None:
    """Bring the code."""
    await ctx.promise("verified").resolve(code)


services = [shop, payment, cart, signup]
