"""Names of services and handlers: which ones the protocol allows, and why a name is refused."""

from __future__ import annotations

import re

from holdfast_protocol.errors import excerpt

_SERVICE_NAME = re.compile(r"([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]*")
_HANDLER_NAME = re.compile(r"([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*")

# Both stand at the front of ingress paths, so a service of that name could not be reached.
_RESERVED_PREFIX = "restate"
_RESERVED_NAMES = frozenset({"openapi"})


def service_name_problem(name: str) -> str | None:
    """Return what is wrong with a service name, as a sentence; None when nothing is."""
    if not _SERVICE_NAME.fullmatch(name):
        return (
            f"{excerpt(name)} is not a service name: use ASCII letters, digits, '.', '_' and '-',"
            " starting with a letter, or with '_' and a letter or digit"
        )
    if name.lower().startswith(_RESERVED_PREFIX):
        return f"{excerpt(name)} is reserved: a service name must not start with '{_RESERVED_PREFIX}'"
    if name in _RESERVED_NAMES:
        return f"{excerpt(name)} is reserved: choose another service name"
    return None


def handler_name_problem(name: str) -> str | None:
    """Return what is wrong with a handler name, as a sentence; None when nothing is."""
    if not _HANDLER_NAME.fullmatch(name):
        return (
            f"{excerpt(name)} is not a handler name: use ASCII letters, digits and '_',"
            " starting with a letter, or with '_' and a letter or digit"
        )
    return None
