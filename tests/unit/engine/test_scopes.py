"""What may be a scope and a limit key."""

from __future__ import annotations

import pytest

from holdfast_engine.scopes import counters_of, scoping_problem


@pytest.mark.parametrize(
    ("scope", "limit_key"),
    [(None, None), ("a", None), ("A_b.c-9", "x"), ("s" * 36, "l" * 36), ("s", "a/b")],
)
def test_good(scope: str | None, limit_key: str | None) -> None:
    """Letters, digits, '_', '.' and '-', up to 36 of them, and a limit key of up to two levels."""
    assert scoping_problem(scope, limit_key) is None


@pytest.mark.parametrize(
    ("scope", "limit_key", "word"),
    [
        (None, "a", "needs a scope"),
        ("", None, "empty"),
        ("a b", None, "characters other"),
        ("ä", None, "characters other"),
        ("a\n", None, "characters other"),
        ("s" * 37, None, "37 characters"),
        ("s", "", "empty"),
        ("s", "a/", "empty"),
        ("s", "a/b/c", "3 levels"),
        ("s", "a/b c", "characters other"),
    ],
)
def test_bad(scope: str | None, limit_key: str | None, word: str) -> None:
    """Everything else is refused with what is wrong with it."""
    problem = scoping_problem(scope, limit_key)
    assert problem is not None
    assert word in problem


@pytest.mark.parametrize(("limit_key", "counters"), [(None, [""]), ("a", ["", "a"]), ("a/b", ["", "a", "a/b"])])
def test_counters(limit_key: str | None, counters: list[str]) -> None:
    """An invocation counts in its scope and in each level of its limit key."""
    assert list(counters_of(limit_key)) == counters
