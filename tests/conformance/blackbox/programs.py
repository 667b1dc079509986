"""The words that cases write programs with: one function per operation of the interpreter, each giving its JSON."""

from __future__ import annotations

from typing import Any

Op = dict[str, Any]
Program = list[Op]


def _op(do: str, **fields: Any) -> Op:
    return {"do": do, **{name: value for name, value in fields.items() if value is not None}}


# Futures: each may stand alone, which awaits it, or among others in `all_of`, `first_of` and `in_turn`.


def run(
    name: str,
    value: Any = None,
    *,
    fails: int | None = None,
    pauses: int | None = None,
    terminal: str | None = None,
    pause_ms: int | None = None,
    max_attempts: int | None = None,
    max_duration_ms: int | None = None,
    interval_ms: int | None = None,
) -> Op:
    """Execute a step that gives `value`; it fails the first `fails` times, or for good with the message `terminal`.

    The first `pauses` times it asks for its invocation to be paused, which only Node's SDK has a word for.
    """
    return _op(
        "run",
        name=name,
        fails=fails,
        pauses=pauses,
        terminal=terminal,
        pause_ms=pause_ms,
        max_attempts=max_attempts,
        max_duration_ms=max_duration_ms,
        interval_ms=interval_ms,
    ) | {"value": value}


def sleep(ms: int) -> Op:
    """Sleep durably."""
    return _op("sleep", ms=ms)


def call(service: str, handler: str, arg: Any, *, key: str | None = None, **options: Any) -> Op:
    """Call a handler and give what it returned; options: idempotency_key, headers."""
    return _op("call", service=service, handler=handler, key=key, **options) | {"arg": arg}


def awakeable(name: str) -> Op:
    """Make an awakeable, note its id as `awakeable <name> <id>`, and give what it is resolved with."""
    return _op("awakeable", name=name)


def signal(name: str) -> Op:
    """Give the next signal of that name."""
    return _op("signal", name=name)


def promise(name: str) -> Op:
    """Give what a workflow's promise is resolved with."""
    return _op("promise", name=name)


def attach(invocation_id: str) -> Op:
    """Give another invocation's result."""
    return _op("attach", id=invocation_id)


def all_of(*futures: Op) -> Op:
    """Await all, and give each as `["ok", value]` or `["failed", code, message]`."""
    return _op("all", of=list(futures))


def first_of(*futures: Op) -> Op:
    """Await the first, and give its index and value."""
    return _op("first", of=list(futures))


def in_turn(*futures: Op) -> Op:
    """Give the values in the order in which they came."""
    return _op("in_turn", of=list(futures))


# State.


def get(name: str) -> Op:
    """Give a value, None when there is none."""
    return _op("get", name=name)


def put(name: str, value: Any) -> Op:
    """Set a value."""
    return _op("set", name=name) | {"value": value}


def clear(name: str) -> Op:
    """Clear a value."""
    return _op("clear", name=name)


def clear_all() -> Op:
    """Clear all values."""
    return _op("clear_all")


def keys() -> Op:
    """Give the names that have values, sorted."""
    return _op("keys")


def add(name: str, amount: int) -> Op:
    """Add to a number, and give the sum."""
    return _op("add", name=name, amount=amount)


# Towards others.


def call_known(name: str, service: str, handler: str, arg: Any, *, key: str | None = None, **options: Any) -> Op:
    """Call a handler, and note its invocation as `child <name> <id>` before waiting."""
    return _op("call_known", name=name, service=service, handler=handler, key=key, **options) | {"arg": arg}


def send(
    service: str, handler: str, arg: Any, *, key: str | None = None, delay_ms: int | None = None, **options: Any
) -> Op:
    """Send to a handler, and give the invocation's id."""
    return _op("send", service=service, handler=handler, key=key, delay_ms=delay_ms, **options) | {"arg": arg}


def resolve(awakeable_id: str, value: Any) -> Op:
    """Resolve an awakeable."""
    return _op("resolve", id=awakeable_id) | {"value": value}


def reject(awakeable_id: str, message: str, code: int = 500) -> Op:
    """Reject an awakeable."""
    return _op("reject", id=awakeable_id, message=message, code=code)


def resolve_signal(invocation_id: str, name: str, value: Any) -> Op:
    """Send an invocation a signal."""
    return _op("resolve_signal", id=invocation_id, name=name) | {"value": value}


def reject_signal(invocation_id: str, name: str, message: str, code: int = 500) -> Op:
    """Send an invocation a signal that fails who awaits it."""
    return _op("reject_signal", id=invocation_id, name=name, message=message, code=code)


def cancel(invocation_id: str) -> Op:
    """Cancel an invocation."""
    return _op("cancel", id=invocation_id)


def peek(name: str) -> Op:
    """Give what a promise was resolved with, None when it was not."""
    return _op("peek", name=name)


def keep(name: str, value: Any) -> Op:
    """Resolve a promise."""
    return _op("keep", name=name) | {"value": value}


def break_promise(name: str, message: str, code: int = 500) -> Op:
    """Reject a promise."""
    return _op("break", name=name, message=message, code=code)


# The invocation itself.


def about() -> Op:
    """Give the invocation's id, key, and headers."""
    return _op("about")


def dice() -> Op:
    """Give a UUID, a random number, and the time."""
    return _op("dice")


def note(text: str) -> Op:
    """Note a line, in every attempt that comes by."""
    return _op("note", text=text)


def fail(message: str, code: int = 500, metadata: dict[str, str] | None = None) -> Op:
    """Fail for good."""
    return _op("fail", message=message, code=code, metadata=metadata)


def crash(name: str, times: int = 1_000_000) -> Op:
    """Fail the first few attempts that come by, noting `crashed <name>`."""
    return _op("crash", name=name, times=times)


def exit_process(name: str, times: int = 1) -> Op:
    """End the process that the handler runs in, the first few times."""
    return _op("exit", name=name, times=times)


def pause(ms: int) -> Op:
    """Take a while without saying so to the orchestrator."""
    return _op("pause", ms=ms)


def attempt(*body: Op) -> Op:
    """Give `{"ok": [...]}`, or `{"failed": [code, message]}` when something in the body fails for good."""
    return _op("attempt", body=list(body))
