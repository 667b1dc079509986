"""One word per concept, no loose ends, and nothing that ties the repository to one machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.tree import ROOT, parsed, python_files, shown, source_files

# Synonyms that the glossary rules out and that have no second meaning here. Words such as `record` or `run` do have
# one, so people must watch those.
FORBIDDEN_IN_NAMES = {
    "activity": "handler",
    "actor": "virtual object",
    "backlog": "inbox",
    "dal": "port",
    "mailbox": "inbox",
    "nondeterminism": "journal mismatch",
    "rehydrate": "replay",
    "rehydration": "replay",
}

LOOSE_ENDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BANNER = re.compile(r"^\s*#\s*[-=#*~]{4,}", re.MULTILINE)
# A path of somebody's machine, or the host of a package registry: the reader has neither.
MACHINE = re.compile(
    r"(?<![\w.])/(?:home|Users|root|work)/\w|bash_jobs|registry\.npmjs|npmjs\.org|pypi\.org|pythonhosted\.org"
)
THIS_FILE = Path(__file__).resolve()


def _texts() -> list[tuple[Path, str]]:
    files = source_files(".py", ".md", ".toml", ".proto", ".json", ".yml", ".yaml", "")
    return [(path, path.read_text(encoding="utf-8")) for path in files if path.resolve() != THIS_FILE]


def test_names_use_the_words_of_the_house() -> None:
    """No class, function, argument or attribute is named by a synonym that the glossary rules out."""
    bad = []
    for path in python_files():
        if ROOT / "tests" in path.parents:
            continue
        for line, name in _defined_names(parsed(path)):
            for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name):
                if meant := FORBIDDEN_IN_NAMES.get(word.lower()):
                    bad.append(f"{shown(path)}:{line} {name}: say {meant}")
    assert not bad


def _defined_names(tree: ast.Module) -> list[tuple[int, str]]:
    names = []
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names.append((node.lineno, node.name))
            case ast.arg():
                names.append((node.lineno, node.arg))
            case ast.Name(ctx=ast.Store()):
                names.append((node.lineno, node.id))
            case ast.Attribute(ctx=ast.Store()):
                names.append((node.lineno, node.attr))
    return names


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param(LOOSE_ENDS, "finish it, or open an issue and name it", id="loose-ends"),
        pytest.param(MACHINE, "the reader has another machine", id="machine-paths-and-registry-hosts"),
    ],
)
def test_no_file_holds(pattern: re.Pattern[str], why: str) -> None:
    """No file has a loose end, a path of one machine or the host of a package registry."""
    bad = [f"{shown(path)}: {found.group()!r}" for path, text in _texts() if (found := pattern.search(text))]
    assert not bad, why


def test_no_banner_comments() -> None:
    """No comment is a line drawn across the page."""
    bad = [shown(path) for path in python_files() if path != THIS_FILE and BANNER.search(path.read_text())]
    assert not bad
