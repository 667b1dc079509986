"""All mutants."""

from __future__ import annotations

from tests.simulation.mutants import flows, journals, keys

MUTANTS = (*journals.MUTANTS, *keys.MUTANTS, *flows.MUTANTS)
