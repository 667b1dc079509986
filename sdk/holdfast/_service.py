"""Services, virtual objects and workflows: the definitions that user code decorates its handlers with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar, Unpack

from holdfast._handler import (
    Handler,
    HandlerKind,
    ServiceKind,
    carrier_of,
    check_handler_name,
    mark,
    payload_of,
    signature_of,
)
from holdfast._options import (
    HandlerOptions,
    ServiceOptions,
    StatefulHandlerOptions,
    StatefulServiceOptions,
    WorkflowMainOptions,
    check_keywords,
    context_managers_from,
    options_from,
)
from holdfast.errors import DefinitionError
from holdfast_protocol.names import service_name_problem

F = TypeVar("F", bound=Callable[..., Any])


class Definition:
    """What the three kinds of service share: a checked name, options and handlers by name."""

    kind: ClassVar[ServiceKind]
    _keywords: ClassVar[frozenset[str]]

    def __init__(
        self, name: str, description: str | None, metadata: Mapping[str, str] | None, given: Mapping[str, Any]
    ) -> None:
        """Check the name and the options."""
        self.name = _check_service_name(name)
        self.description = description
        self.metadata = metadata
        check_keywords(name, given, self._keywords)
        self.options = options_from(name, given)
        self.context_managers = context_managers_from(given)
        self.handlers: dict[str, Handler] = {}

    def __repr__(self) -> str:
        """Return the definition in short."""
        return f"{type(self).__name__}({self.name!r}, handlers={sorted(self.handlers)})"

    def _add(
        self, name: object, kind: HandlerKind | None, keywords: frozenset[str], given: Mapping[str, Any]
    ) -> Callable[[F], F]:
        if name is not None:
            check_handler_name(self.name, name)

        def decorate(fn: F) -> F:
            handler_name = check_handler_name(self.name, name or getattr(fn, "__name__", ""))
            subject = f"{self.name}/{handler_name}"
            check_keywords(subject, given, keywords)
            if handler_name in self.handlers:
                raise DefinitionError(f"{self.name} has two handlers named {handler_name!r}; rename one of them.")
            options = options_from(subject, given)
            if self.options.ingress_private and options.ingress_private is False:
                raise DefinitionError(f"{subject} cannot have ingress_private=False, because {self.name} is private.")
            carrier: F = carrier_of(fn, subject)
            handler = Handler(
                service_name=self.name,
                service_kind=self.kind,
                name=handler_name,
                kind=kind,
                fn=carrier,
                **payload_of(signature_of(fn, subject), given),
                documentation=inspect.getdoc(fn),
                metadata=given.get("metadata"),
                options=options,
                context_managers=self.context_managers + context_managers_from(given),
            )
            self.handlers[handler_name] = handler
            mark(carrier, handler)
            return carrier

        return decorate


class Service(Definition):
    """A set of stateless handlers; any number of invocations run side by side.

    Args of the constructor and of `handler` are those of Restate's Python SDK.

    Example:
        >>> import holdfast
        >>> greeter = holdfast.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: holdfast.Context, name: str) -> str:
        ...     return f"Hello {name}"
    """

    kind = "service"
    _keywords = frozenset(ServiceOptions.__optional_keys__)

    def __init__(
        self,
        name: str,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[ServiceOptions],
    ) -> None:
        """Define a service; `description` and `metadata` are shown by the admin API and the UI."""
        super().__init__(name, description, metadata, options)

    def handler(self, name: str | None = None, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Return the decorator that adds an async function as a handler; its name is the function's by default.

        Raises:
            DefinitionError: the name, the function or an option is not acceptable.
        """
        return self._add(name, None, frozenset(HandlerOptions.__optional_keys__), options)


class VirtualObject(Definition):
    """A service with state per key, whose exclusive handlers run one at a time per key.

    Example:
        >>> import holdfast
        >>> counter = holdfast.VirtualObject("Counter")
        >>> @counter.handler()
        ... async def add(ctx: holdfast.ObjectContext, amount: int) -> int:
        ...     total = (await ctx.get("total", type_hint=int) or 0) + amount
        ...     ctx.set("total", total)
        ...     return total
        >>> @counter.handler(kind="shared")
        ... async def total(ctx: holdfast.ObjectSharedContext) -> int:
        ...     return await ctx.get("total", type_hint=int) or 0
    """

    kind = "object"
    _keywords = frozenset(StatefulServiceOptions.__optional_keys__)

    def __init__(
        self,
        name: str,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[StatefulServiceOptions],
    ) -> None:
        """Define a virtual object; `description` and `metadata` are shown by the admin API and the UI."""
        super().__init__(name, description, metadata, options)

    def handler(
        self,
        name: str | None = None,
        kind: Literal["exclusive", "shared"] | None = "exclusive",
        **options: Unpack[StatefulHandlerOptions],
    ) -> Callable[[F], F]:
        """Return the decorator that adds a handler: exclusive ones hold the key, shared ones may only read state.

        Raises:
            DefinitionError: the name, the kind, the function or an option is not acceptable.
        """
        if kind not in ("exclusive", "shared", None):
            raise DefinitionError(
                f'A handler of the virtual object {self.name} is "exclusive" or "shared", not {kind!r}.'
            )
        return self._add(name, kind or "exclusive", frozenset(StatefulHandlerOptions.__optional_keys__), options)


class Workflow(Definition):
    """A service with one main run per key, and handlers that signal and query that run.

    Example:
        >>> import holdfast
        >>> signup = holdfast.Workflow("Signup")
        >>> @signup.main()
        ... async def run(ctx: holdfast.WorkflowContext, email: str) -> str:
        ...     return await ctx.promise("clicked", type_hint=str)
        >>> @signup.handler()
        ... async def click(ctx: holdfast.WorkflowSharedContext, secret: str) -> None:
        ...     await ctx.promise("clicked", type_hint=str).resolve(secret)
    """

    kind = "workflow"
    _keywords = frozenset(StatefulServiceOptions.__optional_keys__)

    def __init__(
        self,
        name: str,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[StatefulServiceOptions],
    ) -> None:
        """Define a workflow; `description` and `metadata` are shown by the admin API and the UI."""
        super().__init__(name, description, metadata, options)

    def main(self, name: str | None = None, **options: Unpack[WorkflowMainOptions]) -> Callable[[F], F]:
        """Return the decorator that adds the main handler, which runs once per key.

        Raises:
            DefinitionError: there is one already, or the name, the function or an option is not acceptable.
        """
        if any(handler.kind == "workflow" for handler in self.handlers.values()):
            raise DefinitionError(f"The workflow {self.name} has two main handlers; make one of them a handler().")
        return self._add(name, "workflow", frozenset(WorkflowMainOptions.__optional_keys__), options)

    def handler(self, name: str | None = None, **options: Unpack[StatefulHandlerOptions]) -> Callable[[F], F]:
        """Return the decorator that adds a shared handler, which runs beside the main one.

        Raises:
            DefinitionError: the name, the function or an option is not acceptable.
        """
        return self._add(name, "shared", frozenset(StatefulHandlerOptions.__optional_keys__), options)


def _check_service_name(name: object) -> str:
    if not isinstance(name, str):
        raise DefinitionError(f"A service name must be text, but is {name!r}.")
    problem = service_name_problem(name)
    if problem is not None:
        raise DefinitionError(f"{problem}.")
    return name
