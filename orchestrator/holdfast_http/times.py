"""Points in time as the APIs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(epoch_ms: int) -> str:
    """Return epoch milliseconds as RFC 3339 in UTC, such as `2026-01-31T12:00:00.250Z`."""
    return (_EPOCH + timedelta(milliseconds=epoch_ms)).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
