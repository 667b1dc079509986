"""The scenarios that failed once."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

KEPT = sorted(FOLDER.glob("*.json"))
