"""A human in the loop: an order that is paid, waits for its time, asks the restaurant, and is delivered.

The order is an object of its own, so its status can be read while it runs. It may wait for hours or weeks: nothing
executes meanwhile. The restaurant gets the id of an awakeable and resolves it when the food is ready, or rejects it,
and then the money goes back.

    holdfast dev examples.food_order:services

    # place an order for in 5 seconds, without waiting for it
    curl localhost:8080/FoodOrder/o-1/place/send --json '{
      "customer": "ada", "dish": "Lasagne", "price": 14, "deliver_in_s": 5}'
    curl localhost:8080/FoodOrder/o-1/status
    # once the restaurant was asked, the status shows its token; say that the food is ready:
    curl -X POST localhost:8080/restate/awakeables/<token>/resolve --json '"bag 7"'
    # or that it will never be:
    curl -X POST localhost:8080/restate/awakeables/<token>/reject -d 'out of pasta'
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class FoodOrder(BaseModel):
    """What is to be delivered, and in how many seconds from now."""

    customer: str
    dish: str
    price: int
    deliver_in_s: float = 0.0


class Status(BaseModel):
    """Where an order is; the token is what the restaurant confirms with."""

    stage: str = "unknown"
    restaurant_token: str | None = None


def pay(order_id: str, customer: str, price: int) -> str:
    """Charge the customer."""
    outside.happened(f"charged {customer} {price} for {order_id}")
    return f"pay_{order_id}"


def refund(payment_id: str) -> bool:
    """Give the money back."""
    outside.happened(f"refunded {payment_id}")
    return True


def ask_restaurant(order_id: str, dish: str, token: str) -> bool:
    """Ask the restaurant to start; it answers with the token when it is done."""
    outside.happened(f"asked the restaurant for {dish} of {order_id} with token {token}")
    return True


def deliver(order_id: str, bag: str) -> bool:
    """Send a driver."""
    outside.happened(f"delivered {bag} of {order_id}")
    return True


food_order = restate.VirtualObject("FoodOrder")


@food_order.handler()
async def place(ctx: restate.ObjectContext, order: FoodOrder) -> str:
    """Take an order from payment to delivery and return how it ended."""
    order_id = ctx.key()
    ctx.set("stage", "paying")
    payment_id = await ctx.run_typed("pay", pay, order_id=order_id, customer=order.customer, price=order.price)

    ctx.set("stage", "scheduled")
    await ctx.sleep(timedelta(seconds=order.deliver_in_s))

    token, food_is_ready = ctx.awakeable(type_hint=str)
    await ctx.run_typed("ask restaurant", ask_restaurant, order_id=order_id, dish=order.dish, token=token)
    ctx.set("restaurant_token", token)
    ctx.set("stage", "cooking")
    try:
        bag = await food_is_ready
    except restate.TerminalError:
        ctx.set("stage", "refunded")
        await ctx.run_typed("refund", refund, payment_id=payment_id)
        return "refunded"

    ctx.set("stage", "delivering")
    await ctx.run_typed("deliver", deliver, order_id=order_id, bag=bag)
    ctx.set("stage", "delivered")
    return "delivered"


@food_order.handler(kind="shared")
async def status(ctx: restate.ObjectSharedContext) -> Status:
    """Return where the order is, also while it runs."""
    return Status(
        stage=await ctx.get("stage", type_hint=str) or "unknown",
        restaurant_token=await ctx.get("restaurant_token", type_hint=str),
    )


services = [food_order]
