"""How much state a key may have, asked before a command is in the journal: there it could not be taken back.

What a key has lives in one item with its lock: the names, small values, and pointers to large ones, which may be as
large and as many as an item of their own each allows. So it is the names that are bounded, more or less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holdfast_engine.commands import CommandRefused
from holdfast_engine.weights import named_bytes
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import Message


class StateTooLarge(CommandRefused):
    """A state command that would give a key more than it may have: to try again would be for ever."""

    is_final = True


class StateRoom:
    """What a key's state weighs while one attempt writes to it; nothing is weighed before the first write."""

    def __init__(self, state: Callable[[], Mapping[str, bytes]], *, bytes_max: int) -> None:
        self._state = state
        self._bytes_max = bytes_max
        self._weight_by_name: dict[str, int] | None = None
        self._weight = 0

    @property
    def excess(self) -> str | None:
        """What is wrong with the state as it is, or None."""
        weights = self._weights()
        return self._sentence(len(weights), self._weight) if self._weight > self._bytes_max else None

    def take(self, command: Message) -> None:
        """Note a state command.

        Raises:
            StateTooLarge: There is no room for what it sets.
        """
        if isinstance(command, pb.SetStateCommand):
            name = command.key.decode()
            weights = self._weights()
            more = named_bytes(name, command.value.content) - weights.get(name, 0)
            if more > 0 and self._weight + more > self._bytes_max:
                count = len(weights) + (name not in weights)
                raise StateTooLarge(self._sentence(count, self._weight + more), rt_code="RT0019")
            weights[name] = weights.get(name, 0) + more
            self._weight += more
        elif isinstance(command, pb.ClearStateCommand):
            self._weight -= self._weights().pop(command.key.decode(), 0)
        elif isinstance(command, pb.ClearAllStateCommand):
            self._weight_by_name, self._weight = {}, 0

    def _sentence(self, count: int, weight: int) -> str:
        return (
            f"the key's state would have {count} names that weigh {weight} bytes with their smallest values; the limit"
            f" is {self._bytes_max}: use fewer or shorter names, or keep the values under several keys"
        )

    def _weights(self) -> dict[str, int]:
        if self._weight_by_name is None:
            self._weight_by_name = {name: named_bytes(name, value) for name, value in self._state().items()}
            self._weight = sum(self._weight_by_name.values())
        return self._weight_by_name
