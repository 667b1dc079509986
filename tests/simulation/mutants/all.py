"""All mutants, and by which seed each was found last."""

from __future__ import annotations

import json
from pathlib import Path

from tests.simulation.mutants import flows, journals, keys, limits, lives

MUTANTS = (*journals.MUTANTS, *keys.MUTANTS, *flows.MUTANTS, *limits.MUTANTS, *lives.MUTANTS)

# From seed 0 on most are found within a handful and all within this many, which would take minutes: the seeds by which
# they were found last are tried first. `python -m tests.simulation --mutants` hunts for all of them anew.
SEEDS_MAX = 250

KEPT = Path(__file__).parent / "kept.json"

SEED_BY_MUTANT: dict[str, int] = json.loads(KEPT.read_text(encoding="utf-8"))
