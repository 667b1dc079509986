"""Every error code that appears in the sources is listed, with its meaning, in the one table of codes."""

from __future__ import annotations

import re

from holdfast_protocol.codes import HoldfastCode, RestateCode
from tests.support.tree import ROOT, python_files, shown

# A quoted literal and nothing else: prose may mention a family of codes.
_CODE = re.compile(r"""["']((?:HF-|RT|META)\d{4})["']""")
_LISTED = {*HoldfastCode, *RestateCode}


def test_every_code_in_the_sources_is_listed() -> None:
    """A code that code raises or sends has its line in holdfast_protocol/codes.py."""
    unlisted = [
        f"{shown(path)}: {code}"
        for path in python_files()
        if ROOT / "tests" not in path.parents
        for code in _CODE.findall(path.read_text(encoding="utf-8"))
        if code not in _LISTED
    ]
    assert not unlisted
