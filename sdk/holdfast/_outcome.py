"""Outcomes: what an exception that leaves a handler means for its invocation."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from holdfast.errors import RetryableError, TerminalError

PROCESS_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What is no outcome: somebody wants this process, or this coroutine, to end."""


def decisive_error_in(error: BaseException) -> TerminalError | RetryableError | None:
    """Return the exception that decides: the first in the chain of `raise … from …` that says what to do."""
    for cause in _causes(error):
        if isinstance(cause, TerminalError | RetryableError):
            return cause
    return None


def terminal_error_in(error: BaseException) -> TerminalError | None:
    """Return the TerminalError that an exception means, or None if the invocation is to be retried."""
    decisive = decisive_error_in(error)
    return decisive if isinstance(decisive, TerminalError) else None


def words_of(error: BaseException) -> tuple[str, str]:
    """Return an exception's message and stack trace, whatever its own methods do."""
    try:
        return repr(error), "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - an exception that cannot describe itself must still end its attempt
        return type(error).__name__, ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__
