"""The trace context that a client's request brings: handed on to every attempt, and to the invocations they make."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_engine.records import Trace

# Version, trace, parent and flags, with room for what a later version may add.
_PARENT_CHARS_MAX = 128
# What the standard asks everybody to hand on.
_STATE_CHARS_MAX = 512


def trace_of(headers: Iterable[tuple[str, str]]) -> Trace | None:
    """Return the context that headers carry; None when there is none that could be one."""
    said = {name.lower(): value for name, value in headers if name.lower() in ("traceparent", "tracestate")}
    parent, state = said.get("traceparent", ""), said.get("tracestate", "")
    if not parent.isascii() or not 0 < len(parent) <= _PARENT_CHARS_MAX:
        return None
    is_usable = state.isascii() and len(state) <= _STATE_CHARS_MAX
    return Trace(parent=parent, state=state if is_usable else "")


def trace_headers(trace: Trace | None) -> dict[str, str]:
    """Return the headers that carry a context."""
    if trace is None:
        return {}
    return {"traceparent": trace.parent} | ({"tracestate": trace.state} if trace.state else {})
