"""What the documents say is true: commands exist, links lead somewhere, printed parts are fresh."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from holdfast_protocol.codes import HoldfastCode
from tests.support.printed import README, printed_anew
from tests.support.tree import ROOT, shown, source_files

DOCUMENTS = sorted(source_files(".md"))


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands(path: Path) -> list[list[str]]:
    lines = "\n".join(_blocks(path, "console")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_commands_exist(path: Path) -> None:
    """Every command in a console block is one of make's targets, ours, or a tool that everybody has."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for words in _commands(path):
        program = words[0].removeprefix(".venv/bin/")
        if program == "make":
            assert words[1] in targets, f"{shown(path)}: {words}"
        elif program == "holdfast":
            _check_holdfast(words[1:])
        else:
            # Or a variable for the lines below.
            assert program in {"curl", "git", "cd", "python"} or "=" in program, f"{shown(path)}: {words}"


def _check_holdfast(words: list[str]) -> None:
    from holdfast_cli.main import main

    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no `holdfast ... {words[0]}`"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in known | {"--help"}, f"`holdfast {command.name}` has no {word}"


def test_every_command_is_in_the_readme() -> None:
    """A subcommand that the README does not show has been forgotten there."""
    from holdfast_cli.main import main

    shown_commands = {" ".join(words[1:3]) for words in _commands(README) if words[0].endswith("holdfast")}
    for name, command in main.commands.items():
        assert any(each.split(" ")[0] == name for each in shown_commands), f"the README does not show `holdfast {name}`"
        assert command.help, f"`holdfast {name}` has no help text"


def test_every_command_is_in_the_docs() -> None:
    """Each command, those of groups included, is shown where the command line is explained."""
    from holdfast_cli.main import main

    shown_words = [words[1:] for words in _commands(ROOT / "docs" / "cli.md") if words[0] == "holdfast"]
    for name, command in main.commands.items():
        paths = [[name, each] for each in command.commands] if isinstance(command, click.Group) else [[name]]
        # What starts everything is the first thing that the README explains.
        missing = [
            path for path in paths if path != ["dev"] and not any(each[: len(path)] == path for each in shown_words)
        ]
        assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that exists and a heading that is in it."""
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{shown(path)}: {target}"
        assert not anchor or anchor in _anchors(found), f"{shown(path)}: {target}"


def test_the_picture_of_the_lifecycle_is_fresh() -> None:
    """The README's diagram is what the lifecycle table prints today."""
    text = README.read_text(encoding="utf-8")
    assert printed_anew(text) == text, "run `python -m tests.support.printed`"


def test_every_code_is_explained() -> None:
    """Each of our codes has an entry that opens with its meaning, and no entry lacks a code."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^## (HF-\d{4})\n\n(.*?)$", text, re.MULTILINE))
    assert entries == {code.value: code.meaning for code in HoldfastCode}


def test_every_target_of_make_explains_itself() -> None:
    """`make help` lists every target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    printed = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    assert phony == set(re.findall(r"^  make (\S+)", printed, re.MULTILINE))


def test_every_package_says_what_belongs_there() -> None:
    """Each package, the examples and the tests have a README: their own, or that of the folder they are alone in."""
    packages = [path.parent for path in ROOT.glob("*/holdfast*/__init__.py")]
    missing = [shown(path) for path in [*packages, ROOT / "sdk/examples", ROOT / "tests"] if not _has_readme(path)]
    assert not missing


def _has_readme(folder: Path) -> bool:
    return (folder / "README.md").exists() or (folder.parent != ROOT and (folder.parent / "README.md").exists())
