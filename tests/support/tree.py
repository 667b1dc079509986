"""The files of this repository, as the tests that look at the house itself see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FOLDERS = ("sdk", "orchestrator", "lambdas", "cdk", "localstack", "tests", "docs", ".ci")
_ROOT_FILES = ("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".gitignore")
_NOT_OURS = frozenset({"cdk.out", "node_modules", "__pycache__", ".hypothesis"})


def source_files(*suffixes: str) -> Iterator[Path]:
    """Yield every file of ours with one of the suffixes, or every file when none is given."""
    for name in _ROOT_FILES:
        if (path := ROOT / name).exists() and (not suffixes or path.suffix in suffixes):
            yield path
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and _NOT_OURS.isdisjoint(path.parts) and (not suffixes or path.suffix in suffixes):
                yield path


def python_files() -> list[Path]:
    """Return every Python file that a person wrote."""
    return [path for path in source_files(".py") if not path.name.endswith("_pb2.py")]


def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """Return a path as an error message should show it."""
    return str(path.relative_to(ROOT))
