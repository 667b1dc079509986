r"""Reliable communication: calling and waiting, sending without waiting, sending for later.

A ticket is paid by a call, confirmed by a message, and remembered by a message that is delivered days later. Once a
handler has sent a message it will be delivered, even if every process dies right after.

    holdfast dev examples.communication:services

    curl localhost:8080/TicketService/buy --json '{"ticket": "T-1", "email": "ada@example.com", "price": 40}'

    # the reminder comes after 7 days; ask for it sooner:
    curl localhost:8080/TicketService/buy --json \
      '{"ticket": "T-2", "email": "ada@example.com", "price": 40, "remind_after_s": 5}'

    # the same three kinds from outside: wait, do not wait, later
    curl localhost:8080/EmailService/send_ticket --json '{"ticket": "T-3", "email": "ada@example.com"}'
    curl localhost:8080/EmailService/send_ticket/send --json '{"ticket": "T-4", "email": "ada@example.com"}'
    curl 'localhost:8080/EmailService/send_reminder/send?delay=10s' --json '{"ticket": "T-4", "email": "a@example.com"}'
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class Purchase(BaseModel):
    """What somebody wants to buy."""

    ticket: str
    email: str
    price: int
    remind_after_s: float = timedelta(days=7).total_seconds()


class Ticket(BaseModel):
    """A ticket and whose it is."""

    ticket: str
    email: str


class Charge(BaseModel):
    """What is to be paid."""

    reference: str
    amount: int


payment_service = restate.Service("PaymentService")


@payment_service.handler()
async def charge_payment(ctx: restate.Context, charge: Charge) -> str:
    """Charge and return the number of the payment."""
    payment_id = f"pay_{charge.reference}"
    await ctx.run_typed("charge", outside.happened, effect=f"charged {charge.amount} as {payment_id}")
    return payment_id


email_service = restate.Service("EmailService")


@email_service.handler()
async def send_ticket(ctx: restate.Context, ticket: Ticket) -> None:
    """Mail a ticket."""
    await ctx.run_typed("mail", outside.happened, effect=f"mailed ticket {ticket.ticket} to {ticket.email}")


@email_service.handler()
async def send_reminder(ctx: restate.Context, ticket: Ticket) -> None:
    """Remind somebody of a ticket."""
    await ctx.run_typed("remind", outside.happened, effect=f"reminded {ticket.email} of {ticket.ticket}")


ticket_service = restate.Service("TicketService")


@ticket_service.handler()
async def buy(ctx: restate.Context, purchase: Purchase) -> str:
    """Sell a ticket and return the number of the payment."""
    ticket = Ticket(ticket=purchase.ticket, email=purchase.email)

    # Request-response: wait for the result.
    payment_id = await ctx.service_call(charge_payment, Charge(reference=purchase.ticket, amount=purchase.price))
    # One-way: delivery is certain, nobody waits.
    ctx.service_send(send_ticket, ticket)
    # Delayed: delivered when the time has come.
    ctx.service_send(send_reminder, ticket, send_delay=timedelta(seconds=purchase.remind_after_s))

    return payment_id


services = [payment_service, email_service, ticket_service]
