"""Parts of the README that are printed from code; `python -m tests.support.printed` prints them anew."""

from __future__ import annotations

from holdfast_engine.lifecycle import diagram
from tests.support.tree import ROOT

README = ROOT / "README.md"

_BEGIN = "<!-- printed from holdfast_engine/lifecycle.py by `python -m tests.support.printed` -->\n"
_END = "\n<!-- end -->"


def printed_anew(text: str) -> str:
    """Return the README's text with its printed part as the code has it now."""
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, f"the README has no printed part between {_BEGIN.strip()!r} and {_END.strip()!r}"
    return f"{before}{_BEGIN}```mermaid\n{diagram()}\n```{_END}{after}"


if __name__ == "__main__":
    README.write_text(printed_anew(README.read_text(encoding="utf-8")), encoding="utf-8")
