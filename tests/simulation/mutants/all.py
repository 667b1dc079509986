"""All mutants, and by which seed each was found last."""

from __future__ import annotations

import json
from pathlib import Path

from tests.simulation.mutants import flows, journals, keys

MUTANTS = (*journals.MUTANTS, *keys.MUTANTS, *flows.MUTANTS)

KEPT = Path(__file__).parent / "kept.json"

SEED_BY_MUTANT: dict[str, int] = json.loads(KEPT.read_text(encoding="utf-8"))
