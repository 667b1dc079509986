"""The words of the manifest's JSON: enum spellings, and each option with its type and first version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Generic, TypeVar

from holdfast_protocol._manifest_records import HandlerKind, OnMaxAttempts, ProtocolMode, ServiceKind

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MANIFEST_VERSION_MIN = 1
MANIFEST_VERSION_MAX = 5

# Durations are u64 in every known implementation; a larger one would not be passed on.
_DURATION_MS_MAX = 2**64 - 1
_VERSION_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class JsonType(Generic[T_co]):
    """A type of the manifest: `read` returns None for a value that is not of it."""

    expected: str
    read: Callable[[object], T_co | None]


def _bounded_int(low: int, high: int) -> Callable[[object], int | None]:
    def read(value: object) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None

    return read


def _factor(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        factor = float(value)
    except OverflowError:
        return None
    return factor if isfinite(factor) and factor > 0 else None


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def _text_map(value: object) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    is_text = all(isinstance(key, str) and isinstance(text, str) for key, text in value.items())
    return dict(value) if is_text else None


def one_of(word_by_spelling: dict[str, T]) -> JsonType[T]:
    """Return the type of an enum with these JSON spellings."""

    def read(value: object) -> T | None:
        return word_by_spelling.get(value) if isinstance(value, str) else None

    return JsonType("one of " + ", ".join(word_by_spelling), read)


TEXT: JsonType[str] = JsonType("a string", lambda value: value if isinstance(value, str) else None)
FLAG: JsonType[bool] = JsonType("true or false", lambda value: value if isinstance(value, bool) else None)
LIST: JsonType[list[object]] = JsonType("an array", lambda value: value if isinstance(value, list) else None)
OBJECT: JsonType[dict[str, object]] = JsonType("an object", lambda value: value if isinstance(value, dict) else None)
TEXT_MAP: JsonType[dict[str, str]] = JsonType("an object of strings", _text_map)
TEXTS: JsonType[tuple[str, ...]] = JsonType("an array of strings", _texts)
VERSION: JsonType[int] = JsonType(f"an integer from 1 to {_VERSION_MAX}", _bounded_int(1, _VERSION_MAX))
MILLISECONDS: JsonType[int] = JsonType("a whole number of milliseconds, 0 or more", _bounded_int(0, _DURATION_MS_MAX))
COUNT: JsonType[int] = JsonType("a whole number, 0 or more", _bounded_int(0, 2**64 - 1))
FACTOR: JsonType[float] = JsonType("a number above 0", _factor)

MODES: dict[str, ProtocolMode] = {"BIDI_STREAM": "bidi_stream", "REQUEST_RESPONSE": "request_response"}
SERVICE_KINDS: dict[str, ServiceKind] = {"SERVICE": "service", "VIRTUAL_OBJECT": "object", "WORKFLOW": "workflow"}
HANDLER_KINDS: dict[str, HandlerKind] = {"WORKFLOW": "workflow", "EXCLUSIVE": "exclusive", "SHARED": "shared"}
ON_MAX_ATTEMPTS: dict[str, OnMaxAttempts] = {"PAUSE": "pause", "KILL": "kill"}

# What a handler becomes, by the kind of its service and the type it declares. The published schema calls an
# undeclared handler of a workflow its run handler; servers treat it as shared, and so do we.
HANDLER_KIND_BY_DECLARED: dict[tuple[ServiceKind, HandlerKind], HandlerKind] = {
    ("service", None): None,
    ("service", "shared"): None,
    ("object", None): "exclusive",
    ("object", "exclusive"): "exclusive",
    ("object", "shared"): "shared",
    ("workflow", "workflow"): "workflow",
    ("workflow", None): "shared",
    ("workflow", "shared"): "shared",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionField:
    """One option in JSON and as an attribute of `Options`, or of its retry policy."""

    json_name: str
    attribute: str
    since: int
    type: JsonType[object]
    in_retry_policy: bool = False
    is_handler_only: bool = False
    spelling_by_word: dict[str, str] | None = None


def _option(
    json_name: str, attribute: str, since: int, json_type: JsonType[T], *, is_handler_only: bool = False
) -> OptionField:
    return OptionField(
        json_name=json_name, attribute=attribute, since=since, type=json_type, is_handler_only=is_handler_only
    )


def _retry(
    json_suffix: str, attribute: str, json_type: JsonType[T], spelling_by_word: dict[str, str] | None = None
) -> OptionField:
    return OptionField(
        json_name=f"retryPolicy{json_suffix}",
        attribute=attribute,
        since=4,
        type=json_type,
        in_retry_policy=True,
        spelling_by_word=spelling_by_word,
    )


OPTION_FIELDS = (
    _option("inactivityTimeout", "inactivity_timeout_ms", 3, MILLISECONDS),
    _option("abortTimeout", "abort_timeout_ms", 3, MILLISECONDS),
    _option("journalRetention", "journal_retention_ms", 3, MILLISECONDS),
    _option("idempotencyRetention", "idempotency_retention_ms", 3, MILLISECONDS),
    _option("workflowCompletionRetention", "workflow_completion_retention_ms", 3, MILLISECONDS, is_handler_only=True),
    _option("enableLazyState", "enable_lazy_state", 3, FLAG),
    _option("ingressPrivate", "ingress_private", 3, FLAG),
    _retry("InitialInterval", "initial_interval_ms", MILLISECONDS),
    _retry("MaxInterval", "max_interval_ms", MILLISECONDS),
    _retry("MaxAttempts", "max_attempts", COUNT),
    _retry("ExponentiationFactor", "exponentiation_factor", FACTOR),
    _retry("OnMaxAttempts", "on_max_attempts", one_of(ON_MAX_ATTEMPTS), {"pause": "PAUSE", "kill": "KILL"}),
    _option("eagerStateKeysWhitelist", "eager_state_keys", 5, TEXTS),
)
