"""Permits, lines and rules: what every store promises of them."""

from __future__ import annotations

import pytest

from holdfast_engine.limits import Rule, RuleBook
from holdfast_engine.permits import Permit, Permits, Waiting
from holdfast_engine.ports import Store

SCOPE = "tenant-1"


def permit(name: str, *, epoch: int = 1, limit_key: str | None = None) -> Permit:
    """Return a permit of an invocation."""
    return Permit(invocation_id=name, epoch=epoch, limit_key=limit_key)


def waiting(name: str, *, since_ms: int, limit_key: str | None = None) -> Waiting:
    """Return a place in the line."""
    return Waiting(since_ms=since_ms, invocation_id=name, limit_key=limit_key)


async def test_a_scope_never_used_has_no_permits_out(store: Store) -> None:
    """Nobody holds a permit of a scope that nobody has used."""
    assert await store.permits(SCOPE) == Permits()
    assert await store.line(SCOPE, after=None, limit=10) == ()


async def test_permits_are_given_up_to_the_limit(store: Store) -> None:
    """As many permits are out as the limit says, and another one only when one has been returned."""
    limits = {"": 2}
    for name in ("a", "b"):
        assert await store.take_permit(SCOPE, permit(name), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("c"), limits=limits) is None
    assert {each.invocation_id for each in (await store.permits(SCOPE)).out} == {"a", "b"}
    assert await store.return_permit(SCOPE, invocation_id="a", epoch=1) == Permits(out=(permit("b"),))
    assert await store.take_permit(SCOPE, permit("c"), limits=limits) is not None
    assert (await store.permits("another")).out == ()


async def test_every_level_counts(store: Store) -> None:
    """A permit counts in its scope and in each level of its limit key, and needs room in all that have a limit."""
    limits = {"": 3, "a": 2, "a/x": 1}
    assert await store.take_permit(SCOPE, permit("1", limit_key="a/x"), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("2", limit_key="a/x"), limits=limits) is None
    assert await store.take_permit(SCOPE, permit("3", limit_key="a/y"), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("4", limit_key="a"), limits=limits) is None
    assert await store.take_permit(SCOPE, permit("5", limit_key="b"), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("6"), limits=limits) is None


async def test_a_successor_makes_a_permit_its_own(store: Store) -> None:
    """A younger epoch renews the permit that an older one has left; an older one cannot take it, nor return it."""
    limits = {"": 1}
    assert await store.take_permit(SCOPE, permit("a", epoch=1), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("a", epoch=2), limits=limits) is not None
    assert await store.take_permit(SCOPE, permit("a", epoch=1), limits=limits) is None
    assert await store.return_permit(SCOPE, invocation_id="a", epoch=1) is None
    assert (await store.permits(SCOPE)).out == (permit("a", epoch=2),)
    assert await store.return_permit(SCOPE, invocation_id="a", epoch=3) == Permits()


async def test_a_permit_is_returned_once(store: Store) -> None:
    """What is returned twice was returned once, and nobody else's goes."""
    assert await store.take_permit(SCOPE, permit("a"), limits={"": 1}) is not None
    assert await store.return_permit(SCOPE, invocation_id="a", epoch=1) is not None
    assert await store.take_permit(SCOPE, permit("b"), limits={"": 1}) is not None
    assert await store.return_permit(SCOPE, invocation_id="a", epoch=1) is None
    assert (await store.permits(SCOPE)).out == (permit("b"),)


async def test_the_line_is_in_order_of_age(store: Store) -> None:
    """The oldest stand in front; a page continues behind the last one that was seen."""
    places = [
        waiting("b", since_ms=9),
        waiting("a", since_ms=10, limit_key="x/y"),
        waiting("c", since_ms=10),
        waiting("d", since_ms=1_000),
    ]
    for place in reversed(places):
        await store.put_waiting(SCOPE, place)
    await store.put_waiting(SCOPE, places[1])
    await store.put_waiting("another", waiting("z", since_ms=1))
    line = await store.line(SCOPE, after=None, limit=10)
    assert [(each.invocation_id, each.limit_key) for each in line] == [
        ("b", None),
        ("a", "x/y"),
        ("c", None),
        ("d", None),
    ]
    assert [each.invocation_id for each in await store.line(SCOPE, after=None, limit=2)] == ["b", "a"]
    assert [each.invocation_id for each in await store.line(SCOPE, after=line[1], limit=10)] == ["c", "d"]


async def test_who_leaves_the_line_is_gone(store: Store) -> None:
    """Whoever is dropped from the line stands there no more; to drop somebody twice is no matter."""
    place, other = waiting("a", since_ms=1), waiting("b", since_ms=2)
    for each in (place, other):
        await store.put_waiting(SCOPE, each)
    for _ in range(2):
        await store.forget_waiting(SCOPE, place)
    assert await store.line(SCOPE, after=None, limit=10) == (other,)


def rule(pattern: str, *, version: int = 1) -> Rule:
    """Return a rule."""
    return Rule(
        pattern=pattern, concurrency=3, description="für alle", is_disabled=False, version=version, modified_ms=7
    )


async def test_rules_are_replaced_as_a_whole(store: Store) -> None:
    """Rules are written by whoever has seen the present ones, and read as they were written."""
    assert (len(await store.rules()), (await store.rules()).version) == (0, 0)
    first = RuleBook([rule("a"), rule("*/b")], version=1)
    assert await store.save_rules(first, replaces=0)
    assert not await store.save_rules(RuleBook(version=1), replaces=0)
    found = await store.rules()
    assert (list(found), found.version) == (list(first), 1)
    assert await store.save_rules(RuleBook(version=2), replaces=1)
    assert len(await store.rules()) == 0


@pytest.mark.parametrize("count", [10_000])
async def test_as_many_rules_as_are_allowed(store: Store, count: int) -> None:
    """Ten thousand rules with long names fit."""
    book = RuleBook((rule(f"{number:036d}/{number * 7919 % 10_007:036d}") for number in range(count)), version=1)
    assert await store.save_rules(book, replaces=0)
    assert len(await store.rules()) == count
