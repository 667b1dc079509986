"""Signals, awakeables and promises: values that come from outside of the handler."""

from __future__ import annotations

from typing import Any

from holdfast import Context, TerminalError, WorkflowContext, WorkflowSharedContext
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import encode_awakeable_id
from holdfast_protocol.messages import MessageType
from tests.support.journals import RAW_ID, Journal


async def test_awakeables_have_public_ids_and_take_signals() -> None:
    """Awakeables count from signal 17, and each is settled by the signal of its index."""

    async def handler(ctx: Context) -> list[Any]:
        first, second = ctx.awakeable(type_hint=int), ctx.awakeable()
        return [first[0], second[0], await second[1], await first[1]]

    journal = Journal(handler)
    await journal.attempt()
    journal.signal(18, b'"two"')
    journal.signal(17, b"1")
    journal.signal(17, b"2")
    ids = [encode_awakeable_id(RAW_ID, index) for index in (17, 18)]
    assert ids[0] == "sign_1AAECAwQFBgcICQoLDA0ODxAREhMUFRYXAAAAEQ"
    assert (await journal.attempt()).output == f'["{ids[0]}", "{ids[1]}", "two", 1]'.encode()


async def test_named_signals_queue() -> None:
    """Signals of one name are taken in the order in which they came, also those that came before they were awaited."""

    async def handler(ctx: Context) -> list[Any]:
        first, other, second = ctx.signal("q"), ctx.signal("other"), ctx.signal("q")
        values = [await other, await second, await first]
        return [*values, await ctx.signal("q", type_hint=int)]

    journal = Journal(handler)
    for name, content in (("q", b"1"), ("q", b"2"), ("other", b"3"), ("q", b"4")):
        journal.signal(name, content)
    assert (await journal.attempt()).output == b"[3, 1, 2, 4]"


async def test_one_signal_does_not_settle_two_futures() -> None:
    """Of two futures on one name the one that takes the signal has it; the other goes on waiting."""

    async def handler(ctx: Context) -> list[Any]:
        first, second = ctx.signal("q"), ctx.signal("q")
        return [await first, await second]

    journal = Journal(handler)
    journal.signal("q", b"1")
    assert (await journal.attempt()).kinds == ["Suspension"]
    journal.signal("q", b"2")
    assert (await journal.attempt()).output == b"[1, 2]"


async def test_others_are_answered_by_command() -> None:
    """Resolving and rejecting awakeables and signals are commands with the value or the failure."""

    async def handler(ctx: Context) -> None:
        ctx.resolve_awakeable("sign_1x", {"a": 1})
        ctx.reject_awakeable("sign_1x", "no", 404)
        ctx.resolve_signal("inv_t", "go", 5)
        ctx.reject_signal("inv_t", "go", "no")

    no = pb.Failure(code=404, message="no")
    assert (await Journal(handler).attempt()).messages[:4] == [
        pb.CompleteAwakeableCommand(awakeable_id="sign_1x", value=pb.Value(content=b'{"a": 1}')),
        pb.CompleteAwakeableCommand(awakeable_id="sign_1x", failure=no),
        pb.SendSignalCommand(target_invocation_id="inv_t", name="go", value=pb.Value(content=b"5")),
        pb.SendSignalCommand(target_invocation_id="inv_t", name="go", failure=pb.Failure(code=500, message="no")),
    ]


async def test_a_rejected_awakeable_raises_where_it_is_awaited() -> None:
    """A failure signal is a TerminalError at the await."""

    async def handler(ctx: Context) -> str:
        try:
            await ctx.awakeable()[1]
        except TerminalError as error:
            return f"{error.message} {error.status_code}"
        return "unreachable"

    journal = Journal(handler)
    journal.notify(MessageType.SIGNAL, signal_id=17, failure=pb.Failure(code=404, message="no"))
    assert (await journal.attempt()).output == b'"no 404"'


async def test_promises_are_awaited_peeked_and_completed() -> None:
    """Each way of using a promise is its command, and its future reads the answer by the promise's type."""

    async def handler(ctx: WorkflowContext) -> list[Any]:
        promise = ctx.promise("p", type_hint=int)
        peeked = await promise.peek()
        await promise.resolve(3)
        return [peeked, await promise, await promise.value()]

    journal = Journal(handler, kind="workflow", key="k")
    await journal.attempt()
    journal.notify(MessageType.PEEK_PROMISE_COMPLETION, completion_id=1, void=pb.Void())
    await journal.attempt()
    journal.notify(MessageType.COMPLETE_PROMISE_COMPLETION, completion_id=2, void=pb.Void())
    await journal.attempt()
    journal.value(3, b"3", of=MessageType.GET_PROMISE_COMPLETION)
    await journal.attempt()
    journal.value(4, b"3", of=MessageType.GET_PROMISE_COMPLETION)
    assert (await journal.attempt()).output == b"[null, 3, 3]"
    assert journal.commands()[:3] == [
        pb.PeekPromiseCommand(key="p", result_completion_id=1),
        pb.CompletePromiseCommand(key="p", completion_value=pb.Value(content=b"3"), result_completion_id=2),
        pb.GetPromiseCommand(key="p", result_completion_id=3),
    ]


async def test_a_promise_is_completed_once() -> None:
    """The second completion fails with what the server says, in a shared handler as well."""

    async def handler(ctx: WorkflowSharedContext) -> str:
        try:
            await ctx.promise("p").reject("no", 400)
        except TerminalError as error:
            return f"{error.status_code}"
        return "unreachable"

    journal = Journal(handler, kind="workflow", handler_kind="shared", key="k")
    assert (await journal.attempt()).messages[0] == pb.CompletePromiseCommand(
        key="p", completion_failure=pb.Failure(code=400, message="no"), result_completion_id=1
    )
    failure = pb.Failure(code=409, message="completed")
    journal.notify(MessageType.COMPLETE_PROMISE_COMPLETION, completion_id=1, failure=failure)
    assert (await journal.attempt()).output == b'"409"'
