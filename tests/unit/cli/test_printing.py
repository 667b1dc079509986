"""What is printed: tables, times, values that could do harm, and what a shell needs to complete commands."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from holdfast_cli.clock import age
from holdfast_cli.main import main
from holdfast_cli.printing import echo_json, echo_table, harmless
from tests.support.import_cost import modules_after

DAY_MS = 86_400_000


def test_a_table_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no terminal gets columns without colours, cuts and trailing blanks, however long they are."""
    echo_table(("ID", "VALUE"), [("inv_1", "x" * 500), ("[bold]", "")])
    assert capsys.readouterr().out == f"ID      VALUE\ninv_1   {'x' * 500}\n[bold]\n"


@pytest.mark.parametrize(("columns", "cut"), [(40, 24), (100, 69)])
def test_a_table_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, cut: int
) -> None:
    """Only the last column is cut, to what is left of a line; an id stays whole, however narrow the terminal is."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("holdfast_cli.printing._terminal_width", lambda: columns)
    echo_table(("ID", "NOW"), [("i" * 29, "x" * 500), ("short", "y")])
    title, first, second = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert title.split() == ["ID", "NOW"]
    assert first == f"{'i' * 29}  {'x' * (cut - 3)}…"
    assert second.split() == ["short", "y"]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\rb\x08", "\u202eevil", "\x9b31m"])
def test_values_do_nothing_to_a_terminal(text: str) -> None:
    """Nothing that others have stored moves the cursor, changes colours or turns text around."""
    assert harmless(text).isprintable()


def test_json_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is the same JSON, with what a terminal would obey spelled out, and halves of characters, too."""
    content = {"text": "ü\x9b31m\x1b[2J\u202e\n", "half": "\ud800"}
    echo_json(content)
    printed = capsys.readouterr().out
    assert json.loads(printed) == content
    assert "ü" in printed
    assert all(line.isprintable() for line in printed.splitlines())


@pytest.mark.parametrize(
    ("ago_ms", "text"),
    [
        (-5_000, "0 s ago"),
        (90_000, "90 s ago"),
        (150_000, "2 min ago"),
        (36 * 3_600_000, "36 h ago"),
        (3 * DAY_MS, "3 d ago"),
    ],
)
def test_ages(ago_ms: int, text: str) -> None:
    """An age is a number that says something; a clock that is ahead is no future."""
    assert age("2026-01-01T00:00:00.000Z", now_ms=1_767_225_600_000 + ago_ms) == text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """The script of a shell asks this command what there is."""
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("there is no bash to ask for its version")
    result = CliRunner().invoke(main, ["completion", shell])
    assert (result.exit_code, "_HOLDFAST_COMPLETE" in result.stdout) == (0, True)


def test_completing() -> None:
    """Asked as a shell asks, the command names its commands and statuses."""
    from click.shell_completion import ShellComplete

    completing = ShellComplete(main, {}, "holdfast", "_HOLDFAST_COMPLETE")
    assert "tail" in {each.value for each in completing.get_completions(["invocations"], "")}
    arguments = ["invocations", "list", "--status"]
    assert {each.value for each in completing.get_completions(arguments, "pa")} == {"paused"}


def test_a_shell_does_not_wait_for_what_it_does_not_need() -> None:
    """Tables, AWS and servers are imported by the commands that use them, and not by asking for help or a TAB."""
    modules = modules_after("import holdfast_cli.main")
    assert not modules & {"rich", "botocore", "httpx", "uvicorn", "holdfast", "holdfast_engine.engine", "holdfast_aws"}
