"""The ingress' input rules for submissions that come another way than by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.ingress.input_rules import check_input
from holdfast_http.ingress.schemas import Schemas
from holdfast_http.messages import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast_engine.registry import HandlerSpec


class InputCheck:
    """Holds an input against what the handler declared."""

    def __init__(self) -> None:
        self._schemas = Schemas()

    def __call__(self, handler: HandlerSpec, *, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Check an input.

        Raises:
            BadPayload: It does not fit; the message is one sentence that says what would.
        """
        request = Request(method="POST", path="", query="", headers=tuple(headers), body=body)
        check_input(request, handler, self._schemas)
