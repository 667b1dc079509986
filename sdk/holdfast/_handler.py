"""The record of one handler: its target, its function, and how its input and output travel."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Final, Literal

from holdfast._options import ContextManagerFactory, Options
from holdfast._serde import DefaultSerde, Serde, serde_for, strict_serde_for
from holdfast._typed_json import fits
from holdfast.errors import DefinitionError, TerminalError
from holdfast_protocol.names import handler_name_problem

ServiceKind = Literal["service", "object", "workflow"]
HandlerKind = Literal["exclusive", "shared", "workflow"]

UNANNOTATED: Final = inspect.Parameter.empty
"""The type of an input or output whose function says nothing about it."""

NO_DEFAULT: Final = inspect.Parameter.empty
"""The default of an input that has none."""

_HANDLER_ATTRIBUTE = "__holdfast_handler__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """One handler of a service.

    `input_type` is None for a handler that takes no input and `output_type` is None for one that returns nothing;
    both are UNANNOTATED where the function does not say.
    """

    service_name: str
    service_kind: ServiceKind
    name: str
    kind: HandlerKind | None
    fn: Callable[..., Awaitable[Any]]
    arity: Literal[1, 2]
    input_type: Any
    output_type: Any
    input_default: Any
    is_input_required: bool
    input_serde: Serde[Any]
    output_serde: Serde[Any]
    accept: str
    content_type: str
    documentation: str | None
    metadata: Mapping[str, str] | None
    options: Options
    context_managers: tuple[ContextManagerFactory, ...]

    def read_input(self, body: bytes) -> Any:
        """Return the handler's argument for a request body.

        Raises:
            TerminalError: the body is not what the handler takes (400); trying again would not help.
        """
        if not body:
            if self.input_default is not NO_DEFAULT:
                return self.input_default
            if self.is_input_required:
                wanted = type_name(self.input_type)
                raise TerminalError(f"{self} takes a {wanted}, but the request has no body.", status_code=400)
        try:
            return self.input_serde.deserialize(body)
        except TerminalError:
            raise
        except (JSONDecodeError, UnicodeDecodeError) as error:
            raise TerminalError(f"The input of {self} is not JSON: {error}.", status_code=400) from error
        except Exception as error:
            raise TerminalError(f"The input of {self} is not valid: {error}.", status_code=400) from error

    def write_output(self, value: Any) -> bytes:
        """Return the bytes of what the handler returned.

        Raises:
            TerminalError: it cannot be serialised (500); running the handler again would return the same.
        """
        try:
            return self.output_serde.serialize(value)
        except TerminalError:
            raise
        except Exception as error:
            raise TerminalError(
                f"{self} returned a {type(value).__qualname__} that cannot be serialised: {error}. Return plain JSON "
                "values, dataclasses or models, or give the handler an output_serde."
            ) from error

    def __str__(self) -> str:
        """Return the handler as error messages name it."""
        return f"{self.service_name}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a handler's function says about itself."""

    arity: Literal[1, 2]
    input_type: Any
    output_type: Any
    input_default: Any


def handler_of(fn: Callable[..., Any]) -> Handler:
    """Return the handler that a decorated function is.

    Raises:
        DefinitionError: the function is not a handler.
    """
    handler = getattr(fn, _HANDLER_ATTRIBUTE, None)
    if isinstance(handler, Handler):
        return handler
    name = getattr(fn, "__qualname__", repr(fn))
    raise DefinitionError(f"{name} is not a handler; decorate it with the handler() of a service to call it by name.")


def mark(fn: Any, handler: Handler) -> None:
    """Make a decorated function carry its handler, so that calls can be addressed by the function."""
    setattr(fn, _HANDLER_ATTRIBUTE, handler)


def carrier_of(fn: Any, subject: str) -> Any:
    """Return the function itself, or a stand-in where it cannot be marked: a method, or a handler already.

    Raises:
        DefinitionError: it is not an async function.
    """
    if not callable(fn) or not _is_async(fn):
        raise DefinitionError(f"{subject} must be an async function; write `async def`.")
    if isinstance(fn, types.FunctionType) and not hasattr(fn, _HANDLER_ATTRIBUTE):
        return fn

    @functools.wraps(fn)
    async def stand_in(*args: Any) -> Any:
        return await fn(*args)

    return stand_in


def check_handler_name(service_name: str, name: object) -> str:
    """Return the name if a server would take it."""
    if not isinstance(name, str):
        raise DefinitionError(f"A handler of {service_name} is decorated without parentheses; write @….handler().")
    problem = handler_name_problem(name)
    if problem is not None:
        raise DefinitionError(f"{service_name}: {problem}.")
    return name


def signature_of(fn: Any, subject: str) -> Signature:
    """Read a handler function's parameters and types.

    Raises:
        DefinitionError: it takes other than (ctx) or (ctx, input), or names an unknown type.
    """
    parameters = list(inspect.signature(fn).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    others = [p for p in parameters if p not in positional and p.default is p.empty]
    if len(positional) not in (1, 2) or others:
        raise DefinitionError(f"{subject} must take the context and at most one input: (ctx) or (ctx, input).")
    returned = _resolve(inspect.signature(fn).return_annotation, fn, subject)
    if len(positional) == 1:
        return Signature(arity=1, input_type=None, output_type=returned, input_default=NO_DEFAULT)
    taken = positional[1]
    return Signature(
        arity=2,
        input_type=_resolve(taken.annotation, fn, subject),
        output_type=returned,
        input_default=taken.default,
    )


def payload_of(signature: Signature, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Handler that say how its payloads travel, from its function and the user's keywords."""
    input_serde, output_serde = _chosen(given.get("input_serde")), _chosen(given.get("output_serde"))
    takes_bytes = signature.input_type is bytes and input_serde is None
    gives_bytes = signature.output_type is bytes and output_serde is None
    return {
        "arity": signature.arity,
        "input_type": signature.input_type,
        "output_type": signature.output_type,
        "input_default": signature.input_default,
        "is_input_required": input_serde is None and _is_required(signature),
        "input_serde": input_serde or _input_serde(signature.input_type),
        "output_serde": output_serde or _output_serde(signature.output_type),
        "accept": given.get("accept", "*/*" if takes_bytes else "application/json"),
        "content_type": given.get("content_type", "application/octet-stream" if gives_bytes else "application/json"),
    }


def _chosen(serde: Serde[Any] | None) -> Serde[Any] | None:
    """Return the serde the user chose; a DefaultSerde without a type leaves the choice to the type hint."""
    return None if isinstance(serde, DefaultSerde) and serde.type_hint is None else serde


def _input_serde(type_hint: Any) -> Serde[Any]:
    return serde_for() if type_hint is UNANNOTATED else strict_serde_for(type_hint)


def _output_serde(type_hint: Any) -> Serde[Any]:
    # Callers read results with it, and a result that the callee was free to return shall not fail its caller.
    return serde_for() if type_hint is UNANNOTATED else serde_for(type_hint)


def _is_required(signature: Signature) -> bool:
    hint = signature.input_type
    if signature.arity == 1 or hint in (UNANNOTATED, bytes):
        return False
    return signature.input_default is NO_DEFAULT and not fits(None, hint)


def type_name(type_hint: Any) -> str:
    """Return a type as error messages name it."""
    return type_hint.__name__ if isinstance(type_hint, type) else str(type_hint)


def _is_async(fn: Any) -> bool:
    target = inspect.unwrap(fn)
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)


def _resolve(annotation: Any, fn: Any, subject: str) -> Any:
    if isinstance(annotation, str):
        # Only input and output are resolved, so that a context imported under TYPE_CHECKING does no harm.
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        names = getattr(inspect.unwrap(fn), "__globals__", {})
        try:
            annotation = typing.get_type_hints(holder, globalns=names, include_extras=True)["it"]
        except NameError as error:
            raise DefinitionError(
                f"{subject} is annotated with {annotation!r}, which cannot be resolved ({error}); define it at module "
                "level, above the handler."
            ) from error
    return None if annotation is type(None) else annotation
