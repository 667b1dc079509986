"""Invoking handlers from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Shell


def test_calling(shell: Shell) -> None:
    """A handler's answer is printed as it is, or with the invocation's id as JSON."""
    assert shell.out("call", "Echo/nap", "0") == '"slept"\n'
    answer = shell.json("call", "Echo/nap", "0")
    assert answer["value"] == "slept"
    assert answer["invocation_id"].startswith("inv_1")


def test_bodies(shell: Shell, tmp_path: Path) -> None:
    """A body comes from the command line, a file or stdin, and arrives byte by byte with the type that is said."""
    file = tmp_path / "body"
    file.write_bytes(b"\x00\xff\n")
    octets = ("-H", "content-type: application/octet-stream")
    result = shell.run("call", "Echo/raw", f"@{file}", *octets)
    assert result.stdout_bytes == b"\x00\xff\n"
    assert shell.out("call", "Echo/raw", "-", *octets, stdin="from stdin") == "from stdin\n"
    assert shell.json("call", "Echo/raw", "-", *octets, stdin=b"\x00\xff")["value"] == {"$base64": "AP8="}
    result = shell.run("call", "Echo/raw", "@/nowhere/to/be/found")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_headers(shell: Shell) -> None:
    """The handler sees the headers that were given, and no others of this command's making."""
    headers = json.loads(shell.out("call", "Echo/headers", "-H", "x-one: 1", "-H", "x-two:2"))
    assert {name: value for name, value in headers.items() if name.startswith("x-") and "restate" not in name} == {
        "x-one": "1",
        "x-two": "2",
    }
    assert "authorization" not in headers


def test_the_token_is_not_for_handlers(shell: Shell) -> None:
    """What the admin API asks for is not sent to the ingress, where every handler would see it."""
    headers = shell.run("call", "Echo/headers", env={"HOLDFAST_TOKEN": "secret"}).stdout
    assert "x-restate-ingress-path" in headers
    assert "secret" not in headers


@pytest.mark.parametrize("header", ["no colon", ": no name", "two words: 1", "x-line: a\r\nx-other: b", "x: ü"])
def test_headers_that_cannot_be_sent(shell: Shell, header: str) -> None:
    """A header that is none is a usage problem, and never two headers."""
    result = shell.run("call", "Echo/headers", "-H", header)
    assert (result.exit_code, "--header takes 'name: value'" in result.stderr) == (2, True)


def test_failures(shell: Shell) -> None:
    """A handler's failure is its sentence with its code, or its JSON, and exit code 1."""
    result = shell.run("call", "Echo/fail", "418")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: [418] as asked")
    told = json.loads(shell.run("call", "Echo/fail", "418", "--json").stdout)
    assert told["failure"] == {"code": 418, "message": "as asked", "source": "invocation"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("Nobody/greet",), 1, "there is no service 'Nobody'"),
        (("Echo/nap", "soon"), 2, "Quote a string twice"),
        (("Echo/nap", '"soon"'), 1, "does not fit its JSON schema"),
        (("Gate/wait",), 1, "called with a key"),
        (("Echo",), 2, "names no handler"),
        (("Gate//wait",), 2, "names no handler"),
        (("Gate/a/wait", "--key", "b"), 2, "names no handler"),
        (("Echo/nap", "0", "--timeout", "soon"), 2, "--timeout: 'soon' is not a duration"),
    ],
)
def test_what_cannot_be_called(shell: Shell, arguments: tuple[str, ...], exit_code: int, words: str) -> None:
    """Who calls what is not there, or not so, is told in one sentence what would be."""
    result = shell.run("call", *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert words in result.stderr


def test_waiting_no_longer(shell: Shell) -> None:
    """When the caller stops waiting, the invocation goes on."""
    result = shell.run("call", "Gate/timed/wait", "--timeout", "100ms")
    assert result.exit_code == 1
    assert "timed out" in result.stderr
    awakeable_id = shell.awakeable_of("timed")
    assert awakeable_id.startswith("sign_1")


def test_sending(shell: Shell) -> None:
    """Sending prints the id alone; the same idempotency key meets the same invocation and says so."""
    first = shell.run("send", "Echo/nap", "0", "--idempotency-key", "once")
    again = shell.run("send", "Echo/nap", "0", "--idempotency-key", "once")
    assert first.stdout == again.stdout
    assert (first.stderr, again.stderr) == ("", "It was there already; nothing was started.\n")
    later = shell.json("send", "Echo/nap", "0", "--delay", "1h")
    assert later["status"] == "Accepted"
    assert shell.become(later["invocationId"], "scheduled")["scheduled_for"] == later["executionTime"]


def test_keys_and_scopes(shell: Shell) -> None:
    """A key may hold what a path may not, and a scope is part of the target."""
    sent = shell.sent("Gate/wait", "--key", "a/b ü?", "--scope", "tenant")
    shown = shell.become(sent, "suspended")
    assert (shown["key"], shown["scope"]) == ("a/b ü?", "tenant")
