"""A saga: flight, car and payment are booked together or not at all.

`ctx.saga()` keeps a compensation for every booking. If one of them fails for good, or the trip is cancelled, or the
payment takes too long, the bookings made so far are undone in reverse, by durable steps, and the caller gets the error.

    holdfast dev examples.travel_saga:services

    curl localhost:8080/Travel/book --json '{"traveller": "ada", "flight": "LX 38", "car": "small", "card": "4242"}'
    # a declined card: the car is returned, the flight cancelled, and the answer is the payment's error
    curl localhost:8080/Travel/book --json '{"traveller": "bob", "flight": "LX 38", "car": "small", "card": "0000"}'
    # cards beginning with "slow" are approved by the bank, which takes its time: be the bank, with the token from the
    # log, or wait until the time is up
    curl localhost:8080/Travel/book --json '{"traveller": "eve", "flight": "LX 38", "car": "small", "card": "slow-1",
                                             "approve_within_s": 5}'
    curl localhost:8080/restate/awakeables/<token>/resolve --json 'true'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import holdfast as restate
from examples import outside


@dataclass(frozen=True, kw_only=True)
class Trip:
    """Where somebody wants to go, and the card that pays."""

    traveller: str
    flight: str
    car: str
    card: str
    approve_within_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Booking:
    """A trip that is booked; every part has the same reference."""

    reference: str


def book_flight(reference: str, flight: str) -> None:
    """Book a seat."""
    outside.happened(f"booked flight {flight} as {reference}")


def cancel_flight(reference: str, flight: str) -> None:
    """Give the seat back; harmless if there is none under this reference."""
    outside.happened(f"cancelled flight {flight} of {reference}")


def rent_car(reference: str, car: str) -> None:
    """Rent a car."""
    if car == "none left":
        raise restate.TerminalError("there is no car left", status_code=409)
    outside.happened(f"rented {car} car as {reference}")


def return_car(reference: str, car: str) -> None:
    """Return the car; harmless if none was rented under this reference."""
    outside.happened(f"returned {car} car of {reference}")


def charge(reference: str, card: str, token: str) -> bool:
    """Charge a card; return whether that is decided, or the bank will tell the token."""
    if card == "0000":
        raise restate.TerminalError("the card was declined", status_code=402)
    outside.happened(f"charged {card} for {reference} with token {token}")
    return not card.startswith("slow")


def refund(reference: str, card: str, token: str) -> None:
    """Give the money back; harmless if none was taken for this reference."""
    outside.happened(f"refunded {card} for {reference} with token {token}")


travel = restate.Service("Travel")


@travel.handler()
async def book(ctx: restate.Context, trip: Trip) -> Booking:
    """Book flight and car, pay, and wait for the bank if it must."""
    reference = f"{trip.traveller}-{ctx.uuid()}"

    async with ctx.saga() as saga:
        await saga.run("flight", book_flight, reference, trip.flight, compensate=cancel_flight)
        await saga.run("car", rent_car, reference, trip.car, compensate=return_car)

        token, approved = ctx.awakeable(type_hint=bool)
        is_decided = await saga.run("payment", charge, reference, trip.card, token, compensate=refund)
        if not is_decided and not await approved.or_timeout(timedelta(seconds=trip.approve_within_s)):
            raise restate.TerminalError("the bank refused the payment", status_code=402)

    return Booking(reference=reference)


services = [travel]
