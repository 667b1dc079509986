"""Limits in the engine: who gets a permit when, and that none is lost whoever dies where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast_engine.admission import LOOK_AGAIN_MS
from holdfast_engine.engine import Submission
from holdfast_engine.errors import RequestRejected, RulesConflict
from holdfast_engine.limits import RULES_MAX, Rule, RuleBook, pattern_problem
from holdfast_engine.records import Status, Target
from holdfast_engine.rule_changes import Condition, Removal, Upsert, remove_rules, upsert_rules, upserted, without
from holdfast_protocol.manifest import Options, RetryPolicy
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, deployment, services
from tests.support.virtual_time import in_virtual_time

SCOPE = "t"


class Work:
    """Handlers that are at work for a while, and how many of them were at a time."""

    def __init__(self, *, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.now = 0
        self.most = 0
        self.order: list[str] = []

    async def __call__(self, attempt: Attempt) -> list[bytes]:
        """Work, and end."""
        self.now += 1
        self.most = max(self.most, self.now)
        self.order.append(attempt.id)
        try:
            await EngineUnderTest.rest(None, self.seconds)  # type: ignore[arg-type]
        finally:
            self.now -= 1
        return [f.output(b"done"), f.END]


async def limit(e: EngineUnderTest, **concurrency_by_pattern: int | None) -> None:
    """Put rules; a `__` in a pattern stands for a slash."""
    upserts = [_upsert(name.replace("__", "/"), most) for name, most in concurrency_by_pattern.items()]
    await upsert_rules(e.world, upserts)


def _upsert(pattern: str, concurrency: int | None, **more: Any) -> Upsert:
    fields = {"description": None, "is_disabled": False, "condition": None, **more}
    return Upsert(pattern=pattern, concurrency=concurrency, **fields)


async def send(e: EngineUnderTest, *, limit_key: str | None = None, path: str = "S/work") -> str:
    """Send an invocation within the scope, a millisecond behind the one before."""
    service, *key, handler = path.split("/")
    target = Target(service=service, key=key[0] if key else None, handler=handler, scope=SCOPE)
    await e.rest(0.001)
    accepted = await e.engine.send(
        Submission(target=target, headers=(), body=b"1", idempotency_key=None, invoke_at_ms=None, limit_key=limit_key)
    )
    return accepted.invocation_id


@in_virtual_time
async def test_no_more_than_the_limit_and_in_order() -> None:
    """With a limit of two, six invocations run two by two, oldest first, and none waits longer than it must."""
    async with EngineUnderTest() as e:
        work = Work()
        e.script["S/work"] = work
        await limit(e, t=2)
        sent = [await send(e) for _ in range(6)]
        await e.rest(3.5)
        assert [await e.status(each) for each in sent] == [Status.COMPLETED] * 6
        assert (work.most, work.order) == (2, sent)
        assert (await e.inner.permits(SCOPE)).out == ()


@in_virtual_time
async def test_without_rules_nothing_is_asked_for() -> None:
    """What has no limit costs no write and no read more than what has no scope."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = Work()
        await e.call("S/work")
        before = e.inner.meter.writes, e.inner.meter.reads
        await e.call("S/work")
        unscoped = e.inner.meter.writes - before[0], e.inner.meter.reads - before[1]
        await limit(e, another=1)
        before = e.inner.meter.writes, e.inner.meter.reads
        await send(e)
        await e.rest(5)
        assert (e.inner.meter.writes - before[0], e.inner.meter.reads - before[1]) == unscoped


@in_virtual_time
async def test_who_stands_in_line_is_ready_and_can_be_killed() -> None:
    """An invocation in line shows as ready; killed, it never runs, and the next one does."""
    async with EngineUnderTest() as e:
        work = Work()
        e.script["S/work"] = work
        await limit(e, t=1)
        first, second, third = [await send(e) for _ in range(3)]
        await e.rest(0.1)
        assert [await e.status(each) for each in (first, second, third)] == [
            Status.RUNNING,
            Status.READY,
            Status.READY,
        ]
        await e.engine.kill(second)
        await e.rest(2.1)
        assert work.order == [first, third]
        assert (await e.outcome(third)).value == b"done"


@in_virtual_time
async def test_who_was_paused_in_line_holds_nobody_up() -> None:
    """A paused invocation loses its place; resumed, it stands in line again."""
    async with EngineUnderTest() as e:
        work = Work()
        e.script["S/work"] = work
        await limit(e, t=1)
        first, second, third = [await send(e) for _ in range(3)]
        await e.rest(0.1)
        await e.engine.pause(second)
        await e.rest(2.5)
        assert work.order == [first, third]
        await e.engine.resume(second, deployment="keep")
        assert (await e.outcome(second)).value == b"done"


@in_virtual_time
async def test_a_crash_gives_nothing_away_and_loses_nothing() -> None:
    """After a crash of everybody the permits are those of who runs, and in the end none is out."""
    async with EngineUnderTest() as e:
        work = Work()
        e.script["S/work"] = work
        await limit(e, t=2)
        sent = [await send(e) for _ in range(5)]
        await e.rest(0.5)
        await e.crash()
        work.now = work.most = 0
        next_one = e.restarted()
        await next_one.engine.load_registry()
        async with next_one:
            for each in sent:
                assert (await next_one.outcome(each)).value == b"done"
            await next_one.rest(1)
            assert work.most == 2
            assert (await next_one.inner.permits(SCOPE)).out == ()


@pytest.mark.parametrize("moment", ["before_return_permit", "after_return_permit"])
@in_virtual_time
async def test_a_permit_that_was_not_returned_is_found(moment: str) -> None:
    """Who dies before it returns its permit, or before it wakes the next one, holds nobody up for long."""
    stores: list[Hooked] = []

    def hooked(inner: Any) -> Any:
        stores.append(Hooked(inner))
        return stores[-1]

    async with EngineUnderTest(store=hooked) as e:
        e.script["S/work"] = Work()
        await limit(e, t=1)
        first, second = [await send(e) for _ in range(2)]

        async def dies(*_: Any, **__: Any) -> None:
            raise MemoryError

        stores[0].hooks[moment] = dies
        await e.rest(1.5)
        assert await e.status(first) is Status.COMPLETED
        await e.rest(2 * LOOK_AGAIN_MS / 1000)
        assert await e.status(second) is Status.COMPLETED


@in_virtual_time
async def test_a_permit_returned_while_joining_the_line_is_seen() -> None:
    """Who finds no room and joins the line looks once more: the permit may have been returned in between."""
    stores: list[Hooked] = []

    def hooked(inner: Any) -> Any:
        stores.append(Hooked(inner))
        return stores[-1]

    async with EngineUnderTest(store=hooked) as e:
        work = Work()
        e.script["S/work"] = work
        await limit(e, t=1)
        first = await send(e)

        async def wait_for_the_first(*_: Any, **__: Any) -> None:
            await e.rest(1.5)

        stores[0].hooks["before_put_waiting"] = wait_for_the_first
        second = await send(e)
        await e.rest(3)
        assert work.order == [first, second]
        assert await e.status(second) is Status.COMPLETED


@in_virtual_time
async def test_a_zombie_does_not_give_its_successors_permit_back() -> None:
    """Who was taken over and comes to its end later returns nothing: the permit is its successor's by then."""
    async with EngineUnderTest() as zombie:

        async def works(attempt: Attempt) -> list[bytes]:
            await zombie.rest(5 if attempt.number == 1 else 20)
            return [f.output(b"done"), f.END]

        zombie.script["S/work"] = works
        await limit(zombie, t=1)
        first, second = [await send(zombie) for _ in range(2)]
        await zombie.rest(1)
        successor = zombie.restarted()
        await successor.engine.load_registry()
        # Entering ends the leases, as time would: the first process is still at work on what the second takes over.
        async with successor:
            await successor.rest(8)
            permit = (await successor.inner.permits(SCOPE)).of(first)
            assert permit is not None
            assert permit.epoch == (await successor.head(first)).epoch > 1
            assert await successor.status(second) is Status.READY
            for each in (first, second):
                assert (await successor.outcome(each)).value == b"done"


@in_virtual_time
async def test_who_waits_makes_room_and_comes_back_before_the_newer() -> None:
    """A suspended invocation holds no permit; when it goes on it comes before those who have not begun."""
    async with EngineUnderTest() as e:
        work = Work()

        async def sleeps(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                wake_at = e.clock.now_ms() + 1_500
                return [f.sleep(1, wake_at), f.suspension(1)]
            return await work(attempt)

        e.script["S/other"] = sleeps
        e.script["S/work"] = work
        await limit(e, t=1)
        sleeper = await send(e, path="S/other")
        others = [await send(e) for _ in range(3)]
        await e.rest(10)
        assert work.order == [others[0], others[1], sleeper, others[2]]
        assert work.most == 1


@in_virtual_time
async def test_standing_in_line_uses_up_no_attempts_and_forgives_none() -> None:
    """Retries that wait for a permit in between are counted like any others (P1)."""
    options = Options(retry_policy=RetryPolicy(max_attempts=3, initial_interval_ms=100))
    async with EngineUnderTest(deployments=[deployment(services(S=options))]) as e:

        async def fails(attempt: Attempt) -> list[bytes]:
            await e.rest(0.5)
            return [f.error(500, "no")]

        e.script["S/work"] = fails
        await limit(e, t=1)
        sent = [await send(e) for _ in range(3)]
        await e.rest(60)
        assert [await e.status(each) for each in sent] == [Status.PAUSED] * 3
        assert [len(e.script.of(each)) for each in sent] == [3, 3, 3]
        assert (await e.inner.permits(SCOPE)).out == ()


@in_virtual_time
async def test_a_key_is_held_while_its_invocation_stands_in_line() -> None:
    """An exclusive invocation gets its key first and its permit then; another of that key stays behind it."""
    async with EngineUnderTest() as e:
        work = Work()
        e.script["S/work"] = e.script["O/add"] = work
        await limit(e, t=1)
        first = await send(e)
        keyed = [await send(e, path="O/k/add") for _ in range(2)]
        other = await send(e, path="O/other-key/add")
        await e.rest(10)
        assert work.order == [first, keyed[0], other, keyed[1]] or work.order == [first, *keyed, other]
        assert work.most == 1


@in_virtual_time
async def test_changed_rules_let_those_in_line_go() -> None:
    """A raised limit, and a removed one, call up those who stand in line."""
    async with EngineUnderTest() as e:
        work = Work(seconds=5)
        e.script["S/work"] = work
        await limit(e, t=1)
        for _ in range(5):
            await send(e)
        await e.rest(0.1)
        assert work.now == 1
        await limit(e, t=3)
        await e.rest(0.1)
        assert work.now == 3
        await remove_rules(e.world, [Removal(pattern="t", condition=None)])
        await e.rest(0.1)
        assert work.now == 5


@in_virtual_time
async def test_calls_within_a_limit_of_one_end() -> None:
    """A parent waits without its permit, so its child in the same scope gets one."""
    async with EngineUnderTest() as e:

        async def parent(attempt: Attempt) -> list[bytes]:
            answer = attempt.notification(2)
            if answer is None:
                call = f.call("S", "child", (1, 2), scope=SCOPE)
                return [call, f.suspension(2)] if attempt.number == 1 else [f.suspension(2)]
            return [f.output(answer.value.content), f.END]

        e.script["S/parent"] = parent
        e.script["S/child"] = Work()
        await limit(e, t=1)
        sent = [await send(e, path="S/parent") for _ in range(3)]
        for each in sent:
            assert (await e.outcome(each)).value == b"done"


# The rules by themselves.


def book(**concurrency_by_pattern: int) -> RuleBook:
    """Return rules; a `__` in a pattern stands for a slash, `any` for a star."""
    return RuleBook(
        Rule(
            pattern="/".join("*" if part == "any" else part for part in name.split("__")),
            concurrency=most,
            description=None,
            is_disabled=False,
            version=1,
            modified_ms=0,
        )
        for name, most in concurrency_by_pattern.items()
    )


@pytest.mark.parametrize(
    ("rules", "limit_key", "limits"),
    [
        ({}, "a/b", {}),
        ({"t": 1}, None, {"": 1}),
        ({"other": 1}, None, {}),
        ({"any": 2}, "a", {"": 2}),
        ({"t": 1, "any": 2}, "a", {"": 1}),
        ({"t__any": 3, "t__a": 4}, "a/b", {"a": 4}),
        ({"t__any": 3, "t__a": 4}, "z/b", {"z": 3}),
        ({"any__a": 3, "t__any": 4}, "a", {"a": 4}),
        ({"t": 9, "t__any__any": 1, "t__a__b": 2}, "a/b", {"": 9, "a/b": 2}),
        ({"any__any__any": 1}, "a/b", {"a/b": 1}),
        ({"t__a": 1}, None, {}),
    ],
)
def test_which_limits_apply(rules: dict[str, int], limit_key: str | None, limits: Mapping[str, int]) -> None:
    """Each level has the limit of the most specific rule with as many parts; earlier parts count for more."""
    assert book(**rules).limits(SCOPE, limit_key) == limits
    assert book(**rules).limits(None, None) == {}


def test_versions_of_rules() -> None:
    """A version is raised by what matters, not by a description, and a pattern that returns begins with a new one."""
    first = upserted(RuleBook(), [_upsert("t", 1)], now_ms=1)
    same = upserted(first, [_upsert("t", 1, description="for people")], now_ms=2)
    more = upserted(same, [_upsert("t", 2)], now_ms=3)
    again = upserted(without(more, [Removal(pattern="t", condition=None)]), [_upsert("t", 2)], now_ms=4)
    shown = [(rule.version, rule.modified_ms) for each in (first, same, more, again) for rule in each]
    assert shown == [(1, 1), (1, 1), (2, 3), (5, 4)]
    off = upserted(first, [_upsert("t", 1, is_disabled=True)], now_ms=5)
    assert off.limits(SCOPE, None) == {}


def test_conditions_hold_for_the_whole_batch() -> None:
    """If one condition does not hold nothing is changed."""
    rules = upserted(RuleBook(), [_upsert("t", 1)], now_ms=1)
    for condition in (Condition(version=None), Condition(version=2)):
        with pytest.raises(RulesConflict, match="'t'"):
            upserted(rules, [_upsert("new", 1), _upsert("t", 2, condition=condition)], now_ms=2)
        with pytest.raises(RulesConflict):
            without(rules, [Removal(pattern="t", condition=condition)])


def test_there_is_a_most_of_rules() -> None:
    """Beyond the bound no rule is taken."""
    many = [_upsert(f"s{number}", 1) for number in range(RULES_MAX + 1)]
    with pytest.raises(RequestRejected, match=str(RULES_MAX)):
        upserted(RuleBook(), many, now_ms=1)


@pytest.mark.parametrize("pattern", ["*", "a", "a/*", "*/a/*", "a/b/c"])
def test_patterns(pattern: str) -> None:
    """A pattern has one to three parts, each a name or a star."""
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize("pattern", ["", "a/", "a/b/c/d", "a*", "**", "a b", "x" * 37])
def test_what_is_no_pattern(pattern: str) -> None:
    """Anything else is none."""
    assert pattern_problem(pattern) is not None
