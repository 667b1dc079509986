"""What the engine and the SDK log: an exception that no fault explains is a bug, though somebody caught it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from holdfast_engine.errors import Unavailable
from tests.simulation.history import History
from tests.simulation.watch import Violation, Watch


class _Listener(logging.Handler):
    def __init__(self, watch: Watch, history: History) -> None:
        super().__init__(logging.WARNING)
        self._watch = watch
        self._history = history

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._history.add(f"logs: {record.getMessage()}{f' ({error!r})' if error is not None else ''}")
        if error is not None and not isinstance(error, Unavailable):
            self._watch.found(Violation("bug", f"{record.getMessage()}: {error!r}"))


@contextmanager
def listening(watch: Watch, history: History) -> Iterator[None]:
    """Take in what is logged, and keep it off the terminal."""
    logger = logging.getLogger("holdfast")
    listener, propagates = _Listener(watch, history), logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagates
