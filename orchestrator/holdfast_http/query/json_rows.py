"""Arrow batches as the JSON that the query API answers: what is null is left out, bytes are hexadecimal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def json_rows(batches: Iterable[Any]) -> bytes:
    """Return `{"rows": […]}`."""
    rows = [_shown(row) for batch in batches for row in batch.to_pylist()]
    return json.dumps({"rows": rows}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shown(each) for name, each in value.items() if each is not None}
        case list():
            return [_shown(each) for each in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case bytes():
            return value.hex()
        case datetime():
            return _moment(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return f"PT{value.total_seconds():g}S"
        case Decimal():
            return str(value)
        case _:
            return value


def _moment(value: datetime) -> str:
    text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.removesuffix("+00:00") + ("Z" if value.tzinfo is not None else "")
