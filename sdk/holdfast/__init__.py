"""Holdfast's Python SDK: write durable handlers as plain async functions.

Every public name is importable from here and nowhere else is promised to stay. Names are resolved when first used,
so that importing the package costs little and nobody pays for what they do not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast._version import __version__

if TYPE_CHECKING:
    from holdfast._asgi import (
        app,
    )
    from holdfast._async_client import (
        AsyncClient,
    )
    from holdfast._calls import (
        ScopedContext,
    )
    from holdfast._client import (
        Client,
    )
    from holdfast._combinators import (
        as_completed,
        gather,
        select,
        wait_completed,
    )
    from holdfast._context import (
        Context,
        ObjectContext,
        ObjectSharedContext,
        WorkflowContext,
        WorkflowSharedContext,
    )
    from holdfast._context_managers import (
        contextvar,
    )
    from holdfast._current import (
        current_context,
    )
    from holdfast._endpoint import (
        Endpoint,
        HandlerNotFound,
    )
    from holdfast._exchange import (
        Sent,
    )
    from holdfast._futures import (
        CallFuture,
        DurableFuture,
        SendHandle,
        SleepFuture,
    )
    from holdfast._futures import (
        CallFuture as RestateDurableCallFuture,
    )
    from holdfast._futures import (
        DurableFuture as RestateDurableFuture,
    )
    from holdfast._futures import (
        SleepFuture as RestateDurableSleepFuture,
    )
    from holdfast._logging import (
        ReplayLoggingFilter,
        getLogger,
    )
    from holdfast._logging import (
        ReplayLoggingFilter as RestateLoggingFilter,
    )
    from holdfast._options import (
        InvocationRetryPolicy,
    )
    from holdfast._promise import (
        DurablePromise,
    )
    from holdfast._request import (
        AttemptFinishedEvent,
        Request,
    )
    from holdfast._run import (
        RunOptions,
    )
    from holdfast._saga import (
        Saga,
    )
    from holdfast._serde import (
        BytesSerde,
        DefaultSerde,
        JsonSerde,
        MsgspecJsonSerde,
        PydanticJsonSerde,
        Serde,
        TypedJsonSerde,
    )
    from holdfast._service import (
        Service,
        VirtualObject,
        Workflow,
    )
    from holdfast.errors import (
        AttemptEnded,
        AttemptFailed,
        ClientError,
        DefinitionError,
        HoldfastError,
        IngressUnreachable,
        InvocationCancelled,
        InvocationFailed,
        InvocationTimedOut,
        JournalMismatch,
        NotCompleted,
        NotFound,
        RetryableError,
        RetryLater,
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
    "_async_client": ("AsyncClient",),
    "_calls": ("ScopedContext",),
    "_client": ("Client",),
    "_combinators": (
        "as_completed",
        "gather",
        "select",
        "wait_completed",
    ),
    "_context": (
        "Context",
        "ObjectContext",
        "ObjectSharedContext",
        "WorkflowContext",
        "WorkflowSharedContext",
    ),
    "_context_managers": ("contextvar",),
    "_current": ("current_context",),
    "_endpoint": (
        "Endpoint",
        "HandlerNotFound",
    ),
    "_exchange": ("Sent",),
    "_futures": (
        "CallFuture",
        "DurableFuture",
        "SendHandle",
        "SleepFuture",
    ),
    "_logging": (
        "ReplayLoggingFilter",
        "getLogger",
    ),
    "_options": ("InvocationRetryPolicy",),
    "_promise": ("DurablePromise",),
    "_request": (
        "AttemptFinishedEvent",
        "Request",
    ),
    "_run": ("RunOptions",),
    "_saga": ("Saga",),
    "_serde": (
        "BytesSerde",
        "DefaultSerde",
        "JsonSerde",
        "MsgspecJsonSerde",
        "PydanticJsonSerde",
        "Serde",
        "TypedJsonSerde",
    ),
    "_service": (
        "Service",
        "VirtualObject",
        "Workflow",
    ),
    "errors": (
        "AttemptEnded",
        "AttemptFailed",
        "ClientError",
        "DefinitionError",
        "HoldfastError",
        "IngressUnreachable",
        "InvocationCancelled",
        "InvocationFailed",
        "InvocationTimedOut",
        "JournalMismatch",
        "NotCompleted",
        "NotFound",
        "RetryLater",
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
# What Restate's SDK calls them, for code that comes from there.
_NAME_BY_ALIAS = {
    "RestateDurableCallFuture": "CallFuture",
    "RestateDurableFuture": "DurableFuture",
    "RestateDurableSleepFuture": "SleepFuture",
    "RestateLoggingFilter": "ReplayLoggingFilter",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that has it."""
    meant = _NAME_BY_ALIAS.get(name, name)
    module = _MODULE_BY_NAME.get(meant)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), meant)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    """Return the public names, resolved or not."""
    return sorted({*globals(), *__all__})


__all__ = [
    "AsyncClient",
    "AttemptEnded",
    "AttemptFailed",
    "AttemptFinishedEvent",
    "BytesSerde",
    "CallFuture",
    "Client",
    "ClientError",
    "Context",
    "DefaultSerde",
    "DefinitionError",
    "DurableFuture",
    "DurablePromise",
    "Endpoint",
    "HandlerNotFound",
    "HoldfastError",
    "IngressUnreachable",
    "InvocationCancelled",
    "InvocationFailed",
    "InvocationRetryPolicy",
    "InvocationTimedOut",
    "JournalMismatch",
    "JsonSerde",
    "MsgspecJsonSerde",
    "NotCompleted",
    "NotFound",
    "ObjectContext",
    "ObjectSharedContext",
    "PydanticJsonSerde",
    "ReplayLoggingFilter",
    "Request",
    "RestateDurableCallFuture",
    "RestateDurableFuture",
    "RestateDurableSleepFuture",
    "RestateLoggingFilter",
    "RetryLater",
    "RetryableError",
    "RunOptions",
    "Saga",
    "ScopedContext",
    "SdkInternalBaseException",
    "SendHandle",
    "Sent",
    "Serde",
    "SerdeError",
    "Service",
    "SleepFuture",
    "Superseded",
    "Suspended",
    "TerminalError",
    "TypedJsonSerde",
    "UsageError",
    "VirtualObject",
    "Workflow",
    "WorkflowContext",
    "WorkflowSharedContext",
    "__version__",
    "app",
    "as_completed",
    "contextvar",
    "current_context",
    "gather",
    "getLogger",
    "is_internal_exception",
    "select",
    "wait_completed",
]
