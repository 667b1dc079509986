"""Scopes and limit keys: what they may look like, and the counters that one of them counts against."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Short enough to stand in keys of items and in paths; the official server has the same bound.
NAME_BYTES_MAX = 36
LIMIT_KEY_LEVELS_MAX = 2

_NAME = re.compile(r"[a-zA-Z0-9_.-]+")


def scoping_problem(scope: str | None, limit_key: str | None) -> str | None:
    """Return what is wrong with the scope and the limit key of a call, as a sentence; None when nothing is."""
    if scope is not None and (problem := name_problem(scope)) is not None:
        return f"bad scope: {problem}"
    if limit_key is None:
        return None
    if scope is None:
        return "a limit key needs a scope"
    levels = limit_key.split("/")
    if len(levels) > LIMIT_KEY_LEVELS_MAX:
        return f"bad limit key: it has {len(levels)} levels, and at most {LIMIT_KEY_LEVELS_MAX} are allowed"
    problems = [problem for level in levels if (problem := name_problem(level)) is not None]
    return f"bad limit key: {problems[0]}" if problems else None


def name_problem(name: str) -> str | None:
    """Return why a text is no scope and no level of a limit key, as a clause; None when it is one."""
    if not name:
        return "it is empty"
    if len(name) > NAME_BYTES_MAX:
        return f"{name[:NAME_BYTES_MAX]!r}... has {len(name)} characters, and at most {NAME_BYTES_MAX} are allowed"
    if _NAME.fullmatch(name) is None:
        return f"{name!r} has characters other than letters, digits, '_', '.' and '-'"
    return None


def counters_of(limit_key: str | None) -> Iterator[str]:
    """Yield the counters of a scope that an invocation counts in, widest first: the scope's own is the empty text."""
    yield ""
    if limit_key is not None:
        levels = limit_key.split("/")
        for depth in range(1, len(levels) + 1):
            yield "/".join(levels[:depth])
