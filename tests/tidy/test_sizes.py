"""Files and functions stay small enough to hold in the head."""

from __future__ import annotations

import ast

from tests.support.tree import parsed, python_files, shown

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60


def test_no_file_is_longer_than_500_lines() -> None:
    """A file that outgrows 500 lines hides a noun that wants a module of its own."""
    long = {shown(path): count for path in python_files() if (count := _line_count(path.read_text())) > FILE_LINES_MAX}
    assert not long


def test_no_function_is_longer_than_60_lines() -> None:
    """A function that outgrows 60 lines does more than its name says."""
    long = {}
    for path in python_files():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{shown(path)}:{node.lineno} {node.name}"] = lines
    assert not long


def _line_count(text: str) -> int:
    return text.count("\n")
