"""`POST /query`: what may be asked, what it reads, and what is refused, over a whole engine."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast_engine.records import Status
from holdfast_http.admin.app import Admin
from holdfast_http.messages import Request, Response
from holdfast_http.query import budget as budget_module
from holdfast_http.query.budget import QueryRefused
from holdfast_http.query.process import QueryProcess
from holdfast_http.query.queries import Queries
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers

pyarrow = pytest.importorskip("pyarrow", reason="SQL needs the extra `sql`")


class Asked:
    """An engine with something to see, and the admin API in front of it."""

    def __init__(self, e: EngineUnderTest) -> None:
        self.e = e
        self.admin = Admin(e.engine, product_version="1", ingress_url="")

    async def post(self, query: str, accept: str = "application/json") -> Response:
        headers = (("content-type", "application/json"), ("accept", accept))
        body = json.dumps({"query": query}).encode()
        return await self.admin.handle(Request(method="POST", path="/query", query="", headers=headers, body=body))

    async def rows(self, query: str) -> list[dict[str, Any]]:
        answer = await self.post(query)
        assert answer.status == 200, answer.body
        rows: list[dict[str, Any]] = json.loads(answer.body)["rows"]
        return rows


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    """Ten that are done, three in a queue, one that waits for a call."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        e.script["S/other"] = answers([f.output_failure(400, "no such thing"), f.END])
        e.script["O/other"] = answers([f.set_state("n", b"7"), f.suspension(signals=(17,))])
        e.script["O/add"] = answers([f.output(), f.END])
        e.script["S/parent"] = answers([f.call("O", "add", (1, 2), key="k"), f.suspension(2)])
        e.script["W/run"] = answers([f.complete_promise("p", 1), f.output(), f.END])
        for _ in range(9):
            await e.call("S/work")
        await e.call("S/other")
        await e.send("O/k/other")
        await asyncio.sleep(0.05)
        await e.send("O/k/add")
        await e.send("O/k/add")
        await e.send("S/parent")
        await e.call("W/w/run")
        await asyncio.sleep(0.05)
        asking = Asked(e)
        yield asking
        await asking.admin.close()


async def test_the_queries_of_the_official_tools_are_answered(asked: Asked) -> None:
    """Counts, joins, WITH, IN lists, FIRST_VALUE, the information schema: what the stock CLI sends has an answer."""
    by_status = "SELECT status, COUNT(*) AS n FROM sys_invocation GROUP BY status ORDER BY status"
    counted = {row["status"]: row["n"] for row in await asked.rows(by_status)}
    assert counted == {"completed": 11, "pending": 3, "suspended": 2}
    failed = "SELECT completion_failure FROM sys_invocation WHERE completion_result = 'failure'"
    assert await asked.rows(failed) == [{"completion_failure": "[400] no such thing"}]
    joined = """
        WITH waiting AS (SELECT service_key, COUNT(*) AS n FROM sys_inbox GROUP BY service_key)
        SELECT s.service_key, s.invocation_id, w.n, i.status FROM sys_keyed_service_status s
        JOIN waiting w ON w.service_key = s.service_key JOIN sys_invocation i ON i.id = s.invocation_id
    """
    (row,) = await asked.rows(joined)
    assert (row["service_key"], row["n"], row["status"]) == ("k", 3, "suspended")
    first = "SELECT FIRST_VALUE(id ORDER BY created_at) AS id FROM sys_invocation WHERE status IN ('pending', 'ready')"
    assert (await asked.rows(first))[0]["id"].startswith("inv_1")
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'state'"
    assert {"column_name": "value_utf8"} in await asked.rows(columns)
    state = "SELECT service_name, key, value_utf8, value_length FROM state WHERE service_name = 'O'"
    expected = {"service_name": "O", "key": "n", "value_utf8": "7", "value_length": 1}
    assert await asked.rows(state) == [expected]
    promise = "SELECT key, completed, completion_success_value_utf8 AS value FROM sys_promise"
    assert await asked.rows(promise) == [{"key": "p", "completed": True, "value": "p"}]
    assert {row["name"] for row in await asked.rows("SELECT name, ty FROM sys_service")} == {"S", "O", "W"}
    assert (await asked.rows("SELECT services FROM sys_deployment"))[0]["services"] == ["S", "O", "W"]


async def test_a_journal_and_its_events_are_tables(asked: Asked) -> None:
    """Entries with their types, names and callees; failures with their text."""
    (parent,) = await asked.rows("SELECT id FROM sys_invocation WHERE target_handler_name = 'parent'")
    entries = await asked.rows(f"SELECT * FROM sys_journal WHERE id = '{parent['id']}' ORDER BY index")
    assert [entry["entry_type"] for entry in entries] == [
        "Command: Input",
        "Command: Call",
        "Notification: CallInvocationId",
    ]
    assert entries[1]["invoked_target"] == "O/k/add"
    assert entries[1]["invoked_id"].startswith("inv_1")
    assert entries[1]["completed"] is False
    assert all(entry["appended_at"].endswith("Z") for entry in entries)
    asked.e.script["S/child"] = answers([f.error(503, "down", behavior=f.PAUSE)])
    failing = await asked.e.send("S/child")
    await asyncio.sleep(0.05)
    events = await asked.rows(f"SELECT event_type, event_json FROM sys_journal_events WHERE id = '{failing}'")
    assert {event["event_type"] for event in events} == {"TransientError", "Paused"}
    assert json.loads(events[0]["event_json"])["error_message"] == "down"


async def test_why_something_does_not_move_is_a_column(asked: Asked) -> None:
    """The sentence that the admin API gives is there for SQL as well, and null for what is done."""
    rows = await asked.rows("SELECT target_handler_name AS handler, why FROM sys_invocation")
    why = {row["handler"]: row.get("why") for row in rows}
    assert why["work"] is None
    assert "waits for the call of O/k/add" in str(why["parent"])
    assert "in line for key 'k'" in str(why["add"])


async def test_every_table_can_be_read_whole(asked: Asked) -> None:
    """`SELECT *` works on each table, with every column computed."""
    tables = await asked.rows("SHOW TABLES")
    names = {row["table_name"] for row in tables if row["table_schema"] == "public"}
    assert {"sys_invocation", "sys_invocation_status", "sys_invocation_state", "sys_journal", "state"} <= names
    for name in names:
        await asked.rows(f"SELECT * FROM {name}")
    assert await asked.rows("DESCRIBE state")
    assert await asked.rows("EXPLAIN SELECT * FROM state WHERE service_key = 'k'")


BY_ID = [
    ("id = '{id}'", 1),
    ("id IN ('{id}', 'inv_none')", 2),
    ("'{id}' = id AND status <> 'completed'", 1),
    ("id = '{id}' AND id = 'inv_none'", 0),
    ("(id = '{id}' OR id = 'inv_none') AND target_service_name = 'S'", 2),
]


async def test_a_query_by_id_reads_a_handful_of_items(asked: Asked) -> None:
    """A query that names ids reads those and nothing else, however it is written."""
    (parent,) = await asked.rows("SELECT id FROM sys_invocation WHERE target_handler_name = 'parent'")
    peeked, listed = _watched(asked)
    for where, reads_max in BY_ID:
        peeked.clear()
        condition = where.format(id=parent["id"])
        rows = await asked.rows(f"SELECT id, status, target, last_failure FROM sys_invocation WHERE {condition}")
        assert len(rows) == (0 if reads_max == 0 else 1), where
        assert len(peeked) <= reads_max, where
        assert not listed, where


EVERYTHING = [
    "SELECT id FROM sys_invocation WHERE id = '{id}' OR target_service_name IN ('S', 'O', 'W')",
    "SELECT id FROM sys_invocation WHERE lower(id) = '{id}' OR id = '{id}' OR true",
    "SELECT id FROM sys_invocation WHERE created_at >= (SELECT MIN(created_at) FROM sys_invocation)",
    "SELECT a.id FROM sys_invocation a WHERE a.id NOT IN ('{id}') OR a.id = '{id}'",
    "SELECT id FROM sys_invocation WHERE status = 'completed' UNION SELECT id FROM sys_invocation",
    "SELECT id FROM sys_invocation WHERE EXISTS (SELECT 1 FROM sys_invocation x WHERE x.id = '{id}')",
    "SELECT a.id FROM sys_invocation a LEFT JOIN sys_invocation b ON a.id = b.id AND b.id = '{id}'",
    "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) FROM sys_invocation)",
]


async def test_what_is_pushed_down_never_loses_rows(asked: Asked) -> None:
    """Whatever a query says about ids, all rows that count are read: these mean all invocations there are."""
    everything = {row["id"] for row in await asked.rows("SELECT id FROM sys_invocation")}
    (parent,) = await asked.rows("SELECT id FROM sys_invocation WHERE target_handler_name = 'parent'")
    for query in EVERYTHING:
        found = {row["id"] for row in await asked.rows(query.format(id=parent["id"]))}
        assert found == everything, query


async def test_a_selection_reaches_the_store(asked: Asked) -> None:
    """Service, key and status narrow what is listed, and a bare limit ends the walk."""
    _, listed = _watched(asked)
    await asked.rows("SELECT id FROM sys_invocation WHERE target_service_name = 'O' AND target_service_key = 'k'")
    await asked.rows("SELECT id FROM sys_invocation WHERE status IN ('pending', 'paused') AND target LIKE 'O%'")
    assert len(await asked.rows("SELECT id FROM sys_invocation LIMIT 2")) == 2
    (by_key, _), (by_status, _), (_, limit) = listed
    assert (by_key.service, by_key.key) == ("O", "k")
    assert by_status.statuses == frozenset({Status.QUEUED, Status.PAUSED})
    assert limit == 2


def _watched(asked: Asked) -> tuple[list[str], list[Any]]:
    """Return lists that grow with every head and every page that is read from now on."""
    peeked: list[str] = []
    listed: list[Any] = []
    engine, listing = asked.e.engine, asked.e.engine.listing
    peek, invocations = engine.peek, listing.invocations

    async def watched_peek(invocation_id: str) -> Any:
        peeked.append(invocation_id)
        return await peek(invocation_id)

    async def watched_invocations(selection: Any, *, after: Any, limit: int) -> Any:
        listed.append((selection, limit))
        return await invocations(selection, after=after, limit=limit)

    engine.peek = watched_peek  # type: ignore[method-assign]
    listing.invocations = watched_invocations  # type: ignore[method-assign]
    return peeked, listed


REFUSED = [
    ("selec", "SQL error"),
    ("SELECT * FROM nope", "not found"),
    ("DROP TABLE state", "DDL not supported"),
    ("INSERT INTO sys_service VALUES ('a', 1, true, 'service', 'dp')", "DML not supported"),
    ("COPY state TO '/tmp/holdfast.csv'", "DML not supported"),
    ("SET datafusion.execution.batch_size = 1", "Statement not supported"),
    ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "DDL not supported"),
    ("SELECT * FROM '/etc/passwd'", "not found"),
    ("SELECT 1; SELECT 2", "single SQL statement"),
]


async def test_only_reading_is_answered(asked: Asked) -> None:
    """Whatever would change something, read a file, or is no SQL is refused with the sentence that says why."""
    for query, says in REFUSED:
        answer = await asked.post(query)
        assert answer.status == 400, query
        assert says in json.loads(answer.body)["message"], query
    assert await asked.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_store_that_cannot_list_all_says_so(asked: Asked) -> None:
    """Where only the unfinished can be found, a query that means more is refused, and one that does not is answered."""
    asked.e.world.listing = None
    for query in ("SELECT COUNT(*) FROM sys_invocation", "SELECT * FROM state WHERE service_name = 'O'"):
        answer = await asked.post(query)
        assert answer.status == 400
        assert "this store lists" in json.loads(answer.body)["message"]
    unfinished = "SELECT COUNT(*) AS n FROM sys_invocation WHERE status <> 'completed'"
    assert await asked.rows(unfinished) == [{"n": 5}]
    state = "SELECT value_utf8 FROM state WHERE service_name = 'O' AND service_key = 'k'"
    assert await asked.rows(state) == [{"value_utf8": "7"}]


async def test_who_does_not_ask_for_json_gets_arrow(asked: Asked) -> None:
    """The official tools read an Arrow stream; it holds the same rows with their types."""
    answer = await asked.post("SELECT id, created_at, journal_retention FROM sys_invocation LIMIT 3", "*/*")
    assert dict(answer.headers)["content-type"] == "application/vnd.apache.arrow.stream"
    table = pyarrow.ipc.open_stream(io.BytesIO(answer.body)).read_all()
    assert table.num_rows == 3
    assert [str(field.type) for field in table.schema] == ["large_string", "timestamp[ms, tz=+00:00]", "duration[ms]"]
    empty = await asked.post("SELECT id FROM sys_invocation WHERE id = 'x'", "*/*")
    assert pyarrow.ipc.open_stream(io.BytesIO(empty.body)).read_all().num_rows == 0


async def test_a_query_that_reads_too_much_is_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound of rows the answer is a sentence that says what to do, not a part of the truth."""
    monkeypatch.setattr(budget_module, "ROWS_MAX", 5)
    answer = await asked.post("SELECT COUNT(*) FROM sys_invocation")
    assert answer.status == 400
    assert "more than 5 rows of sys_invocation: name an id" in json.loads(answer.body)["message"]
    assert len(await asked.rows("SELECT id FROM sys_invocation LIMIT 5")) == 5


async def test_a_query_without_bound_is_stopped(asked: Asked) -> None:
    """A query that takes too long or too much memory is ended, says so, and the next one is answered."""
    endless = "SELECT COUNT(*) FROM generate_series(1, 10000000000000) WHERE value % 7 = 9"
    large = "SELECT COUNT(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 9) c"
    for seconds_max, query, says in (
        (2.0, endless, "took longer than 2 s"),
        (60.0, f"{large} WHERE a.value + b.value + c.value = 7", "Resources exhausted"),
    ):
        queries = Queries(asked.e.engine, seconds_max=seconds_max)
        with pytest.raises(QueryRefused, match=says):
            await queries.run(query, as_json=True)
        await queries.close()
    assert await asked.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_process_that_dies_is_replaced(asked: Asked) -> None:
    """When the process behind queries ends over one, the answer says so and another process takes the next."""
    queries = Queries(asked.e.engine, process=QueryProcess((sys.executable, "-c", "pass")))
    for _ in range(2):
        with pytest.raises(QueryRefused, match="the process that runs queries ended over this one"):
            await queries.run("SELECT 1", as_json=True)
    await queries.close()


async def test_without_the_extra_the_answer_says_how_to_get_it(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without DataFusion answers 501 and names the extra."""
    monkeypatch.setattr("holdfast_http.query.queries.find_spec", lambda _: None)
    answer = await asked.post("SELECT 1")
    assert answer.status == 501
    assert "holdfast[sql]" in json.loads(answer.body)["message"]


async def test_the_engines_process_stays_free_of_it(asked: Asked) -> None:
    """Neither DataFusion nor Arrow is imported where the engine runs."""
    code = (
        "import sys, holdfast_http.admin.app; print([m for m in sys.modules if m.startswith(('datafusion','pyarrow'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
