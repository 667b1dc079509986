"""Plays a program of context operations, given as JSON, on the context of whatever handler got it.

The same for both Python SDKs: which one it is comes in as an argument. `player.mjs` is its twin in JavaScript, and
`programs.py` is what cases write programs with.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from typing import Any

from tests.conformance.blackbox.handlers.world import note, noted

Op = dict[str, Any]


class Interpreter:
    """One program's run on one context."""

    def __init__(self, sdk: Any, ctx: Any) -> None:
        self._sdk = sdk
        self._ctx = ctx

    async def play(self, program: list[Op]) -> list[Any]:
        """Return what each operation returned."""
        return [await self._step(op) for op in program]

    async def _step(self, op: Op) -> Any:
        step = getattr(self, f"_do_{op['do']}", None)
        return await (self._future(op) if step is None else step(op))

    def _future(self, op: Op) -> Any:
        return getattr(self, f"_future_{op['do']}")(op)

    # Futures: what can be awaited alone or with others.

    def _future_run(self, op: Op) -> Any:
        options: dict[str, Any] = {"max_attempts": op.get("max_attempts")}
        if "interval_ms" in op:
            options["initial_retry_interval"] = options["max_retry_interval"] = _ms(op["interval_ms"])
        if "max_duration_ms" in op:
            options["max_duration"] = _ms(op["max_duration_ms"])
        return self._ctx.run_typed(op["name"], self._execute, self._sdk.RunOptions(**options), op)

    async def _execute(self, op: Op) -> Any:
        mark = f"ran {op['name']}"
        times = noted(mark)
        note(mark)
        await asyncio.sleep(op.get("pause_ms", 0) / 1000)
        if "terminal" in op:
            raise self._sdk.TerminalError(op["terminal"], status_code=418)
        if times < op.get("fails", 0):
            raise RuntimeError(f"{op['name']} failed the {times + 1}. time")
        return op.get("value")

    def _future_sleep(self, op: Op) -> Any:
        return self._ctx.sleep(_ms(op["ms"]))

    def _future_call(self, op: Op) -> Any:
        return _Json(self._ctx.generic_call(*_target(op), **_call_options(op)))

    def _future_awakeable(self, op: Op) -> Any:
        awakeable_id, future = self._ctx.awakeable()
        note(f"awakeable {op['name']} {awakeable_id}")
        return future

    def _future_signal(self, op: Op) -> Any:
        return self._ctx.signal(op["name"])

    def _future_promise(self, op: Op) -> Any:
        return self._ctx.promise(op["name"]).value()

    def _future_attach(self, op: Op) -> Any:
        return self._ctx.attach_invocation(op["id"])

    # Several futures at once.

    async def _do_all(self, op: Op) -> list[Any]:
        futures = [self._future(each) for each in op["of"]]
        await self._sdk.gather(*map(_durable, futures))
        return [await self._settled(future) for future in futures]

    async def _settled(self, future: Any) -> list[Any]:
        try:
            return ["ok", await future]
        except self._sdk.TerminalError as error:
            return ["failed", error.status_code, error.message]

    async def _do_first(self, op: Op) -> list[Any]:
        futures = [self._future(each) for each in op["of"]]
        name, _ = await self._sdk.select(**{f"f{index}": _durable(each) for index, each in enumerate(futures)})
        index = int(name[1:])
        return [index, await futures[index]]

    async def _do_in_turn(self, op: Op) -> list[Any]:
        awaited = {_durable(future): future for future in (self._future(each) for each in op["of"])}
        return [await awaited[future] async for future in self._sdk.as_completed(*awaited)]

    # State.

    async def _do_get(self, op: Op) -> Any:
        return await self._ctx.get(op["name"])

    async def _do_set(self, op: Op) -> None:
        self._ctx.set(op["name"], op["value"])

    async def _do_clear(self, op: Op) -> None:
        self._ctx.clear(op["name"])

    async def _do_clear_all(self, op: Op) -> None:
        self._ctx.clear_all()

    async def _do_keys(self, op: Op) -> list[str]:
        return sorted(await self._ctx.state_keys())

    async def _do_add(self, op: Op) -> int:
        total = int(await self._ctx.get(op["name"]) or 0) + int(op["amount"])
        self._ctx.set(op["name"], total)
        return total

    # Others.

    async def _do_call_known(self, op: Op) -> Any:
        call = self._ctx.generic_call(*_target(op), **_call_options(op))
        note(f"child {op['name']} {await call.invocation_id()}")
        return json.loads(await call)

    async def _do_send(self, op: Op) -> str:
        delay = _ms(op["delay_ms"]) if "delay_ms" in op else None
        handle = self._ctx.generic_send(*_target(op), send_delay=delay, **_call_options(op))
        return str(await handle.invocation_id())

    async def _do_resolve(self, op: Op) -> None:
        self._ctx.resolve_awakeable(op["id"], op["value"])

    async def _do_reject(self, op: Op) -> None:
        self._ctx.reject_awakeable(op["id"], op["message"], op["code"])

    async def _do_resolve_signal(self, op: Op) -> None:
        self._ctx.resolve_signal(op["id"], op["name"], op["value"])

    async def _do_reject_signal(self, op: Op) -> None:
        self._ctx.reject_signal(op["id"], op["name"], op["message"], op["code"])

    async def _do_cancel(self, op: Op) -> None:
        self._ctx.cancel_invocation(op["id"])

    async def _do_peek(self, op: Op) -> Any:
        return await self._ctx.promise(op["name"]).peek()

    async def _do_keep(self, op: Op) -> None:
        await self._ctx.promise(op["name"]).resolve(op["value"])

    async def _do_break(self, op: Op) -> None:
        await self._ctx.promise(op["name"]).reject(op["message"], op["code"])

    # The invocation itself.

    async def _do_about(self, op: Op) -> dict[str, Any]:
        request = self._ctx.request()
        return {
            "id": request.id,
            "key": self._ctx.key() if hasattr(self._ctx, "key") else None,
            "headers": dict(request.headers),
            "attempt_headers": dict(request.attempt_headers),
            "scope": request.scope,
            "limit_key": request.limit_key,
        }

    async def _do_dice(self, op: Op) -> list[Any]:
        return [str(self._ctx.uuid()), self._ctx.random().random(), await self._ctx.time()]

    async def _do_note(self, op: Op) -> None:
        note(op["text"])

    async def _do_fail(self, op: Op) -> None:
        raise self._sdk.TerminalError(op["message"], status_code=op["code"], metadata=op.get("metadata"))

    async def _do_crash(self, op: Op) -> None:
        mark = f"crashed {op['name']}"
        if noted(mark) < op["times"]:
            note(mark)
            raise RuntimeError(f"{op['name']} crashed the {noted(mark)}. time")

    async def _do_exit(self, op: Op) -> None:
        mark = f"exited {op['name']}"
        if noted(mark) < op["times"]:
            note(mark)
            os._exit(1)

    async def _do_pause(self, op: Op) -> None:
        """Take a while in which nothing is asked of the orchestrator."""
        await asyncio.sleep(op["ms"] / 1000)

    async def _do_attempt(self, op: Op) -> dict[str, Any]:
        try:
            return {"ok": await self.play(op["body"])}
        except self._sdk.TerminalError as error:
            return {"failed": [error.status_code, error.message]}


class _Json:
    """A call by name, whose result is bytes, awaited as the value they spell."""

    def __init__(self, call: Any) -> None:
        self.future = call

    def __await__(self) -> Any:
        return self._value().__await__()

    async def _value(self) -> Any:
        content = await self.future
        return json.loads(content) if content else None


def _durable(future: Any) -> Any:
    return future.future if isinstance(future, _Json) else future


def _target(op: Op) -> tuple[str, str, bytes, str | None]:
    return op["service"], op["handler"], json.dumps(op["arg"]).encode(), op.get("key")


def _call_options(op: Op) -> dict[str, Any]:
    # Bytes say nothing of their type, and a handler that declares JSON is served by what is JSON.
    options = {"idempotency_key": op.get("idempotency_key"), "headers": op.get("headers")}
    return options | {name: op[name] for name in ("scope", "limit_key") if name in op}


def _ms(number: int) -> timedelta:
    return timedelta(milliseconds=number)
