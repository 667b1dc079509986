"""Scopes and limit keys: part of who an invocation is, and obeyed as limits of how many run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conformance.blackbox.programs import about, attach, awakeable, call, get, note, pause, put, run, send, sleep
from tests.conformance.blackbox.server import Server, eventually, new, value_of

pytestmark = pytest.mark.scopes

_PAUSE_MS = 150


class Limits:
    """The rules of one server, which are gone when the case is over."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._patterns: list[str] = []

    async def put(self, **concurrency_by_pattern: int | None) -> None:
        """Limit what some patterns stand for; a `__` stands for a slash, `any` for a star."""
        rules = [
            {"pattern": _pattern(name), "limits": {} if most is None else {"concurrency": most}}
            for name, most in concurrency_by_pattern.items()
        ]
        self._patterns += [str(rule["pattern"]) for rule in rules]
        answer = await self._server.admin.put("/limits/rules", json=rules)
        assert answer.status_code == 200, answer.text

    async def remove(self) -> None:
        """Remove what this case has put."""
        removals = [{"pattern": pattern} for pattern in self._patterns]
        await self._server.admin.post("/limits/rules/bulk-delete", json=removals)


def _pattern(name: str) -> str:
    return "/".join("*" if part == "any" else part for part in name.split("__"))


@pytest_asyncio.fixture
async def limits(server: Server) -> AsyncIterator[Limits]:
    """Rules for one case."""
    made = Limits(server)
    yield made
    await made.remove()


def new_scope() -> str:
    """Return a scope that no other case uses, and whose name can be a keyword."""
    return new("t").replace("-", "_")


def at_work(name: str) -> list[dict[str, Any]]:
    """Return a program that is at work for a while, in one attempt."""
    return [note(f"{name} in"), pause(_PAUSE_MS), note(f"{name} out")]


def most_at_once(lines: list[str]) -> int:
    """Return how many were at work at a time."""
    now = most = 0
    for line in lines:
        now += 1 if line.endswith("in") else -1
        most = max(most, now)
    return most


async def send_all(server: Server, scope: str, count: int, *, name: str, limit_key: str | None = None) -> list[str]:
    """Send so many invocations that are at work for a while; return their ids."""
    query = f"?limit-key={limit_key}" if limit_key is not None else ""
    path = f"/restate/scope/{scope}/send/Player/play{query}"
    answers = [await server.post(path, at_work(name)) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {202}
    return [str(answer.json()["invocationId"]) for answer in answers]


async def results(server: Server, invocations: list[str]) -> None:
    """Wait for all of them."""
    await asyncio.gather(*(server.result(each) for each in invocations))


async def test_a_scoped_call_runs(server: Server) -> None:
    """A call within a scope is a call, and its handler knows scope and limit key."""
    scope = new_scope()
    [seen] = await server.call(f"/restate/scope/{scope}/call/Player/play?limit-key=a/b", [about()])
    assert (seen["scope"], seen["limit_key"]) == (scope, "a/b")
    [seen] = await server.call(
        f"/restate/scope/{scope}/call/Player/play", [about()], headers={"x-restate-limit-key": "c"}
    )
    assert (seen["scope"], seen["limit_key"]) == (scope, "c")
    [seen] = await server.call("/Player/play", [about()])
    assert (seen["scope"], seen["limit_key"]) == (None, None)


@pytest.mark.parametrize(
    "path",
    [
        "/restate/scope/a%20b/call/Player/play",
        f"/restate/scope/{'s' * 37}/call/Player/play",
        "/restate/scope/s/call/Player/play?limit-key=a/b/c",
        "/restate/scope/s/call/Player/play?limit-key=a%20b",
        f"/restate/scope/s/call/Player/play?limit-key={'l' * 37}",
        "/restate/call/Player/play?limit-key=a",
    ],
)
async def test_what_is_no_scope_or_limit_key_is_refused(server: Server, path: str) -> None:
    """Names have up to 36 letters, digits and the like, a limit key has one or two of them and needs a scope."""
    assert (await server.post(path, [])).status_code == 400


async def test_scopes_have_state_of_their_own(server: Server) -> None:
    """The same key in another scope is another object."""
    key, one, other = new("k"), new_scope(), new_scope()
    await server.call(f"/restate/scope/{one}/call/Actor/{key}/play", [put("a", 1)])
    await server.call(f"/Actor/{key}/play", [put("a", 3)])
    assert await server.call(f"/restate/scope/{other}/call/Actor/{key}/play", [get("a")]) == [None]
    assert await server.call(f"/restate/scope/{one}/call/Actor/{key}/play", [get("a")]) == [1]
    assert await server.call(f"/Actor/{key}/play", [get("a")]) == [3]


async def test_idempotency_keys_are_of_a_scope(server: Server) -> None:
    """The same idempotency key in another scope is another request; a limit key makes no difference."""
    headers, one, other = {"idempotency-key": new("key")}, new_scope(), new_scope()
    path = "/restate/scope/{}/call/Player/play"
    assert await server.call(path.format(one), [run("a", 1)], headers=headers) == [1]
    assert await server.call(path.format(one) + "?limit-key=x", [run("a", 2)], headers=headers) == [1]
    assert await server.call(path.format(other), [run("a", 3)], headers=headers) == [3]
    assert await server.call("/Player/play", [run("a", 4)], headers=headers) == [4]
    target = {"target": "idempotentInvocation", "service": "Player", "handler": "play", "scope": one}
    named = {**target, "idempotencyKey": headers["idempotency-key"]}
    assert value_of(await server.post("/restate/attach", named)) == [1]


async def test_workflows_are_of_a_scope(server: Server) -> None:
    """A workflow's key runs once in each scope, and is found there."""
    key, one, other = new("story"), new_scope(), new_scope()
    path = f"/restate/scope/{{}}/call/Story/{key}/run"
    assert await server.call(path.format(one), [run("a", 1)]) == [1]
    assert await server.call(path.format(other), [run("a", 2)]) == [2]
    assert (await server.post(path.format(one), [])).status_code == 409
    named = {"target": "workflow", "workflowName": "Story", "workflowKey": key, "scope": other}
    assert value_of(await server.post("/restate/output", named)) == [2]


async def test_handlers_call_within_scopes(server: Server) -> None:
    """A handler calls and sends into a scope, with a limit key."""
    scope = new_scope()
    [[seen]] = await server.play(call("Player", "play", [about()], scope=scope, limit_key="a"))
    assert (seen["scope"], seen["limit_key"]) == (scope, "a")
    sent, [seen] = await server.play(
        send("Player", "play", [about()], scope=scope), call("Player", "play", [about()], scope=scope)
    )
    assert seen["scope"] == scope
    assert (await server.result(sent))[0]["scope"] == scope


async def test_a_scope_is_limited(server: Server, limits: Limits) -> None:
    """No more run at a time than the scope's rule allows, and all of them run."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 2})
    await results(server, await send_all(server, scope, 7, name=name))
    lines = server.notes(name)
    assert len(lines) == 14
    assert most_at_once(lines) == 2


async def test_one_at_a_time_in_order(server: Server, limits: Limits) -> None:
    """With a limit of one they run one after the other, in the order in which they came."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 1})
    sent = []
    for number in range(5):
        sent += await send_all(server, scope, 1, name=f"{name} {number}")
        await asyncio.sleep(0.02)
    await results(server, sent)
    assert server.notes(name) == [f"{number} {way}" for number in range(5) for way in ("in", "out")]


async def test_other_scopes_are_not_limited(server: Server, limits: Limits) -> None:
    """A rule for one scope is none for others, nor for what has no scope."""
    scope, other, name = new_scope(), new_scope(), new("work")
    await limits.put(**{scope: 1})
    await results(server, await send_all(server, other, 3, name=name))
    # How many of the three exactly is for the machine's load to say.
    assert most_at_once(server.notes(name)) > 1


async def test_a_limit_key_is_limited(server: Server, limits: Limits) -> None:
    """A rule with a wildcard limits each limit key by itself."""
    scope, name = new_scope(), new("work")
    await limits.put(**{f"{scope}__any": 1})
    sent = await send_all(server, scope, 3, name=f"{name} a", limit_key="a")
    sent += await send_all(server, scope, 3, name=f"{name} b", limit_key="b")
    await results(server, sent)
    assert most_at_once(server.notes(f"{name} a")) == 1
    assert most_at_once(server.notes(f"{name} b")) == 1
    assert most_at_once(server.notes(name)) == 2


async def test_every_level_counts(server: Server, limits: Limits) -> None:
    """What runs under `a/x` and `a/y` counts under `a` and in the scope as well."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 3, f"{scope}__a": 2, f"{scope}__a__x": 1})
    sent = []
    for limit_key in ("a/x", "a/x", "a/y", "a/y", "b", "b", "b"):
        sent += await send_all(server, scope, 1, name=f"{name} {limit_key}", limit_key=limit_key)
    await results(server, sent)
    assert most_at_once(server.notes(f"{name} a/x")) == 1
    assert most_at_once(server.notes(f"{name} a")) == 2
    assert most_at_once(server.notes(name)) == 3


async def test_a_more_specific_rule_counts(server: Server, limits: Limits) -> None:
    """Of a rule with a wildcard and one with the name itself the latter counts."""
    scope, name = new_scope(), new("work")
    await limits.put(**{f"{scope}__any": 1, f"{scope}__vip": 3})
    await results(server, await send_all(server, scope, 4, name=name, limit_key="vip"))
    assert 1 < most_at_once(server.notes(name)) <= 3


async def test_who_waits_does_not_count(server: Server, limits: Limits) -> None:
    """An invocation that is suspended makes room for others, and comes back when there is room for it."""
    scope, name = new_scope(), new("wait")
    await limits.put(**{scope: 1})
    path = f"/restate/scope/{scope}/send/Player/play"
    waiting = [
        (await server.post(path, [awakeable(f"{name}{number}"), *at_work(name)])).json()["invocationId"]
        for number in range(3)
    ]
    tokens = [await server.awakeable(f"{name}{number}") for number in range(3)]
    for token in tokens:
        await server.resolve(token, 1)
    await results(server, waiting)
    assert most_at_once(server.notes(f"{name} ")) == 1


async def test_a_caller_waits_for_its_callee_in_the_same_scope(server: Server, limits: Limits) -> None:
    """With a limit of one, a handler may call another within the scope: it makes room while it waits."""
    scope = new_scope()
    await limits.put(**{scope: 1})
    inner = call("Player", "play", [run("a", 1), sleep(50)], scope=scope)
    path = f"/restate/scope/{scope}/call/Player/play"
    answers = await asyncio.gather(*(server.call(path, [inner, run("b", 2)]) for _ in range(3)))
    assert answers == [[[1, None], 2]] * 3


async def test_objects_are_limited(server: Server, limits: Limits) -> None:
    """Different keys of an object count in the same scope, and one key still runs one at a time."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 2})
    path = f"/restate/scope/{scope}/send/Actor/{{}}/play"
    keys = [new("k") for _ in range(3)]
    sent = [
        (await server.post(path.format(key), at_work(f"{name} {key}"))).json()["invocationId"]
        for key in keys
        for _ in range(2)
    ]
    await results(server, sent)
    assert most_at_once(server.notes(name)) == 2
    assert all(most_at_once(server.notes(f"{name} {key}")) == 1 for key in keys)


async def test_who_was_killed_makes_room(server: Server, limits: Limits) -> None:
    """Killing who runs, and who waits in line, lets the next one go."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 1})
    path = f"/restate/scope/{scope}/send/Player/play"
    [holder, queued, last] = [
        (await server.post(path, [note(f"{name} {number}"), pause(2_000 if number == 0 else 1)])).json()["invocationId"]
        for number in range(3)
    ]
    await server.noted(f"{name} 0")
    for invocation in (queued, holder):
        assert (await server.operate("kill", invocation)).is_success
    assert await server.result(last) == [None, None]
    assert server.notes(f"{name} 1") == []


async def test_a_raised_limit_lets_more_run(server: Server, limits: Limits) -> None:
    """Rules can be changed while invocations stand in line."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 1})
    path = f"/restate/scope/{scope}/send/Player/play"
    sent = [(await server.post(path, [note(f"{name} in"), pause(1_500)])).json()["invocationId"] for _ in range(3)]
    await server.noted(f"{name} in")
    await limits.put(**{scope: 3})

    async def all_run() -> bool:
        return len(server.notes(f"{name} in")) == 3

    assert await eventually(all_run)
    await results(server, sent)


async def test_an_outcome_can_be_attached_to(server: Server, limits: Limits) -> None:
    """Who attaches to an invocation in line gets its result when it has run."""
    scope = new_scope()
    await limits.put(**{scope: 1})
    [first, second] = await send_all(server, scope, 2, name=new("work"))
    assert await server.play(attach(second)) == [[None, None, None]]
    await results(server, [first])


async def test_rules_are_changed_on_conditions(server: Server, limits: Limits) -> None:
    """A rule is made only if there is none, or changed only if it has the version that is meant, if one asks so."""
    pattern = new_scope()
    await limits.put(**{pattern: 1})

    async def change(**fields: Any) -> tuple[int, Any]:
        answer = await server.admin.put("/limits/rules", json=[{"pattern": pattern, **fields}])
        return answer.status_code, answer.json()

    limit = {"limits": {"concurrency": 2}}
    assert (await change(**limit, precondition={"type": "does_not_exist"}))[0] == 409
    status, [rule] = await change(**limit)
    assert (status, rule["limits"], rule["disabled"]) == (200, {"concurrency": 2}, False)
    version = rule["version"]
    assert (await change(limits={"concurrency": 3}, precondition={"type": "matches", "version": version + 1}))[0] == 409
    status, [rule] = await change(
        **limit, description="for people", precondition={"type": "matches", "version": version}
    )
    assert (status, rule["version"], rule["description"]) == (200, version, "for people")
    status, [rule] = await change(limits={}, disabled=True)
    assert (rule["version"], rule["disabled"], rule["limits"]) == (version + 1, True, {})


@pytest.mark.parametrize(
    "rule",
    [
        {"pattern": "not good!"},
        {"pattern": "a/b/c/d"},
        {"pattern": "s" * 37},
        {"limits": {}},
        {"pattern": "a", "limits": {"concurrency": 0}},
        {"pattern": "a", "limits": {"concurrency": "many"}},
        {"pattern": "a", "precondition": {"type": "sometimes"}},
    ],
)
async def test_what_is_no_rule_is_refused(server: Server, rule: dict[str, Any]) -> None:
    """A rule that says something it must not is a 422."""
    assert (await server.admin.put("/limits/rules", json=[rule])).status_code == 422


async def test_rules_are_removed(server: Server, limits: Limits) -> None:
    """Removing a rule names what was removed; one that is not there is no matter, unless a version was meant."""
    one, other = new_scope(), new_scope()
    await limits.put(**{one: 1})

    async def remove(*removals: dict[str, Any]) -> tuple[int, Any]:
        answer = await server.admin.post("/limits/rules/bulk-delete", json=list(removals))
        return answer.status_code, answer.json()

    assert (await remove({"pattern": one}, {"pattern": other, "expected_version": 1}))[0] == 409
    assert await remove({"pattern": one}, {"pattern": other}) == (200, [one])
    assert await remove({"pattern": one}) == (200, [])


async def test_who_was_cancelled_in_line_does_nothing(server: Server, limits: Limits) -> None:
    """An invocation that is cancelled while it stands in line ends at once, and has done nothing."""
    scope, name = new_scope(), new("work")
    await limits.put(**{scope: 1})
    path = f"/restate/scope/{scope}/send/Player/play"
    [holder, queued] = [
        (await server.post(path, [note(f"{name} {number}"), pause(3_000)])).json()["invocationId"]
        for number in range(2)
    ]
    await server.noted(f"{name} 0")
    assert (await server.operate("cancel", queued)).is_success

    async def has_ended() -> bool:
        return await server.status(queued) in (None, "completed")

    assert await eventually(has_ended)
    assert await server.status(holder) == "running"
    assert await server.result(holder) == [None, None]
    assert server.notes(f"{name} 1") == []
