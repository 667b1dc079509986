"""SQL from the shell."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Shell

pytest.importorskip("datafusion", reason="SQL needs the extra `sql`")


def test_rows(shell: Shell) -> None:
    """Rows are a table with a note of how many they are, or JSON; what is null is an empty cell."""
    query = "SELECT name, ty, CASE name WHEN 'Echo' THEN 1 END AS n FROM sys_service ORDER BY name"
    result = shell.run("sql", query)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines == [
        ["name", "ty", "n"],
        ["Echo", "service", "1"],
        ["Gate", "virtual_object"],
        ["SignupFlow", "workflow"],
    ]
    assert result.stderr == "3 rows.\n"
    assert shell.json("sql", query)[0] == {"name": "Echo", "ty": "service", "n": 1}


def test_from_stdin(shell: Shell) -> None:
    """Without a query on the command line it comes from stdin."""
    assert shell.json("sql", stdin="SELECT 1 AS one") == [{"one": 1}]


def test_no_rows(shell: Shell) -> None:
    """No rows print nothing but that."""
    result = shell.run("sql", "SELECT name FROM sys_service WHERE name = 'x'")
    assert (result.stdout, result.stderr) == ("", "0 rows.\n")


def test_what_is_wrong_with_a_query(shell: Shell) -> None:
    """A query that cannot be answered is one sentence and exit code 1."""
    result = shell.run("sql", "SELECT nothing FROM nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere" in result.stderr
