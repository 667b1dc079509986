"""Idempotent async payments: the provider answers at once, or later by a webhook.

The payment carries the id of an awakeable as metadata. If the provider cannot say at once how it went, the handler
waits, for as long as it takes, until the webhook hands the event to that awakeable.

    holdfast dev examples.payments:services

    # a card is decided at once
    curl localhost:8080/Payments/process --json '{"amount": 30, "method": "card"}' -H 'idempotency-key: order-1'

    # a bank transfer is not: send it, look up its webhook id in the log of the outside world ...
    curl localhost:8080/Payments/process/send --json '{"amount": 30, "method": "transfer"}'
    # ... and be the provider that calls back
    curl localhost:8080/Payments/webhook --json '{"webhook_id": "<id>", "status": "succeeded"}'
"""

from __future__ import annotations

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class Payment(BaseModel):
    """What to pay and how."""

    amount: int
    method: str = "card"


class ProviderEvent(BaseModel):
    """What the provider tells about a payment, at once or through the webhook."""

    webhook_id: str
    status: str


def create_payment(amount: int, method: str, idempotency_key: str, webhook_id: str) -> ProviderEvent:
    """Ask the provider to pay; it knows cards at once and needs days for transfers."""
    outside.happened(f"payment {idempotency_key} of {amount} by {method}, to be confirmed to {webhook_id}")
    immediate = {"card": "succeeded", "stolen card": "declined"}
    return ProviderEvent(webhook_id=webhook_id, status=immediate.get(method, "processing"))


payments = restate.Service("Payments")


@payments.handler()
async def process(ctx: restate.Context, payment: Payment) -> str:
    """Pay and return the outcome, however long the provider takes."""
    idempotency_key = str(ctx.uuid())
    webhook_id, confirmed = ctx.awakeable(type_hint=ProviderEvent)

    event = await ctx.run_typed(
        "create payment",
        create_payment,
        amount=payment.amount,
        method=payment.method,
        idempotency_key=idempotency_key,
        webhook_id=webhook_id,
    )
    if event.status == "processing":
        event = await confirmed
    if event.status != "succeeded":
        raise restate.TerminalError(f"the payment was {event.status}", status_code=402)
    return event.status


@payments.handler()
async def webhook(ctx: restate.Context, event: ProviderEvent) -> None:
    """Take the provider's call and wake the payment that waits for it."""
    ctx.resolve_awakeable(event.webhook_id, event)


services = [payments]
