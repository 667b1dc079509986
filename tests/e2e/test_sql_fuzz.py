"""Whatever is sent as SQL is answered in time, and reads nothing but our tables and changes nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from examples.demo.processes import DevServer
from tests.support.site import Site

pytest.importorskip("pyarrow", reason="SQL needs the extra `sql`")

SECRET = "what-only-the-disk-knows"
# The server gives a query ten seconds; beyond that, with room for a busy machine, it hangs.
ANSWERED_WITHIN_S = 30.0

TABLES = ["sys_invocation", "sys_journal", "state", "sys_service", "sys_inbox", "information_schema.tables", "nope"]
COLUMNS = ["id", "status", "key", "value", "value_utf8", "service_name", "name", "index", "created_at", "nope", "*"]
WORDS = [
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "ON", "AND", "OR", "NOT", "IN", "LIKE", "AS"),
    *("WITH", "RECURSIVE", "UNION ALL", "EXCEPT", "HAVING", "CASE", "WHEN", "END", "OVER", "CAST", "NULL", "DISTINCT"),
    *("INSERT INTO", "UPDATE", "SET", "DELETE", "DROP TABLE", "CREATE TABLE", "COPY", "TO", "EXPLAIN", "ANALYZE"),
    *("(", ")", ",", ";", "--", "/*", "*/", "'", '"', "`", "$1", "?", "=", "<>", "||", "::", "*", "/", "%", "0", "-1"),
    *("1e309", "9223372036854775808", "'a'", "X'00'", "INTERVAL '1' DAY", "\\", "\x00", "ü", "🦀"),
    *("count", "sum", "regexp_replace", "repeat", "generate_series", "date_bin", "array_agg", "now()", "version()"),
]
RANDOM = st.lists(st.sampled_from(WORDS + TABLES + COLUMNS) | st.text(max_size=5), max_size=15).map(" ".join)
TEXTS = st.sampled_from(["", "'", "';--", "' OR '1'='1", "'; DROP TABLE state; --", "%", "\\'"]) | st.text(max_size=8)
# Well-formed up to what is put into it, as by a program that does not quote.
INJECTED = st.builds(
    "SELECT {} FROM {} WHERE {} = '{}' {}".format,
    st.sampled_from(COLUMNS),
    st.sampled_from(TABLES),
    st.sampled_from(COLUMNS[:-1]),
    TEXTS,
    st.sampled_from(["", "LIMIT 1", "LIMIT -1", "OFFSET 99999999999", "ORDER BY 77", "GROUP BY 1"]),
)
# Each names a file or a folder; what reads or writes must not get there.
ON_DISK = [
    "COPY state TO '{}'",
    "COPY (SELECT * FROM sys_invocation) TO '{}' STORED AS CSV",
    "COPY (SELECT 1) TO '{}.parquet'",
    "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'",
    "CREATE EXTERNAL TABLE x (a TEXT) STORED AS CSV LOCATION 'file://{}'",
    "SELECT * FROM '{}'",
    'SELECT * FROM "{}"',
    'SELECT * FROM "file://{}"',
    "SELECT * FROM read_csv('{}')",
    "SELECT * FROM read_text('{}')",
    "SELECT * FROM read_parquet('{}')",
    "SELECT * FROM read_json_auto('{}')",
    "SELECT * FROM glob('{}*')",
    "SELECT * FROM parquet_metadata('{}')",
    "SELECT pg_read_file('{}')",
    "SELECT load_extension('{}')",
    "SELECT load_file('{}')",
    "ATTACH DATABASE '{}' AS other",
    "VACUUM INTO '{}'",
    "INSERT INTO state SELECT * FROM '{}'",
    "EXPLAIN ANALYZE COPY state TO '{}'",
    "EXPLAIN SELECT * FROM '{}'",
    "PREPARE p AS COPY state TO '{}'",
    "WITH x AS (SELECT * FROM '{}') SELECT * FROM x",
    "CREATE FUNCTION f() RETURNS INT LANGUAGE python AS 'open(\"{}\")'",
]
CHANGING = [
    "DROP TABLE state",
    "DROP SCHEMA public CASCADE",
    "TRUNCATE TABLE state",
    "DELETE FROM sys_invocation",
    "UPDATE state SET value = 'x'",
    "INSERT INTO state SELECT * FROM state",
    "CREATE TABLE state AS SELECT 1 AS one",
    "CREATE OR REPLACE VIEW state AS SELECT 1 AS one",
    "ALTER TABLE state ADD COLUMN x INT",
    "SET datafusion.catalog.information_schema = false",
    "SET datafusion.runtime.memory_limit = '9G'",
    "BEGIN; DELETE FROM state; COMMIT",
    "EXPLAIN ANALYZE DELETE FROM state",
    "EXPLAIN ANALYZE INSERT INTO state SELECT * FROM state",
    "EXECUTE p",
    "PRAGMA writable_schema = 1",
    "GRANT ALL ON state TO PUBLIC",
    "CALL drop_all()",
]
STATEMENTS = RANDOM | INJECTED | st.sampled_from(CHANGING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with state, invocations, and a file beside its data that SQL might reach."""
    folder = tmp_path_factory.mktemp("asked")
    server = DevServer(["tests.support.services.counter"], folder=folder)
    server.start()
    (folder / "near.csv").write_text(f"word\n{SECRET}\n")
    with Site(server.ingress_url, server.admin_url) as site:
        for key in ("a", "b"):
            site.call(f"/Counter/{key}/add", 7)
    yield server
    assert server.is_running()
    assert "Traceback" not in server.output(bytes_max=1_000_000)
    server.kill()


class Asking:
    """Asks one query after the other."""

    def __init__(self, admin: httpx.Client) -> None:
        self._admin = admin
        self.tried = 0

    def check(self, query: str) -> httpx.Response:
        """Ask, and hold the answer to what every answer must be."""
        self.tried += 1
        answer = self._admin.post("/query", json={"query": query}, headers={"accept": "application/json"})
        assert answer.status_code in {200, 400}, (query[:500], answer.status_code, answer.text[:500])
        assert SECRET not in answer.text, query
        assert answer.status_code == 200 or answer.json()["message"], query
        return answer

    def everything(self) -> list[object]:
        """Return all that a query could have changed and a query can see."""
        return [
            self.check(f"SELECT * FROM {table} ORDER BY 1, 2, 3").json()["rows"]
            for table in (
                "state",
                "sys_journal",
                "sys_service",
                "information_schema.tables",
                "information_schema.df_settings",
            )
        ]


@pytest.fixture
def asking(server: DevServer) -> Iterator[Asking]:
    """What asks the server, and sees to it that its asking has changed nothing."""
    with httpx.Client(base_url=server.admin_url, timeout=ANSWERED_WITHIN_S, trust_env=False) as admin:
        asking = Asking(admin)
        before = asking.everything()
        yield asking
        assert asking.everything() == before
    # The page on reliability reads this.
    print(f"tried {asking.tried} requests")


def test_any_statement(asking: Asking) -> None:
    """Words in any order, values that nobody quoted and statements that write are answered or refused."""

    @settings(
        max_examples=400, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(query=STATEMENTS)
    def play(query: str) -> None:
        asking.check(query)

    play()


def test_no_statement_changes_anything(asking: Asking) -> None:
    """Each statement that writes, defines or sets is refused."""
    for query in CHANGING:
        assert asking.check(query).status_code == 400, query


def test_no_statement_reaches_a_file(asking: Asking, server: DevServer) -> None:
    """What names a file, by a path, a URL or a function, neither reads nor makes one."""
    folder = server.log_path.parent
    before = _files(folder)
    for form in ON_DISK:
        for path in (folder / "near.csv", folder / "new.csv", folder / "data", Path("/etc/passwd")):
            assert asking.check(form.format(path)).status_code == 400, (form, path)
    assert _files(folder) == before
    assert (folder / "near.csv").read_text() == f"word\n{SECRET}\n"


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.startswith("server.log")}
