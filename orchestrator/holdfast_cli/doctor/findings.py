"""What a check finds, and running checks so that one that cannot be made does not hold up the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import click


class Verdict(StrEnum):
    """How it is. A warning is for somebody to judge, a failure for somebody to mend."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and in one sentence how it is and what to do."""

    check: str
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check by its name; it may find several things, or nothing to speak of.

    Where a vital one fails, those behind it have nothing to look at.
    """

    name: str
    find: Callable[[], Iterable[tuple[Verdict, str]]]
    is_vital: bool = False


def findings_of(checks: Iterable[Check], *, foreign: tuple[type[Exception], ...] = ()) -> Iterator[Finding]:
    """Yield what the checks find; one that may not look is a warning, one that cannot is a failure.

    Args:
        checks: They are made one after the other.
        foreign: What a library raises for a request that was refused or did not arrive.
    """
    for check in checks:
        findings = list(_made(check, foreign))
        yield from findings
        if check.is_vital and any(each.verdict is Verdict.FAILURE for each in findings):
            return


def _made(check: Check, foreign: tuple[type[Exception], ...]) -> Iterator[Finding]:
    try:
        for verdict, sentence in check.find():
            yield Finding(check=check.name, verdict=verdict, sentence=sentence)
    except click.ClickException as error:
        yield Finding(check=check.name, verdict=Verdict.FAILURE, sentence=error.message)
    except foreign as error:
        yield _unable(check.name, error)


def _unable(name: str, error: Exception) -> Finding:
    response = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", ""))
    if any(word in code for word in ("AccessDenied", "Unauthorized", "Forbidden", "403")):
        sentence = f"You may not look: {error}"
        return Finding(check=name, verdict=Verdict.WARNING, sentence=sentence)
    return Finding(check=name, verdict=Verdict.FAILURE, sentence=f"AWS did not say: {error}")
