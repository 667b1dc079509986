"""Requests of clients: duplicates meet their original, mistakes are refused by name, and delays are kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast_engine.errors import KeyMissing, RequestRejected, UnknownInvocation, UnknownTarget
from holdfast_engine.records import Outcome, Status
from holdfast_engine.world import Settings
from holdfast_protocol.ids import encode_awakeable_id, encode_invocation_id
from holdfast_protocol.manifest import Options
from tests.support import wire_frames as f
from tests.support.engine_world import (
    Attempt,
    EngineUnderTest,
    Hooked,
    answers,
    deployment,
    services,
    submission,
    target,
)
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

NOBODY = encode_invocation_id(bytes(24))


@pytest.mark.parametrize("path", ["S/work", "O/k/add"])
def test_duplicates_latch_on_to_the_running_original(path: str) -> None:
    """Fifty requests with one idempotency key run once and get one answer, whenever they came (I1)."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            handler = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
            e.script["S/work"] = e.script["O/add"] = handler

            async def late(number: int) -> Any:
                await e.rest(number / 5)
                return await e.call(path, idempotency_key="once")

            finished = await asyncio.gather(*[late(number) for number in range(50)])
            assert {each.outcome.value for each in finished} == {b"x"}
            assert len({(each.invocation_id, each.completed_ms, each.expires_ms) for each in finished}) == 1
            assert [each.was_stored for each in finished] == [number > 25 for number in range(50)]
            assert len(e.script.attempts) == 2

    play()


@in_virtual_time
async def test_idempotency_keys_belong_to_their_target() -> None:
    """One idempotency key for two handlers, or under two keys, makes two invocations; so do two of them."""
    async with EngineUnderTest() as e:
        for handler in ("S/work", "S/other", "O/add", "O/other"):
            e.script[handler] = answers([f.output(), f.END])
        paths = ["S/work", "S/other", "O/k/add", "O/l/add", "O/k/other"]
        ids = [(await e.call(path, idempotency_key=key)).invocation_id for path in paths for key in ("a", "b")]
        assert len(set(ids)) == 10
        assert ids[0] == e.engine.invocation_id_of(target("S/work"), idempotency_key="a")


@in_virtual_time
async def test_without_an_idempotency_key_each_request_is_its_own() -> None:
    """Two equal requests without a key are two invocations."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        assert (await e.call("S/work")).invocation_id != (await e.call("S/work")).invocation_id


@in_virtual_time
async def test_a_duplicate_costs_one_refused_write() -> None:
    """The duplicate of a request that has ended writes nothing but its refused create."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"x"), f.END])
        first = await e.call("S/work", idempotency_key="once")
        units = e.inner.meter.write_units
        again = await e.call("S/work", idempotency_key="once")
        assert e.inner.meter.write_units == units + 1
        assert again.was_stored
        assert (again.outcome, again.completed_ms) == (first.outcome, first.completed_ms)


@in_virtual_time
async def test_an_idempotency_key_is_free_again_after_its_retention() -> None:
    """When the retention is over, the same key runs the handler anew, whether the sweep came by or not."""
    options = Options(idempotency_retention_ms=3_600_000)
    async with EngineUnderTest(deployments=[deployment(services(S=options))]) as e:
        e.script["S/work"] = answers([f.output(b"x"), f.END])
        first = await e.call("S/work", idempotency_key="once")
        assert first.expires_ms == first.completed_ms + 3_600_000
        await e.rest(3599)
        assert (await e.call("S/work", idempotency_key="once")).was_stored
        await e.rest(2)
        again = await e.call("S/work", idempotency_key="once")
        assert not again.was_stored
        assert len(e.script.attempts) == 2


@in_virtual_time
async def test_a_send_says_whether_it_is_new() -> None:
    """The second of two equal sends is told that it was accepted before."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        accepted = [await e.engine.send(submission("S/work", idempotency_key="once")) for _ in range(2)]
        assert [each.is_new for each in accepted] == [True, False]
        assert accepted[0].invocation_id == accepted[1].invocation_id


@in_virtual_time
async def test_a_scheduled_send_starts_when_due() -> None:
    """A delayed message starts at its time and not before, also beside a duplicate that is not delayed."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        due = e.clock.now_ms() + 60_000
        accepted = await e.engine.send(submission("S/work", idempotency_key="once", invoke_at_ms=due))
        assert accepted.invoke_at_ms == due
        again = await e.engine.send(submission("S/work", idempotency_key="once"))
        assert not again.is_new
        await e.rest(59.9)
        assert await e.status(accepted.invocation_id) is Status.SCHEDULED
        finished = await e.call("S/work", idempotency_key="once")
        assert due <= finished.completed_ms < due + 500


@in_virtual_time
async def test_a_start_in_the_past_is_now() -> None:
    """A start time that is over does not schedule anything."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        accepted = await e.engine.send(submission("S/work", invoke_at_ms=e.clock.now_ms()))
        assert accepted.invoke_at_ms is None
        await e.rest(0.01)
        assert await e.status(accepted.invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_scheduled_exclusive_call_queues_when_due() -> None:
    """A delayed message to a key stands in line from its start time on, not from when it was sent."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = answers([f.output(), f.END])
        e.script["O/other"] = answers([f.sleep(1, EPOCH_MS + 20_000), f.suspension(1)], [f.output(), f.END])
        delayed = await e.send("O/k/add", invoke_at_ms=EPOCH_MS + 10_000)
        holder = await e.send("O/k/other")
        await e.rest(15)
        assert await e.status(delayed) is Status.QUEUED
        await e.rest(10)
        assert await e.status(holder) is await e.status(delayed) is Status.COMPLETED


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("Nope/work", UnknownTarget, "'Nope'"),
        ("S/nope", UnknownTarget, "child, other, parent, work"),
        ("O/add", KeyMissing, "O/<key>/add"),
        ("S/k/work", KeyMissing, "takes no key"),
    ],
)
def test_a_target_that_cannot_be_called_is_refused(path: str, error: type[Exception], said: str) -> None:
    """The refusal says what is wrong and what there is instead, and nothing is created."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            for ask in (e.engine.call, e.engine.send):
                with pytest.raises(error, match=said):
                    await ask(submission(path))
            assert e.inner.meter.write_units == 0

    play()


@in_virtual_time
async def test_a_private_service_is_for_handlers_only() -> None:
    """A client may not call a private service; a handler may."""
    async with EngineUnderTest(deployments=[deployment(services(O=Options(ingress_private=True)))]) as e:
        with pytest.raises(RequestRejected, match="private"):
            await e.call("O/k/add")
        e.script["S/parent"] = answers([f.call("O", "add", (1, 2), key="k"), f.suspension(2)], [f.output(), f.END])
        e.script["O/add"] = answers([f.output(), f.END])
        await e.call("S/parent")


@in_virtual_time
async def test_a_workflow_takes_no_idempotency_key() -> None:
    """A workflow's key is its idempotency key, so another one is refused."""
    async with EngineUnderTest() as e:
        with pytest.raises(RequestRejected, match="idempotency"):
            await e.call("W/k/run", idempotency_key="once")


@in_virtual_time
async def test_results_are_asked_for_by_id() -> None:
    """A result that is not there yet is None unless one waits; an id that nobody has is refused."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
        invocation_id = await e.send("S/work")
        assert await e.engine.result(invocation_id, wait=False) is None
        waited = await e.engine.result(invocation_id, wait=True)
        assert waited is not None
        assert not waited.was_stored
        stored = await e.engine.result(invocation_id, wait=False)
        assert stored is not None
        assert stored.was_stored
        assert stored.outcome == waited.outcome
        with pytest.raises(UnknownInvocation, match=NOBODY):
            await e.engine.result(NOBODY, wait=False)
        with pytest.raises(UnknownInvocation, match=NOBODY):
            await e.engine.describe(NOBODY)


@in_virtual_time
async def test_an_end_between_creating_and_waiting_is_not_missed() -> None:
    """A call whose invocation is run by others meanwhile gets its outcome, though it had ended before it waited."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        e.script["O/other"] = answers([f.sleep(1, EPOCH_MS + 1000), f.suspension(1)], [f.output(), f.END])
        e.script["O/add"] = answers([f.output(b"x"), f.END])
        await e.send("O/k/other")
        await e.rest(0.5)

        async def meanwhile(*_: Any, **__: Any) -> None:
            await e.rest(20)

        e.store.hooks["after_put_wait"] = meanwhile
        assert (await e.call("O/k/add")).outcome.value == b"x"


@in_virtual_time
async def test_an_awakeable_is_completed_once() -> None:
    """The first completion of an awakeable from outside counts, also when it fails; later ones change nothing."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if len(attempt.types) == 1:
                return [f.suspension(signals=(1, 17))]
            return [f.output(attempt.request.entries[1][8:]), f.END]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        awakeable = encode_awakeable_id(e.script.attempts[0].request.start.id, 17)
        await e.engine.complete_awakeable(awakeable, Outcome(value=b"first"))
        await e.engine.complete_awakeable(awakeable, Outcome(value=b"second"))
        assert b"first" in ((await e.outcome(invocation_id)).value or b"")
        await e.engine.complete_awakeable(awakeable, Outcome(value=b"third"))
        assert await e.inner.notes(invocation_id) == ()


@in_virtual_time
async def test_a_malformed_awakeable_is_refused() -> None:
    """What is not the id of an awakeable is refused; one of an invocation that is gone is nobody's."""
    async with EngineUnderTest() as e:
        with pytest.raises(RequestRejected):
            await e.engine.complete_awakeable("sign_1nonsense!", Outcome(value=b""))
        await e.engine.complete_awakeable(encode_awakeable_id(bytes(24), 17), Outcome(value=b""))


@in_virtual_time
async def test_where_others_run_it_the_store_is_asked() -> None:
    """When another process may run an invocation, whoever waits here looks at the store from time to time."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        e.script["S/work"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
        e.wakeups.stop()
        waiting = asyncio.ensure_future(e.call("S/work", idempotency_key="once"))
        await e.rest(1)
        other = e.restarted()
        async with other:
            finished = await waiting
            assert finished.outcome.value == b"x"


@in_virtual_time
async def test_a_description_is_the_head_and_the_whole_journal() -> None:
    """What is shown of an invocation is its head and every entry, over however many pages."""
    async with EngineUnderTest() as e:
        steps = [frame for number in range(1, 60) for frame in (f.run(number, "x" * 30), f.proposal(number))]
        e.script["S/work"] = answers([*steps, f.suspension(1)], [f.output(), f.END])
        finished = await e.call("S/work")
        description = await e.engine.describe(finished.invocation_id)
        assert len(description.entries) == 2 + 2 * 59
        assert description.head.status is Status.COMPLETED
