"""Calls and sends: by function or by name, with what travels along, and their results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, DefinitionError, Service, TerminalError, UsageError, VirtualObject
from holdfast_protocol import schema_pb2 as pb
from tests.support.journals import Journal

greeter = Service("Greeter")
counter = VirtualObject("Counter")


@greeter.handler()
async def greet(ctx: Context, name: str) -> list[str]:
    """Greet."""
    return [name]


@counter.handler()
async def add(ctx: Context, amount: int) -> int:
    """Add."""
    return amount


async def test_calls_are_addressed_by_function() -> None:
    """The service, the handler and the serdes come from the function that is called."""

    async def handler(ctx: Context) -> list[Any]:
        call = ctx.service_call(greet, "Ada", idempotency_key="once", headers={"a": "b"})
        result = await call
        return [type(result).__name__, result, await call.invocation_id()]

    journal = Journal(handler)
    assert (await journal.attempt()).messages[0] == pb.CallCommand(
        service="Greeter",
        handler="greet",
        parameter=b'"Ada"',
        headers=[pb.Header(key="a", value="b")],
        idempotency_key="once",
        invocation_id_notification_idx=1,
        result_completion_id=2,
    )
    journal.callee(1, "inv_callee")
    journal.value(2, b'["Ada"]')
    assert (await journal.attempt()).output == b'["list", ["Ada"], "inv_callee"]'


async def test_objects_and_workflows_are_called_with_a_key() -> None:
    """The keyed forms carry the key."""

    async def handler(ctx: Context) -> None:
        ctx.object_call(add, "k1", 1)
        ctx.object_send(add, "k2", 2)
        ctx.workflow_call(add, "k3", 3)
        ctx.workflow_send(add, "k4", 4)

    commands = (await Journal(handler).attempt()).messages[:-2]
    assert [(type(c).__name__, c.key, c.parameter) for c in commands] == [  # type: ignore[attr-defined]  # both have them
        ("CallCommand", "k1", b"1"),
        ("OneWayCallCommand", "k2", b"2"),
        ("CallCommand", "k3", b"3"),
        ("OneWayCallCommand", "k4", b"4"),
    ]


async def test_a_failed_callee_fails_its_caller() -> None:
    """The callee's failure is raised with its message, code and metadata."""

    async def handler(ctx: Context) -> str:
        try:
            await ctx.service_call(greet, "Ada")
        except TerminalError as error:
            return f"{error.message} {error.status_code}"
        return "unreachable"

    journal = Journal(handler)
    await journal.attempt()
    journal.failure(2, "gone", 410)
    assert (await journal.attempt()).output == b'"gone 410"'


async def test_sends_are_due_after_their_delay() -> None:
    """A send without a delay is due at once; one with a delay says when, and its replay may say something else."""

    async def handler(ctx: Context) -> str:
        ctx.generic_send("S", "h", b"now")
        handle = ctx.generic_send("S", "h", b"later", send_delay=timedelta(hours=1))
        return await handle.invocation_id()

    journal = Journal(handler)
    now, later = (await journal.attempt()).messages[:2]
    assert isinstance(now, pb.OneWayCallCommand)
    assert isinstance(later, pb.OneWayCallCommand)
    assert now.invoke_time == 0
    assert later.invoke_time > 1_700_000_000_000 + 3_600_000
    journal.callee(2, "inv_later")
    assert (await journal.attempt()).output == b'"inv_later"'


async def test_scoped_calls_carry_scope_and_limit_key() -> None:
    """A scope's calls carry it, by function and by name, from version 7 on."""

    async def handler(ctx: Context) -> None:
        scope = ctx.scope("tenant")
        scope.service_call(greet, "Ada", limit_key="limit")
        scope.object_send(add, "k", 1)
        ctx.generic_call("S", "h", b"", scope="other", limit_key="x")

    commands: list[Any] = list((await Journal(handler).attempt()).messages[:3])
    assert [(c.scope, c.limit_key) for c in commands] == [("tenant", "limit"), ("tenant", ""), ("other", "x")]


async def test_scopes_need_version_7() -> None:
    """Under an older version a scoped call ends the attempt with 573, which says why."""

    async def handler(ctx: Context) -> None:
        ctx.scope("tenant").service_call(greet, "Ada")

    error = (await Journal(handler, version=6).attempt()).error
    assert (error.code, "version 7" in error.message) == (573, True)


async def test_an_empty_idempotency_key_is_refused() -> None:
    """An empty idempotency key would make all such calls one; the attempt fails and says so."""

    async def handler(ctx: Context) -> None:
        ctx.generic_call("S", "h", b"", idempotency_key="")

    error = (await Journal(handler).attempt()).error
    assert "idempotency key of the call to S/h is empty" in error.message


async def test_only_handlers_can_be_called() -> None:
    """Calling a plain function is refused with what to do."""

    async def plain(ctx: Context) -> None: ...

    async def handler(ctx: Context) -> None:
        with pytest.raises(DefinitionError, match="is not a handler"):
            ctx.service_call(plain, None)

    await Journal(handler).attempt()


async def test_invocations_can_be_attached_to() -> None:
    """Attaching to an invocation gives its result, read by the type hint."""

    async def handler(ctx: Context) -> Any:
        with pytest.raises(ValueError, match="None"):
            ctx.attach_invocation(None)  # type: ignore[call-overload]  # what is tested
        return await ctx.attach_invocation("inv_other", type_hint=int)

    journal = Journal(handler)
    attempted = await journal.attempt()
    assert attempted.messages[0] == pb.AttachInvocationCommand(invocation_id="inv_other", result_completion_id=1)
    journal.value(1, b"5")
    assert (await journal.attempt()).output == b"5"


async def test_an_idempotency_error_in_a_step_is_not_a_command() -> None:
    """A refused call leaves nothing behind in the journal."""

    async def handler(ctx: Context) -> None:
        with pytest.raises(UsageError):
            ctx.generic_call("S", "h", b"", idempotency_key="")

    assert (await Journal(handler).attempt()).kinds == ["OutputCommand", "End"]
