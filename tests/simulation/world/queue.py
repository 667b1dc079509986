"""The simulated queue: messages with delays, visibility time-outs and every liberty that SQS takes.

A message is delivered at least once and in no order. While a process handles it, it is invisible for a time; whoever is
slower than that has it delivered to another process as well. Acknowledging deletes it, and a late acknowledgement may
delete the copy that somebody else is handling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from holdfast_engine.records import KeyRef
from tests.simulation.history import History
from tests.simulation.world.faults import Faults, Kind, Site
from tests.simulation.world.loop import SimLoop

Body = str | KeyRef

# SQS delays a message by 15 minutes at most.
DELAY_S_MAX = 900.0


@dataclass(slots=True, eq=False)
class Message:
    """One message; `receipt` counts its deliveries, and the latest one is what an acknowledgement should name."""

    number: int
    body: Body
    receipt: int = 0
    is_gone: bool = False
    takes_stale_acks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery of a message."""

    message: Message
    receipt: int


class SimQueue:
    """Messages, and who takes deliveries."""

    def __init__(
        self, loop: SimLoop, dice: Random, *, faults: Faults, history: History, visibility_s: float, spread_s: float
    ) -> None:
        self._loop = loop
        self._dice = dice
        self._faults = faults
        self._history = history
        self._visibility_s = visibility_s
        self._spread_s = spread_s
        self._messages: dict[int, Message] = {}
        self._counts: dict[Body, int] = {}
        self._waiting: list[tuple[Message, int]] = []
        self.deliver: Callable[[Delivery], bool] = _nobody
        self.delivered = 0

    def __len__(self) -> int:
        return len(self._messages)

    def names(self, body: Body) -> bool:
        """Return whether a message of that body is under way, in whatever state."""
        return self._counts.get(body, 0) > 0

    def bodies(self) -> list[Body]:
        """Return what is under way."""
        return [body for body, count in self._counts.items() if count]

    def send(self, body: Body, *, delay_s: float) -> None:
        """Take in a message."""
        message = Message(self._loop.new_number(), body)
        self._messages[message.number] = message
        self._counts[body] = self._counts.get(body, 0) + 1
        self._appear_in(message, message.receipt, min(delay_s, DELAY_S_MAX))

    def acknowledge(self, delivery: Delivery) -> None:
        """Delete a message; one that has been delivered again meanwhile may stay, or not."""
        message = delivery.message
        if delivery.receipt == message.receipt or message.takes_stale_acks:
            self._delete(message)

    def put_back(self, delivery: Delivery, *, delay_s: float) -> None:
        """Have a message delivered again after a while, instead of acknowledging it."""
        message = delivery.message
        if delivery.receipt == message.receipt and not message.is_gone:
            message.receipt += 1
            self._appear_in(message, message.receipt, min(delay_s, DELAY_S_MAX))

    def _appear_in(self, message: Message, receipt: int, delay_s: float) -> None:
        # Spread over a while, so that messages overtake each other.
        delay_s = max(0.0, delay_s) + self._dice.random() * self._spread_s
        self._loop.in_the_world(delay_s, self._appear, message, receipt)

    def offer_again(self) -> None:
        """Offer what nobody had room for, in any order."""
        waiting, self._waiting = self._waiting, []
        self._dice.shuffle(waiting)
        for message, receipt in waiting:
            self._appear(message, receipt)

    def _appear(self, message: Message, receipt: int) -> None:
        if message.is_gone or message.receipt != receipt:
            return
        if not self.deliver(Delivery(message=message, receipt=receipt + 1)):
            self._waiting.append((message, receipt))
            return
        message.receipt += 1
        self.delivered += 1
        visibility_s = self._visibility_s
        fault = self._faults.draw(Site.DELIVERY)
        if fault is not None:
            # Either way it is delivered to somebody else while it is being handled.
            visibility_s *= 0.02 + 0.2 * fault.amount
            message.takes_stale_acks = fault.kind is Kind.STALE_ACK
            self._history.add(f"message {message.number} {message.body} will come twice ({fault.kind})")
        self._appear_in(message, message.receipt, visibility_s)

    def _delete(self, message: Message) -> None:
        if not message.is_gone:
            message.is_gone = True
            del self._messages[message.number]
            self._counts[message.body] -= 1


def _nobody(delivery: Delivery) -> bool:
    raise AssertionError(f"nobody takes {delivery}")
