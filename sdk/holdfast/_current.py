"""What is current in this task or thread: the context of the attempt, and the step whose closure is executing."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast._context import Context

_context: ContextVar[Context | None] = ContextVar("holdfast_context", default=None)
_step: ContextVar[str | None] = ContextVar("holdfast_step", default=None)

set_context = _context.set
# Closures execute in a copy of the handler's context, so none of these is ever reset.
set_step = _step.set
executing_step = _step.get


def current_context() -> Context | None:
    """Return the context of the handler that is executing here, or None outside of one.

    Example:
        >>> import holdfast
        >>> holdfast.current_context() is None
        True
    """
    return _context.get()
