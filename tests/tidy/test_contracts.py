"""The rules that a linter holds cannot be switched off without a reason."""

from __future__ import annotations

import re
import tomllib

from tests.support.tree import ROOT, python_files, shown

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = {path.parent.name for path in ROOT.glob("*/holdfast*/__init__.py")}
# The constructs run where people deploy, and import nothing of ours but the check of settings: no contract names them.
UNDER_CONTRACT = SHIPPED - {"holdfast_cdk"}

EXEMPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)")
REASONED = re.compile(r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w, -]+\])\W+[A-Za-z`]")


def test_every_package_is_under_contract() -> None:
    """Import contracts and the wheel name every package there is, so that a new one cannot slip past them."""
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == UNDER_CONTRACT
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {path.rsplit("/")[-1] for path in wheel} == SHIPPED


def test_every_exemption_has_a_reason() -> None:
    """A `noqa` or `type: ignore` names its rule and is followed by a reason, or the line above gives one."""
    bad = []
    for path in python_files():
        if ROOT / "tests" in path.parents:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if not EXEMPTION.search(line) or REASONED.search(line):
                continue
            if number == 0 or not lines[number - 1].lstrip().startswith("#"):
                bad.append(f"{shown(path)}:{number + 1}")
    assert not bad


def test_every_ignored_rule_has_a_reason() -> None:
    """Each entry of ruff's ignore list is followed by a comment."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("\nignore = [\n")[1].split("\n]")[0]
    assert all(re.search(r'"[A-Z]+\d+",\s+# \S', line) for line in block.splitlines())
