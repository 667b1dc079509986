"""Examples whose handlers need nobody else, step by step: what they do to the world, and what crashes spare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import holdfast
from examples import (
    order_service,
    outside,
    parallel_work,
    payments,
    role_updater,
    state_machine,
    travel_saga,
    user_account,
)
from holdfast_protocol.frames import parse_frame
from holdfast_protocol.messages import MessageType
from tests.unit.sdk.surface.attempts import Durable, outcome_of, request_of

ORDER = {
    "credit_card": "4242",
    "customer": "ada",
    "items": [{"id": name, "amount": 1} for name in ("apple", "bread", "cheese", "dates")],
}


@pytest.fixture(autouse=True)
def _untouched_world() -> None:
    outside.forget()


async def _call(
    example: Any, target: str, payload: Any = None, *, key: str = "", state: Mapping[str, bytes] | None = None
) -> Any:
    """Run one whole invocation and return its result, or its terminal error."""
    service, handler = target.split("/")
    body = b"" if payload is None else json.dumps(payload).encode()
    request = request_of(service, handler, body, key=key, state=state)
    outcome = outcome_of(await holdfast.Endpoint(example.services).run(request, Durable()))
    return outcome if isinstance(outcome, holdfast.TerminalError) else json.loads(outcome or b"null")


async def test_an_order_is_six_steps() -> None:
    """The order charges once, reserves each of four items once and sends one receipt, under one payment id."""
    result = await _call(order_service, "OrderService/process", ORDER)
    payment = result["payment_id"]
    assert result["success"] is True
    assert outside.effects() == [
        f"charged 4242 for payment {payment}",
        *(f"reserved 1 x {name}" for name in ("apple", "bread", "cheese", "dates")),
        f"sent receipt of payment {payment} to ada",
    ]


async def test_an_order_goes_on_after_any_crash() -> None:
    """Whatever was durable when the process died, the next attempt executes exactly the steps that are missing."""
    endpoint = holdfast.Endpoint(order_service.services)
    checkpoint = Durable()
    body = json.dumps(ORDER).encode()
    expected = outcome_of(await endpoint.run(request_of("OrderService", "process", body), checkpoint))
    whole = outside.effects()
    assert len(checkpoint.frames) >= 10
    for survived in range(len(checkpoint.frames) + 1):
        outside.forget()
        recorded = checkpoint.frames[:survived]
        done = sum(parse_frame(frame).type == MessageType.RUN_COMPLETION for frame in recorded)
        request = request_of("OrderService", "process", body, entries=recorded)
        assert outcome_of(await endpoint.run(request, Durable())) == expected
        assert outside.effects() == whole[done:]


async def test_a_refused_permission_rolls_everything_back() -> None:
    """What was applied before the refusal is put back, the last first, and the caller gets the refusal."""
    update = {"role": "admin", "permissions": ["deploy", "root", "never"]}
    failure = await _call(role_updater, "roleUpdater/update", update, key="eve")
    assert failure.status_code == 403
    assert outside.effects() == [
        "role of eve is admin",
        "granted deploy to eve",
        "revoked deploy from eve",
        "role of eve is viewer",
    ]


TRIP = {"traveller": "ada", "flight": "LX 38", "car": "small", "card": "4242"}


@pytest.mark.parametrize(
    ("trip", "code", "done"),
    [
        (TRIP, None, ["booked flight", "rented small car", "charged 4242"]),
        (
            {**TRIP, "card": "0000"},
            402,
            ["booked flight", "rented small car", "refunded 0000", "returned small car", "cancelled flight"],
        ),
        ({**TRIP, "car": "none left"}, 409, ["booked flight", "returned none left car", "cancelled flight"]),
    ],
    ids=["booked", "declined", "no car"],
)
async def test_a_trip_is_booked_wholly_or_undone(trip: dict[str, str], code: int | None, done: list[str]) -> None:
    """When a part fails for good, compensations are executed in reverse and the error reaches the caller."""
    result = await _call(travel_saga, "Travel/book", trip)
    assert getattr(result, "status_code", None) == code
    effects = outside.effects()
    assert [effect[: len(start)] for effect, start in zip(effects, done, strict=True)] == done


@pytest.mark.parametrize(
    ("state", "event", "outcome"),
    [
        ({}, "pack", "packed"),
        ({"state": b'"packed"'}, "send", "on its way"),
        ({"state": b'"packed"'}, "deliver", 409),
        ({"state": b'"delivered"'}, "lose", 409),
        ({}, "explode", 409),
    ],
)
async def test_a_shipment_takes_only_its_transitions(state: dict[str, bytes], event: str, outcome: Any) -> None:
    """An event that fits the state moves it; any other is refused and has no effect."""
    result = await _call(state_machine, "Shipment/handle", event, key="s-1", state=state)
    assert getattr(result, "status_code", result) == outcome
    assert outside.effects() == ([] if outcome == 409 else [f"s-1 is {outcome}"])


@pytest.mark.parametrize(
    ("balance", "amount", "outcome"), [(None, 100, 100.0), (b"100.0", -30.5, 69.5), (b"100.0", -100.5, 409)]
)
async def test_an_account_never_falls_below_zero(balance: bytes | None, amount: float, outcome: Any) -> None:
    """Updates add up, and one that would overdraw is refused."""
    state = {} if balance is None else {"balance": balance}
    result = await _call(user_account, "UserAccount/update_balance", amount, key="ada", state=state)
    assert getattr(result, "status_code", result) == outcome


@pytest.mark.parametrize(("method", "outcome"), [("card", "succeeded"), ("stolen card", 402)])
async def test_a_card_is_decided_at_once(method: str, outcome: Any) -> None:
    """A payment that the provider decides at once needs no webhook."""
    result = await _call(payments, "Payments/process", {"amount": 30, "method": method})
    assert getattr(result, "status_code", result) == outcome
    assert len(outside.effects()) == 1


async def test_steps_side_by_side_are_all_counted() -> None:
    """Steps that are gathered execute once each, in whatever order."""
    texts = ["to be", "or not", "to be that is"]
    assert await _call(parallel_work, "WordCount/count_in_steps", {"texts": texts}) == 8
    assert sorted(outside.effects()) == sorted(f"counted the words of {text!r}" for text in texts)
