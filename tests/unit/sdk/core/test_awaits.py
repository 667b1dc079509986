"""Awaits: what settles them, in which order, and what an attempt says that it waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from holdfast import Context, DurableFuture, gather, select, wait_completed
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, encode
from tests.support.journals import Journal

_HOUR = timedelta(hours=1)


def _awaiting(message: Any) -> Any:
    """Return a V7 suspension as nested tuples: join, leaves, children."""
    future = message.awaiting_on if isinstance(message, pb.Suspension) else message
    leaves = [*future.waiting_completions, *(-id_ for id_ in future.waiting_signals), *future.waiting_named_signals]
    join = pb.Future.CombinatorType.Name(future.combinator_type).split("_")[0].lower()
    return (join, *leaves, *(_awaiting(nested) for nested in future.nested_futures))


async def _suspension(handler: Any, version: int = 7) -> pb.Suspension:
    return cast("pb.Suspension", (await Journal(handler, version=version).attempt()).terminator)


async def test_a_tree_says_how_its_parts_are_joined() -> None:
    """In version 7 a suspension carries the tree of what is awaited, and the cancel signal beside it."""

    async def handler(ctx: Context) -> None:
        sleep, signal = ctx.sleep(_HOUR), ctx.signal("go")
        _, awakeable = ctx.awakeable()
        await select(sleep=sleep, both=gather(signal, awakeable))

    assert _awaiting(await _suspension(handler)) == ("first", -1, ("first", 1, ("all", -17, "go")))


async def test_old_versions_get_a_flat_set() -> None:
    """In versions 5 and 6 a suspension lists everything that is awaited, without its structure."""

    async def handler(ctx: Context) -> None:
        await gather(ctx.sleep(_HOUR), ctx.signal("go"), ctx.awakeable()[1])

    for version in (5, 6):
        suspension = await _suspension(handler, version)
        assert list(suspension.waiting_completions) == [1]
        assert list(suspension.waiting_signals) == [1, 17]
        assert list(suspension.waiting_named_signals) == ["go"]
        assert not suspension.HasField("awaiting_on")


async def test_what_has_settled_is_not_awaited_again() -> None:
    """A gather that is partly settled waits for the rest only."""

    async def handler(ctx: Context) -> None:
        await gather(*[ctx.service_call(_callee, None) for _ in range(3)])

    journal = Journal(handler)
    await journal.attempt()
    journal.value(4, b"")
    assert _awaiting((await journal.attempt()).terminator) == ("first", -1, ("all", 2, 6))


async def test_races_are_decided_by_journal_order() -> None:
    """Of two results, the one that entered the journal first wins, whatever the order of the calls."""

    async def handler(ctx: Context) -> list[Any]:
        return await select(a=ctx.service_call(_callee, None), b=ctx.service_call(_callee, None))

    journal = Journal(handler)
    await journal.attempt()
    journal.value(4, b'"B"')
    journal.value(2, b'"A"')
    assert (await journal.attempt()).output == b'["b", "B"]'


async def test_what_no_await_has_looked_at_has_not_come_yet() -> None:
    """`is_completed` and `wait_completed` see only what the journal held up to the last await, in every replay."""

    async def handler(ctx: Context) -> list[bool]:
        calls = [ctx.service_call(_callee, None) for _ in range(3)]
        done, pending = await wait_completed(*calls)
        assert (done, pending) == ([calls[1]], [calls[0], calls[2]])
        before = [call.is_completed() for call in calls]
        await calls[2]
        return [*before, *(call.is_completed() for call in calls)]

    journal = Journal(handler)
    await journal.attempt()
    for completion_id in (4, 2, 6):
        journal.value(completion_id, b"")
    assert (await journal.attempt()).output == b"[false, true, false, true, true, true]"


async def test_a_future_may_be_awaited_again() -> None:
    """The second await of a future gives the same value, or raises the same failure."""

    async def handler(ctx: Context) -> list[str]:
        good, bad = ctx.service_call(_callee, None), ctx.service_call(_callee, None)
        return [await _shown(future) for future in (good, good, bad, bad)]

    journal = Journal(handler)
    await journal.attempt()
    journal.value(2, b'"yes"')
    journal.failure(4, "no", 404)
    assert (await journal.attempt()).output == b'["yes", "yes", "404 no", "404 no"]'


async def test_select_raises_what_the_first_future_failed_with() -> None:
    """A select whose first future has failed raises that failure."""

    async def handler(ctx: Context) -> str:
        return await _shown(select(call=ctx.service_call(_callee, None), sleep=ctx.sleep(_HOUR)))

    journal = Journal(handler)
    await journal.attempt()
    journal.failure(2, "no", 404)
    assert (await journal.attempt()).output == b'"404 no"'


async def test_nothing_is_gathered_at_once() -> None:
    """Gathering nothing gives nothing, waiting for nothing gives two empty lists, selecting nothing is refused."""

    async def handler(ctx: Context) -> list[Any]:
        with pytest.raises(ValueError, match="at least one"):
            select()
        return [await gather(), await wait_completed()]

    assert (await Journal(handler).attempt()).output == b"[[], [[], []]]"


async def test_the_first_of_two_results_of_one_command_counts() -> None:
    """A completion that comes twice keeps its first result."""

    async def handler(ctx: Context) -> str:
        return await ctx.service_call(_callee, None)

    journal = Journal(handler)
    await journal.attempt()
    journal.value(2, b'"first"')
    journal.value(2, b'"second"')
    assert (await journal.attempt()).output == b'"first"'


async def test_a_completion_that_nobody_asked_for_is_passed_over() -> None:
    """A notification with an unknown id does no harm."""

    async def handler(ctx: Context) -> str:
        return await ctx.service_call(_callee, None)

    journal = Journal(handler)
    journal.value(99, b'"stray"')
    await journal.attempt()
    journal.value(2, b'"mine"')
    assert (await journal.attempt()).output == b'"mine"'


async def test_a_completion_id_of_more_than_one_byte_is_found() -> None:
    """Ids above 127 take two bytes on the wire and are matched all the same."""

    async def handler(ctx: Context) -> int:
        sleeps = [ctx.sleep(_HOUR) for _ in range(200)]
        await gather(*sleeps)
        return len(sleeps)

    journal = Journal(handler)
    await journal.attempt()
    for completion_id in range(200, 0, -1):
        journal.sleep_over(completion_id)
    assert (await journal.attempt()).output == b"200"


async def test_a_notification_without_a_result_is_a_protocol_violation() -> None:
    """A completion that says nothing ends the attempt with 571, and names the place."""

    async def handler(ctx: Context) -> None:
        await ctx.service_call(_callee, None)

    journal = Journal(handler)
    await journal.attempt()
    journal.notify(MessageType.CALL_COMPLETION, completion_id=2)
    error = (await journal.attempt()).error
    assert (error.code, "command 1" in error.message) == (571, True)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda journal: journal.entries.clear(), id="empty"),
        pytest.param(lambda journal: journal.entries.insert(0, encode(pb.SleepCommand())), id="no-input"),
        pytest.param(lambda journal: journal.entries.append(encode(pb.End())), id="control-frame"),
        pytest.param(lambda journal: journal.start.update(known_entries=9), id="announced-more"),
        pytest.param(lambda journal: journal.entries.append(bytes.fromhex("fc00000000000000")), id="custom-type"),
    ],
)
async def test_what_is_no_journal_ends_in_a_protocol_violation(broken: Any) -> None:
    """A journal that cannot be replayed is answered by an Error with 571, and the handler does not start."""

    async def handler(ctx: Context) -> None:
        raise AssertionError("must not start")

    journal = Journal(handler)
    broken(journal)
    assert (await journal.attempt()).error.code == 571


async def _shown(future: DurableFuture[Any]) -> str:
    from holdfast import TerminalError

    try:
        return str(await future)
    except TerminalError as error:
        return f"{error.status_code} {error.message}"


async def _callee(ctx: Context, arg: None) -> str:
    return "never called here"


def setup_module() -> None:
    from holdfast import Service

    Service("Callee").handler()(_callee)
