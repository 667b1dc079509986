"""What `make up` says when something is missing: one sentence, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localstack.tools import NotInstalled, installed, node_problem, npm_installed


def _programs(folder: Path, **says: str) -> str:
    for name, text in says.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {text}\n")
        program.chmod(0o755)
    return str(folder)


def test_no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Node nothing is tried, and the sentence names the version that is needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        NotInstalled, match=r"^The CDK's command needs Node 20 or newer with its npm, and there is none"
    ):
        npm_installed(tmp_path, "the CDK's command")


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("v18.19.0", "needs Node 20 or newer, and this is v18.19.0"),
        ("", "needs Node 20 or newer, and this is none that answers"),
        ("v20.0.0", None),
        ("v24.1.0", None),
    ],
)
def test_the_version_of_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, problem: str | None
) -> None:
    """A Node that is too old is told from one that will do."""
    monkeypatch.setenv("PATH", _programs(tmp_path, node=version, npm="10.0.0"))
    assert node_problem() == problem


def test_what_fails_to_install_is_quoted() -> None:
    """The sentence ends with what the tool said."""
    complains = "import sys; print('no route to the registry', file=sys.stderr); sys.exit(3)"
    with pytest.raises(NotInstalled, match=r"(?s)^pip could not install .*no route to the registry$"):
        installed("pip", [sys.executable, "-c", complains])
