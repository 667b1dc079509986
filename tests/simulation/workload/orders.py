"""Orders: what operators are told to do, and when."""

from __future__ import annotations

from random import Random

from tests.simulation.scenario import Order, What

# What can be done to somebody in the middle of something.
_STRIKING = frozenset({"cancel", "kill", "pause"})
_ORDERS: tuple[What, ...] = ("cancel", "kill", "pause", "resume", "restart", "purge", "purge journal")


def orders_of(dice: Random, *, has_orders: bool) -> list[Order]:
    """Return orders to whomever they meet; a new version may be deployed without any."""
    orders = []
    if dice.random() < 0.3:
        orders.append(Order(at_ms=dice.randint(0, 20_000), what="redeploy", which=0))
    if has_orders:
        wanted = [what for what in _ORDERS if dice.random() < 0.5] or ["cancel"]
        for _ in range(dice.randint(1, 10)):
            at_ms = dice.choice((dice.randint(0, 6_000), dice.randint(0, 60_000)))
            what = dice.choice(wanted)
            upon_call = what in _STRIKING and dice.random() < 0.3
            which = dice.randrange(6 if upon_call else 30)
            for_ms = dice.choice((0, 300, 5_000)) if what == "pause" else 0
            orders.append(Order(at_ms=at_ms, what=what, which=which, upon_call=upon_call, for_ms=for_ms))
    return orders
