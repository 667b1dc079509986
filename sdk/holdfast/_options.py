"""The options of services and handlers: the keywords a user may pass and the checked record that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from holdfast.errors import DefinitionError

if TYPE_CHECKING:
    from holdfast._serde import Serde

ContextManagerFactory = Callable[[], AbstractAsyncContextManager[Any]]
OnMaxAttempts = Literal["pause", "kill"]


@dataclass(frozen=True)
class InvocationRetryPolicy:
    """How the server retries an invocation whose attempt failed with anything but a terminal error.

    Fields left at None take the server's defaults. `max_attempts` counts the first attempt as well.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> policy = holdfast.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=100), max_attempts=5)
        >>> payments = holdfast.Service("Payments", invocation_retry_policy=policy)
    """

    initial_interval: timedelta | None = None
    exponentiation_factor: float | None = None
    max_interval: timedelta | None = None
    max_attempts: int | None = None
    on_max_attempts: OnMaxAttempts | None = None

    def __post_init__(self) -> None:
        """Refuse values no server could act on, where the user wrote them."""
        for name in ("initial_interval", "max_interval"):
            _check_duration(name, getattr(self, name))
        if self.max_attempts is not None and self.max_attempts < 0:
            raise DefinitionError(f"max_attempts must not be negative, but is {self.max_attempts}.")
        if self.exponentiation_factor is not None and self.exponentiation_factor < 1:
            raise DefinitionError(f"exponentiation_factor must be at least 1, but is {self.exponentiation_factor}.")
        if self.on_max_attempts not in (None, *get_args(OnMaxAttempts)):
            raise DefinitionError(f'on_max_attempts must be "pause" or "kill", but is {self.on_max_attempts!r}.')


class InvocationOptions(TypedDict, total=False):
    """The keywords every service and every handler takes."""

    inactivity_timeout: timedelta | None
    abort_timeout: timedelta | None
    journal_retention: timedelta | None
    ingress_private: bool | None
    invocation_retry_policy: InvocationRetryPolicy | None
    invocation_context_managers: Sequence[ContextManagerFactory] | None


class StateOptions(TypedDict, total=False):
    """What services with state, and their handlers, take besides."""

    enable_lazy_state: bool | None
    state_preload: bool | Sequence[str] | None


class PayloadOptions(TypedDict, total=False):
    """The keywords that say how a handler's input and output travel."""

    accept: str
    content_type: str
    input_serde: Serde[Any]
    output_serde: Serde[Any]
    metadata: Mapping[str, str] | None


class ServiceOptions(InvocationOptions, total=False):
    """The keywords of `Service`."""

    idempotency_retention: timedelta | None


class StatefulServiceOptions(ServiceOptions, StateOptions, total=False):
    """The keywords of `VirtualObject` and `Workflow`."""


class HandlerOptions(ServiceOptions, PayloadOptions, total=False):
    """The keywords of `Service.handler`."""


class StatefulHandlerOptions(HandlerOptions, StateOptions, total=False):
    """The keywords of `VirtualObject.handler` and `Workflow.handler`."""


class WorkflowMainOptions(InvocationOptions, PayloadOptions, StateOptions, total=False):
    """The keywords of `Workflow.main`; a main run is once per key anyhow, so it takes no idempotency retention."""

    workflow_retention: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server-side behaviour one service or one handler asked for; None leaves it to the level above."""

    inactivity_timeout: timedelta | None = None
    abort_timeout: timedelta | None = None
    journal_retention: timedelta | None = None
    idempotency_retention: timedelta | None = None
    workflow_retention: timedelta | None = None
    enable_lazy_state: bool | None = None
    eager_state_keys: tuple[str, ...] | None = None
    ingress_private: bool | None = None
    invocation_retry_policy: InvocationRetryPolicy | None = None


_DURATIONS = (
    "inactivity_timeout",
    "abort_timeout",
    "journal_retention",
    "idempotency_retention",
    "workflow_retention",
)
_OPTION_FIELDS = frozenset(field.name for field in fields(Options))


def check_keywords(subject: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse keywords that nothing would read; type checkers see them, an interpreter would not."""
    unknown = sorted(given.keys() - known)
    if unknown:
        raise DefinitionError(f"{subject} has no option {unknown[0]!r}; it takes {', '.join(sorted(known))}.")


def options_from(subject: str, given: Mapping[str, Any]) -> Options:
    """Return the checked record for the keywords of one service or handler."""
    for name in _DURATIONS:
        _check_duration(f"{name} of {subject}", given.get(name))
    lazy, keys = _state_preload(subject, given)
    plain = {name: value for name, value in given.items() if name in _OPTION_FIELDS}
    return Options(**{**plain, "enable_lazy_state": lazy, "eager_state_keys": keys})


def context_managers_from(given: Mapping[str, Any]) -> tuple[ContextManagerFactory, ...]:
    """Return the factories of per-attempt context managers among the keywords."""
    return tuple(given.get("invocation_context_managers") or ())


def _state_preload(subject: str, given: Mapping[str, Any]) -> tuple[bool | None, tuple[str, ...] | None]:
    preload, lazy = given.get("state_preload"), given.get("enable_lazy_state")
    if preload is None:
        return lazy, None
    if lazy is not None:
        raise DefinitionError(f"{subject} sets both state_preload and enable_lazy_state; keep state_preload.")
    if isinstance(preload, bool):
        return not preload, None
    if isinstance(preload, str):
        raise DefinitionError(f"state_preload of {subject} is the text {preload!r}; give a list of keys or a bool.")
    return True, tuple(preload) or None


def _check_duration(subject: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, timedelta):
        raise DefinitionError(f"{subject} must be a timedelta, but is {value!r}.")
    if value < timedelta(0):
        raise DefinitionError(f"{subject} must not be negative, but is {value}.")
