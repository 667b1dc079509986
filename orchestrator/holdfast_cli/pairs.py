"""Names with values, as options give them: `name=value`, and headers as `name: value`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from holdfast_cli.problems import UsageProblem

# What HTTP calls a token.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def named_values(texts: Iterable[str], *, option: str) -> dict[str, str]:
    """Return what follows the names in `name=value`.

    Raises:
        UsageProblem: One is not written so.
    """
    values = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise UsageProblem(f"{option} takes NAME=VALUE, not {text!r}.")
        values[name] = value
    return values


def headers_of(texts: Iterable[str]) -> dict[str, str]:
    """Return headers by their names in lower case.

    Raises:
        UsageProblem: One is not written as `name: value`, or cannot be sent.
    """
    headers = {}
    for text in texts:
        name, sign, value = text.partition(":")
        value = value.strip()
        # A line's end would make two headers of one.
        if not sign or not _HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise UsageProblem(f"--header takes 'name: value' in plain characters, not {text!r}.")
        headers[name.lower()] = value
    return headers
