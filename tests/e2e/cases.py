"""What each example must do for somebody who knows only HTTP, whichever server and SDK it runs on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from examples import account_client, reservation_client
from tests.support.site import Site, eventually

MODULES = [
    "examples.order_service",
    "examples.communication",
    "examples.user_account",
    "examples.role_updater",
    "examples.reservation",
    "examples.food_order",
    "examples.payments",
    "examples.state_machine",
    "examples.parallel_work",
    "examples.workflow",
]
# These use what only our SDK has.
OWN_MODULES = ["examples.travel_saga"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a case plays: a server, and the log in which the examples' effects on the world end up."""

    site: Site
    ingress_url: str
    effects_log: Path

    def effects(self, *parts: str) -> list[str]:
        """Return the effects that mention all the parts, oldest first."""
        lines = self.effects_log.read_text(encoding="utf-8").splitlines() if self.effects_log.exists() else []
        return [line for line in lines if all(part in line for part in parts)]


def order_runs_each_step_once(stage: Stage) -> None:
    """An order charges, reserves and mails once each, in order, all for one payment."""
    card = _new("card")
    items = [{"id": f"{card}-{name}", "amount": 1} for name in ("apple", "bread", "cheese", "dates")]
    result = stage.site.call("/OrderService/process", {"credit_card": card, "customer": card, "items": items})
    assert result["success"] is True
    payment = f"payment {result['payment_id']}"
    expected = [f"charged {card} for {payment}", *(f"reserved 1 x {item['id']}" for item in items)]
    assert stage.effects(card) == [*expected, f"sent receipt of {payment} to {card}"]


def call_send_and_delayed_send_arrive(stage: Stage) -> None:
    """A call is waited for, a send is delivered without waiting, a delayed send comes after its delay."""
    ticket = _new("T")
    purchase = {"ticket": ticket, "email": "ada@example.com", "price": 40, "remind_after_s": 1.0}
    assert stage.site.call("/TicketService/buy", purchase) == f"pay_{ticket}"
    done = eventually(lambda: len(lines := stage.effects(ticket)) == 3 and lines)
    assert done == [
        f"charged 40 as pay_{ticket}",
        f"mailed ticket {ticket} to ada@example.com",
        f"reminded ada@example.com of {ticket}",
    ]


def clients_call_send_and_delay_too(stage: Stage) -> None:
    """What a handler can do, a client can: wait, send, and send for later."""
    ticket = _new("T")
    body = {"ticket": ticket, "email": "eve@example.com"}
    assert stage.site.call("/EmailService/send_ticket", body) is None
    assert len(stage.effects("mailed", ticket)) == 1
    stage.site.send("/EmailService/send_ticket", body)
    answer = stage.site.post("/EmailService/send_reminder/send?delay=500ms", body)
    assert answer.status_code == 202
    assert not stage.effects("reminded", ticket)
    assert eventually(lambda: len(stage.effects(ticket)) == 3)


def account_never_falls_below_zero(stage: Stage) -> None:
    """Updates of a balance add up, and one that would overdraw is refused and changes nothing."""
    path = f"/UserAccount/{_new('user')}"
    assert stage.site.call(f"{path}/get_balance") == 0.0
    assert stage.site.call(f"{path}/update_balance", 100) == 100.0
    assert stage.site.call(f"{path}/update_balance", -30.5) == 69.5
    _refused(stage, f"{path}/update_balance", -1000, status=409, message="Insufficient funds")
    assert stage.site.call(f"{path}/get_balance") == 69.5


def role_and_permissions_change_together_or_not_at_all(stage: Stage) -> None:
    """A refused permission puts back the role and the permissions granted before it."""
    path = f"/roleUpdater/{_new('user')}"
    assert stage.site.call(f"{path}/update", {"role": "editor", "permissions": ["read", "write"]}) is True
    refused = {"role": "admin", "permissions": ["deploy", "root", "never"]}
    _refused(stage, f"{path}/update", refused, status=403, message="nobody may grant 'root'")
    assert stage.site.call(f"{path}/current") == {"role": "editor", "permissions": ["read", "write"]}


def reservation_is_made_once_per_key(stage: Stage) -> None:
    """A plain HTTP client that repeats its idempotency key reserves once and sees the same answer."""
    product, key = _new("product"), _new("reservation")
    first = reservation_client.reserve(product, key, stage.ingress_url)
    headers = {"idempotency-key": key, "Content-Type": "application/json"}
    url = f"{stage.ingress_url}/productService/reserve"
    second = requests.post(url, json={"product_id": product}, headers=headers, timeout=60)
    assert second.json() == first
    assert len(stage.effects(product)) == 1
    assert reservation_client.reserve(product, _new("reservation"), stage.ingress_url) != first


def food_is_delivered_after_the_restaurant_said_so(stage: Stage) -> None:
    """An order waits for its time and for a person, shows where it is meanwhile, and is delivered."""
    path, order = _food_order(stage)
    token = _restaurant_token(stage, path)
    assert not stage.effects("delivered", path.rsplit("/")[-1])
    stage.site.ingress.post(f"/restate/awakeables/{token}/resolve", json="bag 7").raise_for_status()
    assert stage.site.attach(order).json() == "delivered"
    assert stage.site.call(f"{path}/status")["stage"] == "delivered"


def food_is_refunded_when_the_restaurant_says_no(stage: Stage) -> None:
    """A rejected awakeable is a terminal error in the handler, which gives the money back."""
    path, order = _food_order(stage)
    token = _restaurant_token(stage, path)
    stage.site.ingress.post(f"/restate/awakeables/{token}/reject", content="out of pasta").raise_for_status()
    assert stage.site.attach(order).json() == "refunded"
    assert len(stage.effects("refunded", path.rsplit("/")[-1])) == 1


def _food_order(stage: Stage) -> tuple[str, str]:
    path = f"/FoodOrder/{_new('o')}"
    order = {"customer": "ada", "dish": "Lasagne", "price": 14, "deliver_in_s": 0.3}
    return path, stage.site.send(f"{path}/place", order)


def _restaurant_token(stage: Stage, path: str) -> str:
    return str(eventually(lambda: stage.site.call(f"{path}/status")["restaurant_token"]))


def payment_is_decided_at_once_or_by_webhook(stage: Stage) -> None:
    """A card is decided at once, a stolen one is a 402, and a transfer waits until the webhook tells."""
    assert stage.site.call("/Payments/process", {"amount": 30, "method": "card"}) == "succeeded"
    stolen = {"amount": 31, "method": "stolen card"}
    _refused(stage, "/Payments/process", stolen, status=402, message="the payment was declined")

    amount = uuid.uuid4().int % 10**12
    transfer = stage.site.send("/Payments/process", {"amount": amount, "method": "transfer"})
    created = eventually(lambda: stage.effects(f"of {amount} by transfer"))
    webhook_id = created[0].rsplit(" ")[-1]
    stage.site.call("/Payments/webhook", {"webhook_id": webhook_id, "status": "succeeded"})
    assert stage.site.attach(transfer).json() == "succeeded"
    assert len(stage.effects(f"of {amount} by transfer")) == 1


def shipment_moves_only_along_its_transitions(stage: Stage) -> None:
    """Events that fit move the state and leave a trace; others are refused and change nothing."""
    path = f"/Shipment/{_new('s')}"
    assert stage.site.call(f"{path}/state") == "created"
    assert stage.site.call(f"{path}/handle", "pack") == "packed"
    _refused(stage, f"{path}/handle", "deliver", status=409, message="not possible while the shipment is packed")
    assert [stage.site.call(f"{path}/handle", event) for event in ("send", "deliver")] == ["on its way", "delivered"]
    assert stage.site.call(f"{path}/history") == ["packed", "on its way", "delivered"]


def parallel_work_is_gathered(stage: Stage) -> None:
    """Fanned-out calls and steps come back complete, and the first of several timers wins."""
    texts = [f"{_new('w')} " + "word " * count for count in range(6)]
    assert stage.site.call("/WordCount/count", {"texts": texts}) == 21
    assert stage.site.call("/WordCount/count_in_steps", {"texts": texts}) == 21
    assert all(len(stage.effects(text.split(" ")[0])) == 2 for text in texts)
    assert stage.site.call("/WordCount/fastest", ["slow", "quick"]) == "quick"


def signup_waits_for_the_click(stage: Stage) -> None:
    """A workflow runs once per key, answers while it waits, and ends when its promise is kept."""
    user = _new("user")
    path, body = f"/UserSignup/{user}", {"email": f"{user}@example.com"}
    stage.site.send(f"{path}/run", body)
    mailed = eventually(lambda: stage.effects("mailed secret", user))
    assert eventually(lambda: stage.site.call(f"{path}/stage") == "waiting for the click")
    assert stage.site.post(f"{path}/run", body).status_code == 409
    again = stage.site.post(f"{path}/run/send", body)
    assert (again.status_code, again.json()["status"]) == (202, "PreviouslyAccepted")
    stage.site.call(f"{path}/click", {"secret": mailed[0].split(" ")[2]})
    assert stage.site.ingress.get(f"/restate/workflow/UserSignup/{user}/attach").json() is True
    assert stage.site.call(f"{path}/stage") == "verified"
    assert len(stage.effects("created user", user)) == 1


def a_click_may_come_first(stage: Stage) -> None:
    """A promise may be kept before anybody waits for it."""
    user = _new("user")
    stage.site.call(f"/UserSignup/{user}/click", {"secret": "a guess"})
    assert stage.site.call(f"/UserSignup/{user}/run", {"email": f"{user}@example.com"}) is False
    assert stage.site.call(f"/UserSignup/{user}/stage") == "refused"


def deposits_are_made_once_per_id(stage: Stage) -> None:
    """A script that repeats a deposit adds to the balance once."""
    user, key = _new("user"), _new("deposit")
    assert account_client.deposit(user, 100.0, key, stage.ingress_url) == 100.0
    assert account_client.deposit(user, 100.0, key, stage.ingress_url) == 100.0
    assert account_client.deposit(user, -1000.0, _new("deposit"), stage.ingress_url) == 100.0


def trip_is_booked_as_a_whole(stage: Stage) -> None:
    """A saga in which nothing fails leaves its effects and no compensation."""
    traveller = _new("ada")
    reference = stage.site.call("/Travel/book", _trip(traveller))["reference"]
    assert reference.startswith(traveller)
    assert [line.split(" ")[0] for line in stage.effects(reference)] == ["booked", "rented", "charged"]


def declined_trip_is_undone_in_reverse(stage: Stage) -> None:
    """When the payment fails for good, the car goes back, then the flight, and the caller gets the payment's error."""
    traveller = _new("bob")
    _refused(stage, "/Travel/book", _trip(traveller, card="0000"), status=402, message="the card was declined")
    done = [line.split(" ")[0] for line in stage.effects(traveller)]
    assert done[:2] == ["booked", "rented"]
    assert done[-2:] == ["returned", "cancelled"]


def bank_is_waited_for_and_not_for_ever(stage: Stage) -> None:
    """A durable timeout ends the wait for the bank; a bank that answers in time is heard."""
    in_time, too_late = _new("eve"), _new("max")
    waiting = stage.site.send("/Travel/book", _trip(in_time, card="slow-1"))
    token = eventually(lambda: stage.effects("charged", in_time))[0].rsplit(" ")[-1]
    stage.site.ingress.post(f"/restate/awakeables/{token}/resolve", json=True).raise_for_status()
    assert stage.site.attach(waiting).json()["reference"].startswith(in_time)

    answer = stage.site.post("/Travel/book", _trip(too_late, card="slow-2", approve_within_s=0.3))
    assert answer.status_code == 408, answer.text
    assert [line.split(" ")[0] for line in stage.effects(too_late)][-3:] == ["refunded", "returned", "cancelled"]


def cancelled_trip_is_undone(stage: Stage) -> None:
    """Cancelling a trip that waits for its bank undoes what was booked."""
    traveller = _new("joe")
    waiting = stage.site.send("/Travel/book", _trip(traveller, card="slow-3"))
    assert eventually(lambda: stage.effects("charged", traveller))
    stage.site.admin.patch(f"/invocations/{waiting}/cancel").raise_for_status()
    assert stage.site.attach(waiting).status_code == 409
    assert [line.split(" ")[0] for line in stage.effects(traveller)][-3:] == ["refunded", "returned", "cancelled"]


def _trip(traveller: str, *, card: str = "4242", approve_within_s: float = 60.0) -> dict[str, Any]:
    trip = {"traveller": traveller, "flight": "LX 38", "car": "small", "card": card}
    return {**trip, "approve_within_s": approve_within_s}


Case = Callable[[Stage], None]

CASES: list[Case] = [
    order_runs_each_step_once,
    call_send_and_delayed_send_arrive,
    clients_call_send_and_delay_too,
    account_never_falls_below_zero,
    role_and_permissions_change_together_or_not_at_all,
    reservation_is_made_once_per_key,
    food_is_delivered_after_the_restaurant_said_so,
    food_is_refunded_when_the_restaurant_says_no,
    payment_is_decided_at_once_or_by_webhook,
    shipment_moves_only_along_its_transitions,
    parallel_work_is_gathered,
    signup_waits_for_the_click,
    a_click_may_come_first,
]

OWN_CASES: list[Case] = [
    deposits_are_made_once_per_id,
    trip_is_booked_as_a_whole,
    declined_trip_is_undone_in_reverse,
    bank_is_waited_for_and_not_for_ever,
    cancelled_trip_is_undone,
]


def _new(prefix: str) -> str:
    """Return a name no other case uses: cases share a server and its log."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def _refused(stage: Stage, path: str, payload: Any, *, status: int, message: str) -> None:
    """Check that a call ends in the terminal error it should end in."""
    answer = stage.site.post(path, payload)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    assert message in json.loads(answer.content)["message"]
