"""The codes: each listed once, each explained in one line."""

from __future__ import annotations

import re
from enum import Enum

import pytest

from holdfast_protocol.codes import FailureCode, HoldfastCode, RestateCode


@pytest.mark.parametrize("table", [FailureCode, RestateCode, HoldfastCode])
def test_every_code_is_listed_once_and_explained(table: type[Enum]) -> None:
    """No value has two names, and each has a meaning that is one short sentence."""
    members = table.__members__
    assert len(set(members.values())) == len(members), "an alias hides a second listing"
    for member in table:
        meaning = getattr(member, "meaning")  # noqa: B009 - the tables share no type that has it
        assert re.fullmatch(r"[A-Z][^\n]{10,110}\.", meaning), member


def test_failure_codes_are_plain_numbers() -> None:
    """A failure code goes into a message field and compares as the number it is."""
    assert int(FailureCode.JOURNAL_MISMATCH) == 570
    assert FailureCode(409) is FailureCode.CONFLICT
    assert {int(code) for code in FailureCode} >= {400, 404, 409, 410, 415, 470, 500, 570, 571, 572, 573, 598, 599}


def test_ids_are_plain_strings() -> None:
    """An id is the text it stands for, in logs and in JSON."""
    assert f"{HoldfastCode.UNKNOWN_TARGET}" == "HF-0404"
    assert RestateCode("RT0016").meaning == FailureCode.JOURNAL_MISMATCH.meaning


def test_ids_have_one_shape() -> None:
    """Our ids are HF- and four digits; Restate's are RT or META and four digits."""
    assert all(re.fullmatch(r"HF-\d{4}", code) for code in HoldfastCode)
    assert all(re.fullmatch(r"(RT|META)\d{4}", code) for code in RestateCode)
