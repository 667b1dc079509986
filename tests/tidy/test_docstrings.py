"""Every module says what belongs in it, and every test says what it claims."""

from __future__ import annotations

import ast

from tests.support.tree import parsed, python_files, shown


def test_every_module_opens_with_a_sentence() -> None:
    """The first thing in a file is one sentence that ends in a full stop."""
    bad = []
    for path in python_files():
        docstring = ast.get_docstring(parsed(path)) or ""
        first = docstring.split("\n\n")[0].strip()
        if not first.endswith((".", ":", "?")):
            bad.append(shown(path))
    assert not bad


def test_every_test_states_its_claim() -> None:
    """A test function carries a docstring, and it is one paragraph."""
    bad = []
    for path in python_files():
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                docstring = ast.get_docstring(node) or ""
                if not docstring or "\n\n" in docstring:
                    bad.append(f"{shown(path)}:{node.lineno} {node.name}")
    assert not bad
