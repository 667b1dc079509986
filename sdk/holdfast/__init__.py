"""Holdfast's Python SDK: write durable handlers as plain async functions.

Every public name is importable from here and nowhere else is promised to stay. Names are resolved when first used,
so that importing the package costs little and nobody pays for what they do not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast._version import __version__

if TYPE_CHECKING:
    from holdfast._asgi import app
    from holdfast._context_managers import contextvar
    from holdfast._endpoint import Endpoint, HandlerNotFound
    from holdfast._logging import ReplayLoggingFilter, RestateLoggingFilter, getLogger
    from holdfast._options import InvocationRetryPolicy
    from holdfast._serde import (
        BytesSerde,
        DefaultSerde,
        JsonSerde,
        MsgspecJsonSerde,
        PydanticJsonSerde,
        Serde,
        TypedJsonSerde,
    )
    from holdfast._service import Service, VirtualObject, Workflow
    from holdfast.errors import (
        AttemptEnded,
        ClientError,
        DefinitionError,
        HoldfastError,
        InvocationCancelled,
        InvocationTimedOut,
        JournalMismatch,
        RetryableError,
        SdkInternalBaseException,
        SerdeError,
        Superseded,
        Suspended,
        TerminalError,
        UsageError,
        is_internal_exception,
    )

_NAMES_BY_MODULE = {
    "_asgi": ("app",),
    "_context_managers": ("contextvar",),
    "_endpoint": ("Endpoint", "HandlerNotFound"),
    "_logging": ("ReplayLoggingFilter", "RestateLoggingFilter", "getLogger"),
    "_options": ("InvocationRetryPolicy",),
    "_serde": (
        "BytesSerde",
        "DefaultSerde",
        "JsonSerde",
        "MsgspecJsonSerde",
        "PydanticJsonSerde",
        "Serde",
        "TypedJsonSerde",
    ),
    "_service": ("Service", "VirtualObject", "Workflow"),
    "errors": (
        "AttemptEnded",
        "ClientError",
        "DefinitionError",
        "HoldfastError",
        "InvocationCancelled",
        "InvocationTimedOut",
        "JournalMismatch",
        "RetryableError",
        "SdkInternalBaseException",
        "SerdeError",
        "Superseded",
        "Suspended",
        "TerminalError",
        "UsageError",
        "is_internal_exception",
    ),
}
_MODULE_BY_NAME = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that has it."""
    module = _MODULE_BY_NAME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    """Return the public names, resolved or not."""
    return sorted({*globals(), *__all__})


__all__ = [
    "AttemptEnded",
    "BytesSerde",
    "ClientError",
    "DefaultSerde",
    "DefinitionError",
    "Endpoint",
    "HandlerNotFound",
    "HoldfastError",
    "InvocationCancelled",
    "InvocationRetryPolicy",
    "InvocationTimedOut",
    "JournalMismatch",
    "JsonSerde",
    "MsgspecJsonSerde",
    "PydanticJsonSerde",
    "ReplayLoggingFilter",
    "RestateLoggingFilter",
    "RetryableError",
    "SdkInternalBaseException",
    "Serde",
    "SerdeError",
    "Service",
    "Superseded",
    "Suspended",
    "TerminalError",
    "TypedJsonSerde",
    "UsageError",
    "VirtualObject",
    "Workflow",
    "__version__",
    "app",
    "contextvar",
    "getLogger",
    "is_internal_exception",
]
