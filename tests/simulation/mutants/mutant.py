"""What a mutant is: an engine that is wrong in one place, and the way to put it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A function put in the place of another; `make` is given the right one."""

    owner: Any
    name: str
    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One wrong engine.

    `breaks` names the rule or invariant that it violates, `weather` in which scenarios that shows most often.
    """

    name: str
    breaks: str
    weather: str | None
    replacements: tuple[Replacement, ...]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Put it in for a while."""
        with ExitStack() as stack:
            for replacement in self.replacements:
                right = getattr(replacement.owner, replacement.name)
                stack.enter_context(patch.object(replacement.owner, replacement.name, replacement.make(right)))
            yield


def mutant(
    name: str, breaks: str, *replacements: tuple[Any, str, Callable[[Any], Any]], weather: str | None = None
) -> Mutant:
    """Return a mutant; each replacement is an owner, the name of a function of his, and what makes the wrong one."""
    made = [Replacement(owner=owner, name=attribute, make=make) for owner, attribute, make in replacements]
    return Mutant(name=name, breaks=breaks, weather=weather, replacements=tuple(made))
