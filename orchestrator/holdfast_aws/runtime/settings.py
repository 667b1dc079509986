"""The settings of Holdfast's functions: read once per process, from the environment that the CDK construct writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Literal

PREFIX = "HOLDFAST_"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What a function is told; `HOLDFAST_JOURNAL_TABLE` sets `journal_table`, and so on.

    `lease_s`: how long the work of a process that died silently stays untouched.
    `visibility_s`: how long its messages do; beaten on while it lives, every third of it.
    `registry_s`: how old a look at the registry may be.
    `children_max`: how many invocations that it creates a dispatcher runs by itself at a time; an ingress runs none.
    `spare_days`: how long an unfinished journal is safe though the sweeper does not run; see `lifetimes.py`.
    `margin_s`: what is kept free of a function's time, for what has to be stored when it is over.
    `identity_secret_arn`: the secret with the private key that signs requests to endpoints behind a URL.
    """

    journal_table: str
    keys_table: str
    timers_table: str
    registry_table: str
    blobs_bucket: str
    wakeups_queue_url: str
    sends_dead_queue_url: str
    version: str = "0"
    ingress_url: str = ""
    identity_secret_arn: str = ""
    query_function: str = ""
    ingress_door: Literal["function-url", "http-api"] = "function-url"
    tracing: bool = False
    lease_s: float = 30
    visibility_s: int = 45
    registry_s: float = 5
    children_max: int = 10
    spare_days: int = 6
    margin_s: float = 10


REQUIRED = frozenset(each.name for each in fields(RuntimeSettings) if each.default is MISSING)
# Any text will do for these, so there is nothing about them to check.
_TEXTS = frozenset(each.name for each in fields(RuntimeSettings) if each.type == "str")


def plain(environment: Mapping[str, str]) -> RuntimeSettings | None:
    """Return the settings in an environment that gives all it has to, and nothing but texts; None for any other."""
    variables = {each.name: PREFIX + each.name.upper() for each in fields(RuntimeSettings)}
    given = {name: environment[variable] for name, variable in variables.items() if variable in environment}
    if given.keys() >= REQUIRED and given.keys() <= _TEXTS:
        return RuntimeSettings(**given)  # type: ignore[arg-type]  # texts, for fields that are texts
    return None


@cache
def settings() -> RuntimeSettings:
    """Return the settings of this process.

    Most installations give only names, in which there is nothing to check, and pydantic takes as long to import as all
    else that a function of ours loads: so it reads the environments that give a number, a choice or a flag.

    Raises:
        ValueError: A setting is missing or wrong; the message names each of them.
    """
    found = plain(os.environ)
    if found is None:
        from holdfast_aws.runtime.checked_settings import checked

        found = checked()
    return found
