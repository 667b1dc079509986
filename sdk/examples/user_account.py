"""Durable stateful entities: an account per user, whose updates run one at a time.

holdfast dev examples.user_account:services

curl localhost:8080/UserAccount/ada/update_balance --json '100'
curl localhost:8080/UserAccount/ada/update_balance --json '-30.5'
curl localhost:8080/UserAccount/ada/get_balance
curl localhost:8080/UserAccount/ada/update_balance --json '-1000'   # refused: insufficient funds
"""

from __future__ import annotations

import holdfast as restate

user_account = restate.VirtualObject("UserAccount")


@user_account.handler()
async def update_balance(ctx: restate.ObjectContext, amount: float) -> float:
    """Add to the balance, which never falls below zero, and return it."""
    balance = await ctx.get("balance", type_hint=float) or 0.0
    new_balance = balance + amount

    if new_balance < 0.0:
        raise restate.TerminalError("Insufficient funds", status_code=409)

    ctx.set("balance", new_balance)
    return new_balance


@user_account.handler(kind="shared")
async def get_balance(ctx: restate.ObjectSharedContext) -> float:
    """Return the balance; runs beside an update that is under way."""
    return await ctx.get("balance", type_hint=float) or 0.0


services = [user_account]
