"""What the engine needs of the world, as Protocols; each has an embedded and an AWS implementation and one suite."""

from __future__ import annotations

from holdfast_engine.ports.invoker import (
    Answer,
    AttemptFailure,
    Converted,
    Converting,
    Discovery,
    Grant,
    GrantedCheckpoint,
    Invoker,
)
from holdfast_engine.ports.store import FENCED, Acquired, Change, Fenced, Keyed, Loaded, Store, Ticket
from holdfast_engine.ports.surroundings import Blobs, Clock, Dice
from holdfast_engine.ports.wakeups import Wakeups

__all__ = [
    "FENCED",
    "Acquired",
    "Answer",
    "AttemptFailure",
    "Blobs",
    "Change",
    "Clock",
    "Converted",
    "Converting",
    "Dice",
    "Discovery",
    "Fenced",
    "Grant",
    "GrantedCheckpoint",
    "Invoker",
    "Keyed",
    "Loaded",
    "Store",
    "Ticket",
    "Wakeups",
]
