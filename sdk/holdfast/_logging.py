"""Logging that stays silent while a handler replays what it has logged before."""

from __future__ import annotations

import logging

from holdfast._context import is_replaying


class ReplayLoggingFilter(logging.Filter):
    """Drops records that a replaying handler repeats.

    Example:
        >>> import logging, holdfast
        >>> handler = logging.StreamHandler()
        >>> handler.addFilter(holdfast.ReplayLoggingFilter())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        return bool(super().filter(record)) and not is_replaying()


def getLogger(name: str | None = None) -> logging.Logger:  # noqa: N802 - the name of the function it stands in for
    """Return the standard library's logger of that name, with the filter for replays on it.

    Example:
        >>> import holdfast
        >>> holdfast.getLogger("orders").info("charged once, logged once")
    """
    logger = logging.getLogger(name)
    if not any(isinstance(each, ReplayLoggingFilter) for each in logger.filters):
        logger.addFilter(ReplayLoggingFilter())
    return logger
