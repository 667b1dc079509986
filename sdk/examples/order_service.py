"""Durable execution: an order whose steps are each executed once, whatever crashes in between.

Six steps for an order of four items: one charge, four reservations, one receipt. Kill the server in the middle and
start it again; the order goes on where it was, and no finished step is repeated. The payment id is drawn from
`ctx.uuid()`, because an id from `uuid.uuid4()` would differ when the handler is replayed.

    holdfast dev examples.order_service:services

    curl localhost:8080/OrderService/process --json '{
      "credit_card": "4242-4242", "customer": "ada@example.com",
      "items": [{"id": "apple", "amount": 2}, {"id": "bread", "amount": 1},
                {"id": "cheese", "amount": 1}, {"id": "dates", "amount": 12}]}'
"""

from __future__ import annotations

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class Item(BaseModel):
    """A product and how many of it."""

    id: str
    amount: int = 1


class Order(BaseModel):
    """What a customer wants, and the card that pays for it."""

    credit_card: str
    items: list[Item]
    customer: str = "somebody@example.com"


class OrderResult(BaseModel):
    """How the order went."""

    success: bool
    payment_id: str


def charge_payment(credit_card: str, payment_id: str) -> bool:
    """Charge a card; the payment id makes a second charge of the same payment harmless."""
    outside.happened(f"charged {credit_card} for payment {payment_id}")
    return True


def reserve(item_id: str, amount: int) -> bool:
    """Set products aside in the warehouse."""
    outside.happened(f"reserved {amount} x {item_id}")
    return True


def send_receipt(customer: str, payment_id: str) -> bool:
    """Mail the receipt."""
    outside.happened(f"sent receipt of payment {payment_id} to {customer}")
    return True


order_service = restate.Service("OrderService")


@order_service.handler()
async def process(ctx: restate.Context, order: Order) -> OrderResult:
    """Charge the card, reserve every item, send the receipt."""
    payment_id = str(ctx.uuid())

    await ctx.run_typed("charge", charge_payment, credit_card=order.credit_card, payment_id=payment_id)
    for item in order.items:
        await ctx.run_typed(f"reserve_{item.id}", reserve, item_id=item.id, amount=item.amount)
    await ctx.run_typed("receipt", send_receipt, customer=order.customer, payment_id=payment_id)

    return OrderResult(success=True, payment_id=payment_id)


services = [order_service]
