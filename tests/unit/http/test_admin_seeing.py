"""What people see by the admin API: lists, keys with queue and state, why something is stuck, the UI's files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from holdfast_engine.editing import state_version
from holdfast_engine.keys import check_key
from holdfast_engine.records import KeyRef
from holdfast_http.admin.app import Admin
from holdfast_http.messages import Request, Response
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time

JSON = (("content-type", "application/json"),)


class Shown:
    """An engine, and the admin API in front of it."""

    def __init__(self, e: EngineUnderTest) -> None:
        self.e = e
        self.admin = Admin(e.engine, product_version="1", ingress_url="http://ingress")

    async def ask(self, method: str, path: str, body: Any = None, headers: Any = JSON) -> Response:
        path, _, query = path.partition("?")
        content = b"" if body is None else json.dumps(body).encode()
        return await self.admin.handle(Request(method=method, path=path, query=query, headers=headers, body=content))

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@pytest.fixture
async def shown() -> AsyncIterator[Shown]:
    """A key that is held, with two waiters, and some that are done."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.suspension(signals=(17,))])
        e.script["O/add"] = answers([f.set_state("n", b"1"), f.output(), f.END])
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        for _ in range(5):
            await e.call("S/work")
        await e.call("O/free/add")
        await e.send("O/k/other")
        await asyncio.sleep(0.02)
        await e.send("O/k/add")
        await e.send("O/k/add")
        await asyncio.sleep(0.02)
        yield Shown(e)


async def test_a_list_is_paged_and_filtered(shown: Shown) -> None:
    """Pages follow each other without gap or repetition, and each filter of the query counts."""
    seen: list[str] = []
    path = "/invocations?limit=4"
    while True:
        page = await shown.get(path)
        seen += [row["id"] for row in page["invocations"]]
        assert page["is_whole"]
        if "next" not in page:
            break
        path = f"/invocations?limit=4&after={quote(page['next'])}"
    assert len(seen) == len(set(seen)) == 9
    for query, count in {
        "service=S": 5,
        "handler=add": 3,
        "key=k": 3,
        "status=queued": 2,
        "status=queued,suspended": 3,
        "service=O&status=completed": 1,
        "before_ms=0": 0,
        f"ids={seen[0]},{seen[3]},inv_none": 2,
    }.items():
        assert len((await shown.get(f"/invocations?{query}"))["invocations"]) == count, query


async def test_a_list_shows_outcomes_and_reasons(shown: Shown) -> None:
    """What is done shows its result, and what is stuck shows why, when that is asked for."""
    rows = (await shown.get("/invocations?why=true"))["invocations"]
    by_handler = {row["handler"]: row for row in rows}
    assert by_handler["work"]["outcome"] == {"result": "success", "value": "done"}
    assert "why" not in by_handler["work"]
    assert by_handler["other"]["why"].startswith("waits for awakeable sign_1")
    assert [" in line for key 'k' of O" in row["why"] for row in rows if row["status"] == "queued"] == [True, True]
    assert "why" not in (await shown.get("/invocations"))["invocations"][0]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "status=lost", "after=x", "from_ms=-1"])
async def test_a_list_refuses_what_it_does_not_know(shown: Shown, query: str) -> None:
    """A query that says something it must not is answered with one sentence."""
    answer = await shown.ask("GET", f"/invocations?{query}")
    assert answer.status == 400
    assert json.loads(answer.body)["message"]


async def test_one_invocation_tells_why_and_when(shown: Shown) -> None:
    """Who is stuck says why, on whom that depends, when its entries came and when its attempts began."""
    (holder,) = (await shown.get("/invocations?handler=other"))["invocations"]
    one = await shown.get(f"/invocations/{holder['id']}")
    assert one["why"].startswith("waits for awakeable sign_1")
    assert one["waits_for"]["awakeables"][0].startswith("sign_1")
    assert one["created_at"] <= one["journal"][0]["appended_at"] <= one["modified_at"]
    assert [moment["what"] for moment in one["history"]["moments"]][-1] == "suspended"


async def test_keys_show_their_queue_state_and_promises(shown: Shown) -> None:
    """Who holds a key, who waits in which order, and what its state is."""
    keys = (await shown.get("/keys?service=O"))["keys"]
    assert [(key["key"], key["waiting"]) for key in keys] == [("free", 0), ("k", 2)]
    paged = await shown.get("/keys?limit=1")
    assert (await shown.get(f"/keys?limit=1&after={quote(paged['next'])}"))["keys"][0]["key"] == "k"
    held = await shown.get("/keys/O/k")
    assert held["holder"]["handler"] == "other"
    assert [row["handler"] for row in held["waiting"]] == ["add", "add"]
    free = await shown.get("/keys/O/free")
    assert free["state"] == {"n": {"text": "1"}}
    assert free["holder"] is None
    assert (await shown.ask("GET", "/keys/S/k")).status == 400
    assert (await shown.ask("GET", "/keys/Nobody/k")).status == 404


async def test_state_is_edited_when_the_key_is_free(shown: Shown) -> None:
    """An edit replaces the whole state, checks the version it was made from, and never gets in a handler's way."""
    version = (await shown.get("/keys/O/free"))["version"]
    edit = {"object_key": "free", "new_state": {"m": [50]}, "version": version}
    assert (await shown.ask("POST", "/services/O/state", edit)).status == 202
    assert await shown.e.state("free") == {"m": b"2"}
    again = await shown.ask("POST", "/services/O/state", edit)
    assert again.status == 409
    assert "has changed since" in json.loads(again.body)["message"]
    assert await shown.e.state("free") == {"m": b"2"}
    held = await shown.ask("POST", "/services/O/state", {"object_key": "k", "new_state": {}})
    assert held.status == 409
    assert "holds key 'k' of O" in json.loads(held.body)["message"]
    bad = await shown.ask("POST", "/services/O/state", {"object_key": "k", "new_state": {"a": [256]}})
    assert bad.status == 400
    assert (await shown.ask("POST", "/services/O/state", edit, headers=())).status == 415


@in_virtual_time
async def test_an_invocation_that_comes_during_an_edit_gets_the_key() -> None:
    """Who queues up behind an editor is handed the key, with the edited state."""
    async with EngineUnderTest(store=Hooked) as e:
        seen: list[dict[str, bytes]] = []

        async def add(attempt: Any) -> list[bytes]:
            seen.append(attempt.state)
            return [f.output(), f.END]

        e.script["O/add"] = add
        calls: list[asyncio.Task[Any]] = []

        async def meanwhile(*_: Any, **__: Any) -> None:
            calls.append(asyncio.create_task(e.call("O/k/add")))
            await asyncio.sleep(0.05)

        e.store.hooks["before_leave"] = meanwhile  # type: ignore[attr-defined]
        await e.engine.edit_state(KeyRef(service="O", key="k"), state={"n": b"9"}, version=state_version({}))
        await asyncio.wait_for(calls[0], 10)
        assert seen == [{"n": b"9"}]


async def test_an_editor_that_dies_leaves_no_key_behind() -> None:
    """A key whose editor died in between is free again after the check of its queue, its state unchanged."""
    async with EngineUnderTest(store=Hooked) as e:
        key = KeyRef(service="O", key="k")

        async def die(*_: Any, **__: Any) -> None:
            raise asyncio.CancelledError

        e.store.hooks["before_leave"] = die  # type: ignore[attr-defined]
        with pytest.raises(asyncio.CancelledError):
            await e.engine.edit_state(key, state={"n": b"9"}, version=None)
        await check_key(e.world, key)
        e.script["O/add"] = answers([f.output(), f.END])
        await e.call("O/k/add")
        assert await e.state("k") == {}


async def test_the_ui_is_served_and_nothing_beside_it(shown: Shown) -> None:
    """The page and its files are served with their types and a policy; every path of the UI is its page."""
    assert dict((await shown.ask("GET", "/")).headers)["location"] == "/ui/"
    assert dict((await shown.ask("GET", "/ui")).headers)["location"] == "/ui/"
    page = await shown.ask("GET", "/ui/")
    headers = dict(page.headers)
    assert (page.status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in headers["content-security-policy"]
    assert (await shown.ask("GET", "/ui/objects/O/a.key")).body == page.body
    script = await shown.ask("GET", "/ui/assets/main.js")
    assert dict(script.headers)["content-type"] == "text/javascript; charset=utf-8"
    unchanged = await shown.ask("GET", "/ui/", headers=(("if-none-match", headers["etag"]),))
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (await shown.ask("HEAD", "/ui/")).body == b""
    for path in ("/ui/assets/none.js", "/ui/assets/../../files.py", "/ui/assets/%2e%2e/files.py", "/ui/assets"):
        assert (await shown.ask("GET", path)).status == 404, path


async def test_the_overview_counts(shown: Shown) -> None:
    """The overview has the numbers by service and status."""
    services = (await shown.get("/overview"))["services"]
    assert services["S"] == {"completed": 5}
    assert services["O"] == {"completed": 1, "suspended": 1, "queued": 2}
