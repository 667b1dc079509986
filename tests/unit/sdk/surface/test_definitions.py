"""Services, virtual objects and workflows: what a definition accepts, keeps and refuses."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import holdfast
from holdfast._handler import UNANNOTATED, handler_of

if TYPE_CHECKING:
    from somewhere_else import OnlyForTheChecker  # type: ignore[import-not-found]  # it does not exist, on purpose


def test_a_decorated_handler_stays_the_plain_function() -> None:
    """Decorating returns the very function, which then leads to its handler."""
    service = holdfast.Service("Greeter")

    async def greet(ctx: Any, name: str) -> str:
        return name

    assert service.handler()(greet) is greet
    handler = handler_of(greet)
    assert (handler.service_name, handler.service_kind, handler.name, handler.kind) == (
        "Greeter",
        "service",
        "greet",
        None,
    )
    assert service.handlers == {"greet": handler}
    assert str(handler) == "Greeter/greet"


def test_handler_kinds() -> None:
    """Objects have exclusive handlers unless said otherwise; a workflow has one main and shared handlers."""
    counter = holdfast.VirtualObject("Counter")
    signup = holdfast.Workflow("Signup")

    async def fn(ctx: Any) -> None: ...

    counter.handler("add")(fn)
    counter.handler("get", "shared")(fn)
    signup.main("run")(fn)
    signup.handler("click")(fn)
    kinds = {
        (each.service_kind, each.name): each.kind
        for definition in (counter, signup)
        for each in definition.handlers.values()
    }
    assert kinds == {
        ("object", "add"): "exclusive",
        ("object", "get"): "shared",
        ("workflow", "run"): "workflow",
        ("workflow", "click"): "shared",
    }


async def test_one_function_can_serve_twice() -> None:
    """A function that is a handler already gets a stand-in for its second target, so both stay addressable."""
    one, two = holdfast.Service("One"), holdfast.Service("Two")

    async def fn(ctx: Any, value: int) -> int:
        return value + 1

    first = one.handler()(fn)
    second = two.handler()(fn)
    assert first is fn
    assert (handler_of(first).service_name, handler_of(second).service_name) == ("One", "Two")
    assert await second(None, 1) == 2


async def test_methods_and_callable_objects_are_handlers_too() -> None:
    """Whatever can be awaited after calling may be a handler: bound methods, objects, partials, wrapped functions."""

    class Greeter:
        async def greet(self, ctx: Any, name: str) -> str:
            return f"Hello {name}"

        async def __call__(self, ctx: Any, name: str) -> str:
            return f"Hi {name}"

    async def greet(greeting: str, ctx: Any, name: str) -> str:
        return f"{greeting} {name}"

    async def plain(ctx: Any, name: str) -> str:
        return f"Dear {name}"

    @functools.wraps(plain)
    def wrapped(ctx: Any, name: str) -> Any:
        return plain(ctx, name)

    service = holdfast.Service("Greeter")
    answers = [
        await service.handler("method")(Greeter().greet)(None, "Ada"),
        await service.handler("instance")(Greeter())(None, "Ada"),
        await service.handler("partial")(functools.partial(greet, "Hey"))(None, "Ada"),
        await service.handler("wrapped")(wrapped)(None, "Ada"),
    ]
    assert answers == ["Hello Ada", "Hi Ada", "Hey Ada", "Dear Ada"]
    assert {handler.input_type for handler in service.handlers.values()} == {str}


def test_types_are_read_from_the_signature() -> None:
    """Input and output types come from annotations, also written as text; what is not said is known as not said."""
    service = holdfast.Service("Types")

    @service.handler()
    async def typed(ctx: OnlyForTheChecker, value: list[int]) -> dict[str, int]:
        return {}

    @service.handler()
    async def silent(ctx, value): ...  # type: ignore[no-untyped-def]  # the point of it

    @service.handler()
    async def nothing(ctx: Any) -> None: ...

    seen = {each.name: (each.arity, each.input_type, each.output_type) for each in service.handlers.values()}
    assert seen == {
        "typed": (2, list[int], dict[str, int]),
        "silent": (2, UNANNOTATED, UNANNOTATED),
        "nothing": (1, None, None),
    }


def test_options_and_documentation_are_kept() -> None:
    """Options, metadata, documentation and context managers reach the handler, those of the service first."""

    @asynccontextmanager
    async def outer():  # type: ignore[no-untyped-def]  # its type is not the point
        yield

    @asynccontextmanager
    async def inner():  # type: ignore[no-untyped-def]  # its type is not the point
        yield

    policy = holdfast.InvocationRetryPolicy(max_attempts=3, on_max_attempts="kill")
    service = holdfast.VirtualObject(
        "Options", "documented", {"team": "a"}, invocation_context_managers=[outer], state_preload=["total"]
    )

    @service.handler(
        metadata={"tier": "1"},
        inactivity_timeout=timedelta(minutes=2),
        invocation_retry_policy=policy,
        invocation_context_managers=[inner],
        ingress_private=True,
        state_preload=False,
    )
    async def work(ctx: Any) -> None:
        """Do the work."""

    handler = service.handlers["work"]
    assert handler.documentation == "Do the work."
    assert handler.metadata == {"tier": "1"}
    assert handler.options.inactivity_timeout == timedelta(minutes=2)
    assert handler.options.invocation_retry_policy is policy
    assert handler.options.ingress_private is True
    assert (handler.options.enable_lazy_state, handler.options.eager_state_keys) == (True, None)
    assert handler.context_managers == (outer, inner)
    assert (service.options.enable_lazy_state, service.options.eager_state_keys) == (True, ("total",))
    assert (service.description, service.metadata) == ("documented", {"team": "a"})
    assert repr(service) == "VirtualObject('Options', handlers=['work'])"


async def _fine(ctx: Any) -> None: ...


async def _three(ctx: Any, one: int, two: int) -> None: ...


async def _none() -> None: ...


async def _keyword(ctx: Any, *, value: int) -> None: ...


async def _variable(*args: Any) -> None: ...


async def _unknown_type(ctx: Any, value: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the point of it


def _sync(ctx: Any) -> None: ...


@pytest.mark.parametrize(
    ("define", "sentence"),
    [
        (lambda: holdfast.Service("1st"), "'1st' is not a service name"),
        (lambda: holdfast.Service("no spaces"), "'no spaces' is not a service name"),
        (lambda: holdfast.Service(""), "'' is not a service name"),
        (lambda: holdfast.Service(None), "A service name must be text"),  # type: ignore[arg-type]  # the point of it
        (lambda: holdfast.Service("restateful"), "reserved"),
        (lambda: holdfast.VirtualObject("openapi"), "reserved"),
        (lambda: holdfast.Service("S").handler("a-b")(_fine), "'a-b' is not a handler name"),
        (lambda: holdfast.Service("S").handler()(lambda ctx: None), "'<lambda>' is not a handler name"),
        (lambda: holdfast.Service("S").handler(_fine), "without parentheses"),  # type: ignore[arg-type]  # the point of it
        (lambda: holdfast.Service("S").handler()(_sync), "S/_sync must be an async function"),
        (lambda: holdfast.Service("S").handler()(_none), "must take the context and at most one input"),
        (lambda: holdfast.Service("S").handler()(_three), "must take the context and at most one input"),
        (lambda: holdfast.Service("S").handler()(_keyword), "must take the context and at most one input"),
        (lambda: holdfast.Service("S").handler()(_variable), "must take the context and at most one input"),
        (lambda: holdfast.Service("S").handler()(_unknown_type), "'NoSuchType', which cannot be resolved"),
        (lambda: holdfast.VirtualObject("O").handler(kind="public")(_fine), 'is "exclusive" or "shared"'),  # type: ignore[arg-type]  # the point of it
        (lambda: holdfast.Service("S", speed=9), "S has no option 'speed'"),  # type: ignore[call-arg]  # the point of it
        (lambda: holdfast.Service("S").handler(kind="shared")(_fine), "S/_fine has no option 'kind'"),  # type: ignore[call-arg]  # the point of it
        (lambda: holdfast.Workflow("W").main(idempotency_retention=timedelta(1))(_fine), "no option 'idempotency_"),  # type: ignore[call-arg]  # the point of it
        (lambda: holdfast.Service("S", abort_timeout=timedelta(-1)), "abort_timeout of S must not be negative"),
        (lambda: holdfast.Service("S", abort_timeout=5), "must be a timedelta, but is 5"),  # type: ignore[arg-type]  # the point of it
        (lambda: holdfast.VirtualObject("O", enable_lazy_state=True, state_preload=True), "sets both"),
        (lambda: holdfast.VirtualObject("O", state_preload="total"), "give a list of keys"),
        (lambda: holdfast.InvocationRetryPolicy(max_attempts=-1), "max_attempts must not be negative"),
        (lambda: holdfast.InvocationRetryPolicy(exponentiation_factor=0.5), "at least 1"),
        (lambda: holdfast.InvocationRetryPolicy(on_max_attempts="stop"), '"pause" or "kill"'),  # type: ignore[arg-type]  # the point of it
        (lambda: holdfast.InvocationRetryPolicy(max_interval=timedelta(-1)), "max_interval must not be negative"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(define: Any, sentence: str) -> None:
    """A wrong definition fails where it is written, with one sentence that names the culprit."""
    with pytest.raises(holdfast.DefinitionError) as raised:
        define()
    assert sentence in str(raised.value)
    assert str(raised.value).endswith((".", "…"))
    assert "\n" not in str(raised.value)


def test_two_handlers_of_one_name() -> None:
    """A second handler of the same name is refused, and so is a second main."""
    service, workflow = holdfast.Service("S"), holdfast.Workflow("W")
    service.handler("same")(_fine)
    workflow.main()(_fine)
    with pytest.raises(holdfast.DefinitionError, match="S has two handlers named 'same'"):
        service.handler("same")(_fine)
    with pytest.raises(holdfast.DefinitionError, match="W has two main handlers"):
        workflow.main("again")(_fine)


def test_a_private_service_has_no_public_handler() -> None:
    """A handler cannot be opened to the ingress when its service is not; a server would refuse the manifest."""
    service = holdfast.Service("S", ingress_private=True)
    with pytest.raises(holdfast.DefinitionError, match="because S is private"):
        service.handler(ingress_private=False)(_fine)


def test_a_plain_function_is_no_handler() -> None:
    """Calling by a function that was never decorated is refused by name."""
    with pytest.raises(holdfast.DefinitionError, match="_sync is not a handler"):
        handler_of(_sync)
