"""What the handler functions of the ingress work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast_http.ingress.schemas import Schemas
from holdfast_http.waiting import WaitingRoom

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The engine and the little the ingress keeps itself."""

    engine: Engine
    waiting_room: WaitingRoom
    schemas: Schemas
    now_ms: Callable[[], int]
