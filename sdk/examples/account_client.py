"""Calling handlers from a script: deposits into an account of `user_account.py`, and what a refusal looks like.

    holdfast dev examples.user_account:services
    python -m examples.account_client ada

It may be stopped and started again: the idempotency key keeps a repeated deposit from counting twice.
"""

from __future__ import annotations

import sys

import holdfast
from examples.user_account import get_balance, update_balance


def deposit(user: str, amount: float, deposit_id: str, ingress_url: str = "http://localhost:8080") -> float:
    """Add to a user's balance once, and return the balance."""
    with holdfast.Client(ingress_url) as client:
        try:
            client.object_call(update_balance, user, amount, idempotency_key=deposit_id)
        except holdfast.InvocationFailed as error:
            print(f"refused: {error.message}")
        balance: float = client.object_call(get_balance, user, None)
        return balance


if __name__ == "__main__":
    print(deposit(sys.argv[1], 100.0, "first-deposit"))
