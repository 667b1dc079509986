"""Steps: their options, executing their closures, and what becomes of one that throws."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from holdfast._current import set_step
from holdfast._drive import drive
from holdfast._serde import DefaultSerde, Serde, serde_for
from holdfast.errors import RetryableError

T = TypeVar("T")

_INITIAL_INTERVAL = timedelta(milliseconds=50)
_INTERVAL_FACTOR = 2.0
_MAX_INTERVAL = timedelta(seconds=10)
_MILLISECOND = timedelta(milliseconds=1)

DEFAULT_SERDE: Serde[Any] = DefaultSerde()
# A replay would resolve the annotation of one and the same function again with each of its steps.
_type_by_action: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


@dataclass(frozen=True)
class RunOptions(Generic[T]):
    """How a step's result is written, and how often the step is tried.

    Without any retry option a step is tried again by the invocation's retry policy, for as long as that goes. With one,
    the others default to 50 ms initially, doubling, at most 10 s, without end; when they are used up the step fails
    with a TerminalError that carries the last message.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> async def charge(ctx: holdfast.Context, card: str) -> str:
        ...     options = holdfast.RunOptions(max_attempts=3, initial_retry_interval=timedelta(seconds=1))
        ...     return await ctx.run_typed("charge", payments.charge, options, card)
    """

    serde: Serde[T] = DEFAULT_SERDE
    type_hint: type[T] | None = None
    max_attempts: int | None = None
    max_duration: timedelta | None = None
    initial_retry_interval: timedelta | None = None
    max_retry_interval: timedelta | None = None
    retry_interval_factor: float | None = None
    max_retry_duration: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One `ctx.run_typed`: a closure with its arguments, and how to deal with what it returns or throws."""

    name: str
    action: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    serde: Serde[Any]
    options: RunOptions[Any]


async def execute(step: Step) -> bytes:
    """Execute a step's closure and return its result as bytes.

    Async closures run here; others in a thread, so that they never block the loop. Both see a copy of the handler's
    context variables: what a closure sets must not reach the handler, which will not see it set in a replay.
    """
    context = copy_context()
    context.run(set_step, step.name)
    action = step.action
    if _is_async(action):
        value = await drive(action(*step.args, **step.kwargs), context)
    else:
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(None, _call, context, step)
        if inspect.isawaitable(value):
            # `lambda: charge(order)` around an async function.
            value = await drive(_await(value), context)
    return step.serde.serialize(value)


def is_used_up(options: RunOptions[Any], *, attempts: int, elapsed_ms: float) -> bool:
    """Return whether a step's own retry policy gives up after so many attempts, or so much time."""
    if options.max_attempts is not None and options.max_attempts <= attempts:
        return True
    max_duration = options.max_duration or options.max_retry_duration
    return max_duration is not None and max_duration / _MILLISECOND <= elapsed_ms


def retry_after_ms(options: RunOptions[Any], error: BaseException, *, attempts: int) -> int | None:
    """Return the delay before a step is tried again; None leaves it to the invocation's retry policy."""
    if isinstance(error, RetryableError):
        return None if error.retry_after is None else int(error.retry_after / _MILLISECOND)
    if not _has_retry_policy(options):
        return None
    factor = _INTERVAL_FACTOR if options.retry_interval_factor is None else options.retry_interval_factor
    initial_ms = (options.initial_retry_interval or _INITIAL_INTERVAL) / _MILLISECOND
    cap_ms = (options.max_retry_interval or _MAX_INTERVAL) / _MILLISECOND
    try:
        return int(min(initial_ms * factor ** (attempts - 1), cap_ms))
    except OverflowError:
        return int(cap_ms)


def _has_retry_policy(options: RunOptions[Any]) -> bool:
    return any(
        option is not None
        for option in (
            options.max_attempts,
            options.max_duration,
            options.max_retry_duration,
            options.initial_retry_interval,
            options.max_retry_interval,
            options.retry_interval_factor,
        )
    )


def serde_of_step(action: Callable[..., Any], options: RunOptions[Any]) -> Serde[Any]:
    """Return the serde of a step's result: the one chosen, or by the type hint, or by the action's annotation."""
    hint = options.type_hint
    if hint is None and options.serde is DEFAULT_SERDE:
        hint = return_type(action)
    return chosen_serde(options.serde, hint)


def chosen_serde(serde: Serde[T], type_hint: Any) -> Serde[T]:
    """Return the serde that was chosen; a DefaultSerde without a type leaves the choice to the type hint."""
    if serde is not DEFAULT_SERDE and not (isinstance(serde, DefaultSerde) and serde.type_hint is None):
        return serde
    try:
        return _serde_by_hint(type_hint)
    except TypeError:  # an unhashable hint, such as Annotated with a list in it
        return serde_for(type_hint)


def return_type(action: Callable[..., Any]) -> Any:
    """Return what an action is annotated to return, or None where it does not say or the name cannot be resolved."""
    while (inner := getattr(action, "func", None)) is not None:  # functools.partial
        action = inner
    annotations = getattr(action, "__annotations__", None)
    if annotations is None:
        annotations = getattr(type(action).__call__, "__annotations__", None)
    hint = annotations.get("return") if annotations else None
    if not isinstance(hint, str):
        return hint
    try:
        return _type_by_action[action]
    except (KeyError, TypeError):  # not seen before, or nothing that can be remembered
        return _remembered(action, _resolved(hint, inspect.unwrap(action)))


@lru_cache(maxsize=1024)
def _serde_by_hint(hint: Any) -> Serde[Any]:
    return serde_for(hint)


def _remembered(action: Any, hint: Any) -> Any:
    # What could not be resolved may be defined later; what a closure's name stands for may change.
    if hint is not None and inspect.isfunction(action) and action.__closure__ is None:
        _type_by_action[action] = hint
    return hint


def _resolved(hint: str, action: Callable[..., Any]) -> Any:
    names = dict(getattr(action, "__globals__", {}))
    code = getattr(action, "__code__", None)
    if code is not None:
        for name, cell in zip(code.co_freevars, getattr(action, "__closure__", None) or (), strict=False):
            try:
                names[name] = cell.cell_contents
            except ValueError:  # not bound yet
                pass
    try:
        return eval(hint, names)
    except Exception:  # noqa: BLE001 - an annotation is not an order: what cannot be resolved is plain JSON
        return None


def _is_async(action: Callable[..., Any]) -> bool:
    code = getattr(action, "__code__", None)
    if code is not None and code.co_flags & inspect.CO_COROUTINE:
        return True
    return inspect.iscoroutinefunction(action) or inspect.iscoroutinefunction(type(action).__call__)


def _call(context: Context, step: Step) -> Any:
    try:
        return context.run(step.action, *step.args, **step.kwargs)
    except StopIteration as error:
        # asyncio cannot carry a StopIteration out of a thread: the future would never be done.
        raise RuntimeError(f"the step {step.name!r} raised StopIteration") from error


async def _await(value: Any) -> Any:
    return await value
