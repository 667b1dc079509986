"""Gathering why an invocation does not move, over a whole engine."""

from __future__ import annotations

from typing import Any

from holdfast_engine.explaining import explain
from holdfast_engine.ids import child_id
from holdfast_engine.records import Target
from holdfast_engine.rule_changes import Upsert, upsert_rules
from holdfast_engine.submit import Submission
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers
from tests.support.virtual_time import EPOCH_MS, in_virtual_time


async def why(e: EngineUnderTest, invocation_id: str) -> str:
    reason = await explain(e.world, await e.head(invocation_id), entries=None)
    assert reason is not None
    return reason.sentence


@in_virtual_time
async def test_a_chain_of_waiting_is_followed_to_its_end() -> None:
    """Who waits for a call, whose callee waits for a key that a sleeper holds, is told all of that."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.sleep(1, EPOCH_MS + 3_600_000), f.suspension(1)])
        e.script["S/parent"] = answers([f.call("O", "add", (1, 2), key="k"), f.suspension(2)])
        holder = await e.send("O/k/other")
        await e.rest(1)
        parent = await e.send("S/parent")
        await e.rest(59)
        child = child_id("O", parent_id=parent, nonce=(await e.head(parent)).nonce, completion_id=1)
        text = await why(e, parent)
        assert text.startswith(
            f"waits for the call of O/k/add ({child}) since 59 s, which is 1st in line for key 'k' of O"
        )
        assert f"behind {holder}, which sleeps until" in text
        assert text.endswith("(in 59 min)")


@in_virtual_time
async def test_each_waiter_is_told_its_own_place() -> None:
    """The places of a queue count from the one who is next, whoever has been served before."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = answers([f.output(), f.END])
        e.script["O/other"] = answers([f.suspension(signals=(17,))])
        await e.call("O/k/add")
        await e.send("O/k/other")
        waiters = [await e.send("O/k/add") for _ in range(3)]
        await e.rest(1)
        for place, waiter in zip(("1st", "2nd", "3rd"), waiters, strict=True):
            assert (await why(e, waiter)).startswith(f"is {place} in line for key 'k' of O")


@in_virtual_time
async def test_a_failing_and_a_paused_invocation_tell_their_error() -> None:
    """The error that keeps it from going on is in the sentence, and so is what was done about it."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error(503, "bank is down")])
        failing = await e.send("S/work")
        await e.rest(100)
        assert "failed with [503] bank is down; next try at" in await why(e, failing)
        await e.engine.pause(failing)
        assert "an operator paused it" in await why(e, failing)
        e.script["S/other"] = answers([f.error(500, "no", behavior=f.PAUSE)])
        paused = await e.send("S/other")
        await e.rest(1)
        assert "because an attempt failed for good with [500] no" in await why(e, paused)


@in_virtual_time
async def test_a_long_chain_of_waiting_is_cut() -> None:
    """A chain is followed over two others and no further: the reads are bounded, in a circle too."""
    async with EngineUnderTest() as e:
        ids: list[str] = []

        async def attach(_: Any) -> list[bytes]:
            return [f.attach(1, invocation_id=ids[-1]), f.suspension(1)]

        e.script["S/work"] = e.script["S/other"] = attach
        e.script["O/add"] = answers([f.suspension(signals=(17,))])
        ids.append(await e.send("O/k/add"))
        await e.rest(1)
        first = await e.send("S/work")
        await e.rest(1)
        ids.append(first)
        second = await e.send("S/other")
        await e.rest(1)
        assert (await why(e, second)).count(", which ") == 2


@in_virtual_time
async def test_who_waits_for_a_permit_is_told_its_place() -> None:
    """Those in line of a scope with a limit are told the limit and their places."""
    async with EngineUnderTest() as e:
        rule = Upsert(pattern="tenant", concurrency=1, description=None, is_disabled=False, condition=None)
        await upsert_rules(e.world, [rule])

        async def work(_: Any) -> list[bytes]:
            await e.rest(60)
            return [f.output(), f.END]

        e.script["S/work"] = work
        target = Target(service="S", key=None, handler="work", scope="tenant")
        sent = []
        for _ in range(3):
            accepted = await e.engine.send(
                Submission(target=target, headers=(), body=b"", idempotency_key=None, invoke_at_ms=None, limit_key=None)
            )
            sent.append(accepted.invocation_id)
            await e.rest(0.01)
        expected = "in line in scope 'tenant', whose limits are reached: 1 of the scope may run at a time"
        assert [await why(e, each) for each in sent[1:]] == [f"is 1st {expected}", f"is 2nd {expected}"]


@in_virtual_time
async def test_what_is_done_or_moves_has_no_reason() -> None:
    """A completed invocation is not stuck."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        done = (await e.call("S/work")).invocation_id
        assert await explain(e.world, await e.head(done), entries=None) is None
