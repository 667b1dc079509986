"""The form of a command's rule: may it stand here, what answers it at once, what must be done for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast_engine.effects import Effect
from holdfast_engine.journal import Journal
from holdfast_engine.records import Head, Outcome, Promise
from holdfast_engine.registry import Registry
from holdfast_protocol.messages import MessageType


class CommandRefused(Exception):
    """A command that may not stand where it does; the attempt fails, the frames before it are kept.

    `is_final` says that it never may, so that the invocation fails with it.
    """

    is_final = False

    def __init__(self, message: str, *, rt_code: str) -> None:
        super().__init__(message)
        self.rt_code = rt_code


@dataclass(slots=True, kw_only=True)
class Facts:
    """What was read of the world for commands that ask: promises by name, outcomes by invocation id.

    An outcome of None means that the invocation exists and has not completed; an id that is missing does not exist.
    """

    promises: dict[str, Promise | None] = field(default_factory=dict)
    outcomes: dict[str, Outcome | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performing:
    """What a rule knows when it says what to do."""

    head: Head
    journal: Journal
    registry: Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What a rule knows when it answers: `state` is the key's as of the command, for commands that read state."""

    head: Head
    journal: Journal
    registry: Registry
    state: dict[str, bytes]
    facts: Facts


class Answer(Protocol):
    """Gives the notifications that can be given now; none leaves the command open."""

    def __call__(self, command: Any, context: Answering) -> list[bytes]:
        """Return the frames."""
        ...


class Effects(Protocol):
    """Says what to do for a command once it is in the journal."""

    def __call__(self, command: Any, index: int, context: Performing) -> Effect | None:
        """Return the effect; None when there is nothing (any more) to do."""
        ...


def anywhere(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand in every kind of handler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One command. `check` raises CommandRefused; `is_immediate` says that its effect has a receiver elsewhere.

    `promise_read` and `outcome_read` name what has to be read before it can be answered.
    """

    message_type: MessageType
    check: Callable[[Any, Head, Registry], None] = anywhere
    answer: Answer | None = None
    effect: Effects | None = None
    promise_read: Callable[[Any], str] | None = None
    outcome_read: Callable[[Any], str] | None = None
