"""JSON schemas of handlers' inputs, compiled once each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from holdfast_protocol.manifest import InputSpec

_log = logging.getLogger("holdfast.http")

_MESSAGE_LENGTH_MAX = 300


class _Validator(Protocol):
    def validate(self, instance: object) -> None: ...


class Schemas:
    """The validators by handler; a handler registered anew has a new spec and gets a new validator."""

    def __init__(self) -> None:
        self._validators: dict[str, tuple[InputSpec, _Validator | None]] = {}

    def misfit(self, handler: str, spec: InputSpec, value: object) -> str | None:
        """Return where and how a value does not fit the handler's schema; None when it does, or nobody can tell."""
        known = self._validators.get(handler)
        if known is None or known[0] is not spec:
            known = (spec, _compile(handler, spec.json_schema))
            self._validators[handler] = known
        validator = known[1]
        if validator is None:
            return None
        try:
            validator.validate(value)
        except ValueError as error:
            return _describe(error)
        return None


def _compile(handler: str, schema: object) -> _Validator | None:
    try:
        # 32 ms of import and 15 MB of zip: paid only where a handler has a schema, and a function may go without it.
        import jsonschema_rs
    except ImportError:
        return None
    if not isinstance(schema, dict | bool):
        return None
    try:
        # RegexOptions is the engine that takes linear time, so that no body can make a pattern backtrack for minutes.
        return jsonschema_rs.validator_for(
            schema, retriever=_refuse_to_fetch, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=False
        )
    except ValueError as error:
        # A schema beyond this compiler must not make its handler unreachable; the SDK still reads the input itself.
        reason = str(error).partition("\n")[0][:_MESSAGE_LENGTH_MAX]
        _log.warning("inputs of %s go unchecked, because its JSON schema cannot be compiled: %s", handler, reason)
        return None


def _refuse_to_fetch(uri: str) -> NoReturn:
    raise ValueError(f"a schema may not refer to {uri}: nothing is fetched")


def _describe(error: ValueError) -> str:
    message = _shortened(getattr(error, "message", str(error)))
    path = "".join(f"/{part}" for part in getattr(error, "instance_path", ()))
    return f"at {path}: {message}" if path else message


def _shortened(message: str) -> str:
    # The offending value stands in front and may be long; what is wrong with it stands behind.
    half = _MESSAGE_LENGTH_MAX // 2
    return message if len(message) <= _MESSAGE_LENGTH_MAX else f"{message[:half]}…{message[-half:]}"
