"""How a flow that creates an invocation hands it over to be run in this process."""

from __future__ import annotations

from collections.abc import Callable

from holdfast_engine.held import Held
from holdfast_engine.world import World

# Starts an attempt and returns at once. A type of its own, so that performing need not know attempts, which perform.
Run = Callable[[World, Held], None]
