"""Finding invocations, operating one or many, by ids and by filters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_cli.invocations.filters import pages
from holdfast_cli.invocations.tailing import follow
from holdfast_cli.problems import ServerUnreachable
from tests.unit.cli.conftest import Shell


def naps(shell: Shell, key: str, count: int = 1) -> list[str]:
    """Return invocations that sleep for long; the idempotency key makes them one each."""
    sent = [shell.sent("Echo/nap", "600", "--idempotency-key", f"{key}-{number}") for number in range(count)]
    for each in sent:
        shell.become(each, "suspended")
    return sent


def test_listing(shell: Shell) -> None:
    """A list has ids, targets, statuses and what is waited for, newest first, as text, as ids and as JSON."""
    first, second = naps(shell, "listing", 2)
    lines = shell.out("invocations", "list", "--service", "Echo", "--status", "suspended").splitlines()
    assert lines[0].split() == ["ID", "TARGET", "STATUS", "CREATED", "NOW"]
    (line,) = [each for each in lines if each.startswith(first)]
    assert "Echo/nap" in line
    assert "sleeps until" in line
    ids = shell.out("invocations", "list", "--handler", "nap", "-q").split()
    assert ids.index(second) < ids.index(first)
    shown = shell.json("invocations", "list", "--handler", "nap", "--limit", "1")
    assert (len(shown["invocations"]), shown["is_cut"]) == (1, True)


def test_filters(shell: Shell) -> None:
    """Service, handler, key, status and age each leave out what does not match."""
    shell.sent("Gate/filtered/wait")
    (nap,) = naps(shell, "filters")

    def listed(*filters: str) -> set[str]:
        return {each["target"] for each in shell.json("invocations", "list", *filters)["invocations"]}

    assert listed("--key", "filtered") == {"Gate/filtered/wait"}
    assert "Echo/nap" not in listed("--service", "Gate")
    assert listed("--handler", "nap") == {"Echo/nap"}
    assert listed("--handler", "nap", "--status", "paused") == set()
    assert listed("--handler", "nap", "--older-than", "1h") == set()
    assert nap in shell.out("invocations", "list", "-q", "--handler", "nap", "--newer-than", "1h")
    result = shell.run("invocations", "list", "--older-than", "soon")
    assert (result.exit_code, "--older-than: 'soon' is not a duration" in result.stderr) == (2, True)


def test_an_empty_list(shell: Shell) -> None:
    """Where there is nothing, stdout is empty and a note says so."""
    result = shell.run("invocations", "list", "--key", "nobody")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are no such invocations.\n")


def test_many_by_ids(shell: Shell) -> None:
    """Several ids are operated together; one that is refused is named, and makes the exit code 1."""
    first, second = naps(shell, "by-ids", 2)
    result = shell.run("invocations", "kill", first, second)
    assert (result.exit_code, result.output) == (0, "2 invocations ended.\n")
    (third,) = naps(shell, "by-ids-again")
    result = shell.run("invocations", "kill", first, third)
    assert (result.exit_code, result.stdout) == (1, "1 invocation ended.\n")
    assert result.stderr.startswith(f"{first} was not: it had completed already")


def test_many_by_filters(shell: Shell) -> None:
    """Filters speak of those to whom an operation applies, and only when somebody has said that they are meant."""
    sent = naps(shell, "by-filters", 3)
    filters = ("--handler", "nap", "--newer-than", "1h")
    result = shell.run("invocations", "pause", *filters)
    assert result.exit_code == 2
    assert "of Echo/nap. Go on? Nobody is here to answer: say --yes if that is meant." in result.stderr
    assert all(shell.become(each, "suspended") for each in sent)
    paused = shell.json("invocations", "pause", *filters, "--yes")
    assert set(sent) <= set(paused["succeeded"])
    assert paused["failed"] == []
    # Nothing of what is paused is asked to pause again.
    assert shell.out("invocations", "pause", *filters, "--yes") == "0 invocations paused.\n"
    resumed = shell.json("invocations", "resume", *filters, "--status", "paused", "--yes")
    assert set(resumed["succeeded"]) == set(paused["succeeded"])
    killed = shell.json("invocations", "kill", *filters, "--yes")
    restarted = shell.json("invocations", "restart", *filters, "--yes", "--deployment", "latest")
    assert set(killed["succeeded"]) <= {each["old_invocation_id"] for each in restarted["succeeded"]}
    shell.json("invocations", "kill", *filters, "--yes")
    shell.json("invocations", "purge", "--journal", *filters, "--yes")
    shell.json("invocations", "purge", *filters, "--yes")
    assert shell.out("invocations", "list", "-q", *filters) == ""


def test_more_than_one_request_may_name(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than a page or a batch goes page by page and batch by batch, and none is left out."""
    monkeypatch.setattr("holdfast_cli.invocations.filters.PAGE_MAX", 2)
    monkeypatch.setattr("holdfast_cli.invocations.batches._CHUNK", 2)
    sent = naps(shell, "pages", 5)
    killed = shell.json("invocations", "kill", "--handler", "nap", "--yes")
    assert set(sent) <= set(killed["succeeded"])


def test_what_is_rare(capsys: pytest.CaptureFixture[str]) -> None:
    """A store that has to look at much and finds little is not asked for ever, and somebody is told."""

    class Vast:
        asked = 0

        def request(self, *_: str, query: dict[str, str]) -> dict[str, Any]:
            self.asked += 1
            return {"invocations": [], "is_whole": True, "next": f"{self.asked}.x"}

    vast = Vast()
    assert not any(pages(vast, {}, count_max=10))  # type: ignore[arg-type]
    assert vast.asked == 100
    assert "Older ones were not looked at" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "is_killed"), [("n\n", False), ("y\n", True)])
def test_asking(shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, is_killed: bool) -> None:
    """Somebody who is there is told how many of what it would be, and asked."""
    monkeypatch.setattr("holdfast_cli.asking.somebody_is_there", lambda: True)
    sent = shell.sent("Gate/asked/wait")
    shell.become(sent, "suspended")
    result = shell.run("invocations", "kill", "--key", "asked", stdin=answer)
    assert "Killing 1 invocation: 1 of Gate/wait. Go on?" in result.stderr
    assert result.exit_code == (0 if is_killed else 1)
    shell.become(sent, "completed" if is_killed else "suspended")
    shell.run("invocations", "kill", sent)


def test_progress(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who watches is told what goes on; results stay on stdout."""
    monkeypatch.setattr("holdfast_cli.invocations.batches.somebody_is_watching", lambda: True)
    monkeypatch.setattr("holdfast_cli.invocations.batches._CHUNK", 1)
    result = shell.run("invocations", "kill", *naps(shell, "progress", 2))
    assert (result.stdout, "Killing" in result.stderr) == ("2 invocations ended.\n", True)


@pytest.mark.parametrize(
    "arguments", [("cancel",), ("cancel", "inv_1", "--service", "Echo"), ("restart", "a", "b", "--from", "1")]
)
def test_which_is_said_once(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Neither ids nor filters, both, or an entry of several journals: a usage problem, before anything is asked."""
    result = shell.run("invocations", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")


def test_a_server_that_is_lost_midway(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a batch fails, what was done before it is said."""
    monkeypatch.setattr("holdfast_cli.invocations.batches._CHUNK", 1)
    (nap,) = naps(shell, "midway")
    result = shell.run("invocations", "kill", nap, "no-id")
    assert result.exit_code == 1
    assert "At least 1 were ended before that." in result.stderr


def test_tail(shell: Shell) -> None:
    """Following tells each entry once, where it stands, and how it ended; a failure is exit code 1."""
    sent = shell.sent("Echo/fail", "418")
    result = shell.run("invocations", "tail", sent)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert [line.split()[1] for line in lines] == ["entry", "entry", "status", "outcome"]
    assert lines[-1].endswith("failure: [418] as asked")
    told = [json.loads(line) for line in shell.run("invocations", "tail", sent, "--json").output.splitlines()]
    assert [each["what"] for each in told] == ["entry", "entry", "status", "outcome"]
    assert told[-1]["outcome"]["failure"] == {"code": 418, "message": "as asked"}


def test_tail_until_it_ends(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed while it waits, and no longer than until its end."""
    sent = shell.sent("Gate/tailed/wait")
    shell.become(sent, "suspended")
    looks = 0

    def look_again(_pause_s: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            shell.out("invocations", "cancel", sent)
            shell.become(sent, "completed")

    monkeypatch.setattr("holdfast_cli.invocations.tailing.sleep", look_again)
    result = shell.run("invocations", "tail", sent)
    assert looks == 2
    assert "suspended: waits for awakeable sign_" in result.output
    assert "failure: [409]" in result.output.splitlines()[-1]


def test_tail_of_a_server_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer for a while is asked again; one that stays away is not asked for ever."""
    pauses: list[float] = []
    monkeypatch.setattr("holdfast_cli.invocations.tailing.sleep", pauses.append)
    shown = {"status": "running", "attempts": 1, "modified_at": "2026-01-01T00:00:00Z", "journal": []}

    class Absent:
        def __init__(self, answers: list[str | None]) -> None:
            self.answers = answers

        def request(self, *_: str) -> dict[str, Any]:
            if not self.answers or (status := self.answers.pop(0)) is None:
                raise ServerUnreachable("gone")
            return {**shown, "status": status}

    back = Absent(["running", None, None, "completed"])
    looks = [look["status"] for look, _ in follow(back, "inv_1")]  # type: ignore[arg-type]
    assert looks == ["running", "completed"]
    with pytest.raises(ServerUnreachable):
        list(follow(Absent(["running"]), "inv_1"))  # type: ignore[arg-type]
    assert len(pauses) < 50


def test_tail_slows_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing happens it is looked at ever less often, within a bound, and often again when something does."""
    pauses: list[float] = []
    monkeypatch.setattr("holdfast_cli.invocations.tailing.sleep", pauses.append)
    statuses = ["suspended"] * 8 + ["running", "completed"]

    class Slow:
        def request(self, *_: str) -> dict[str, Any]:
            return {"status": statuses.pop(0), "attempts": 1, "modified_at": "", "journal": []}

    list(follow(Slow(), "inv_1"))  # type: ignore[arg-type]
    assert pauses == sorted(pauses[:8]) + pauses[:1]
    assert len(set(pauses)) < len(pauses) - 1


def test_describing_at_length(shell: Shell) -> None:
    """Values are cut to a line, unless they are wanted whole."""
    sent = shell.sent("SignupFlow/at-length/run", json.dumps("x" * 300))
    assert "x" * 100 not in shell.out("invocations", "describe", sent)
    assert "x" * 300 in shell.out("invocations", "describe", sent, "--whole")
