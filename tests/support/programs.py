"""Small handler programs, spelled as JSON and executed on the context of whichever SDK is under test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

Statement = list[Any]


def handler_of(
    program: list[Statement], sdk: ModuleType, on_execute: Callable[[str], None] = lambda _: None
) -> Callable[[Any], Awaitable[list[Any]]]:
    """Return a handler that executes a program; its output is the list of what it saw.

    `on_execute` hears the name of every step whose closure executes.
    """

    async def handler(ctx: Any) -> list[Any]:
        execution = _Execution(ctx, sdk, on_execute)
        await execution.all(program)
        return execution.seen

    return handler


class _Execution:
    """One execution of a program: its variables, and what it has seen."""

    def __init__(self, ctx: Any, sdk: ModuleType, on_execute: Callable[[str], None]) -> None:
        self.on_execute = on_execute
        self.ctx = ctx
        self.sdk = sdk
        self.seen: list[Any] = []
        self.futures: dict[str, Any] = {}

    async def all(self, program: list[Statement]) -> None:
        for verb, *arguments in program:
            result = getattr(self, f"do_{verb}")(*arguments)
            if asyncio.iscoroutine(result):
                await result

    def do_run(self, name: str, value: Any, *, delay_s: float = 0.0) -> None:
        async def closure() -> Any:
            self.on_execute(name)
            await asyncio.sleep(delay_s)
            return value

        self.futures[name] = self.ctx.run_typed(name, closure)

    def do_run_after(self, name: str, value: Any, delay_s: float) -> None:
        self.do_run(name, value, delay_s=delay_s)

    def do_run_fails(self, name: str, message: str, code: int) -> None:
        async def closure() -> None:
            self.on_execute(name)
            raise self.sdk.TerminalError(message, code)

        self.futures[name] = self.ctx.run_typed(name, closure)

    def do_run_throws(self, name: str, message: str, options: dict[str, Any]) -> None:
        async def closure() -> None:
            self.on_execute(name)
            raise ValueError(message)

        milliseconds = ("initial_retry_interval", "max_retry_interval", "max_duration")
        policy = {key: timedelta(milliseconds=v) if key in milliseconds else v for key, v in options.items()}
        self.futures[name] = self.ctx.run_typed(name, closure, self.sdk.RunOptions(**policy))

    def do_sleep(self, variable: str, seconds: float, name: str | None = None) -> None:
        self.futures[variable] = self.ctx.sleep(timedelta(seconds=seconds), name)

    def do_call(self, variable: str, service: str, handler: str, parameter: str, options: Any = None) -> None:
        self.futures[variable] = self.ctx.generic_call(service, handler, parameter.encode(), **(options or {}))

    def do_send(self, variable: str, service: str, handler: str, parameter: str, delay_s: float | None = None) -> None:
        delay = None if delay_s is None else timedelta(seconds=delay_s)
        self.futures[variable] = self.ctx.generic_send(service, handler, parameter.encode(), send_delay=delay)

    async def do_callee(self, variable: str) -> None:
        self.seen.append(await self.futures[variable].invocation_id())

    def do_cancel(self, invocation_id: str) -> None:
        self.ctx.cancel_invocation(invocation_id)

    def do_attach(self, variable: str, invocation_id: str) -> None:
        self.futures[variable] = self.ctx.attach_invocation(invocation_id)

    def do_get(self, variable: str, key: str, name: str | None = None) -> None:
        self.futures[variable] = self.ctx.get(key, entry_name=name)

    def do_keys(self, variable: str) -> None:
        self.futures[variable] = self.ctx.state_keys()

    def do_set(self, key: str, value: Any) -> None:
        self.ctx.set(key, value)

    def do_record(self, key: str) -> None:
        self.ctx.set(key, self.seen)

    def do_clear(self, key: str) -> None:
        self.ctx.clear(key)

    def do_clear_all(self) -> None:
        self.ctx.clear_all()

    def do_awakeable(self, variable: str) -> None:
        awakeable_id, self.futures[variable] = self.ctx.awakeable()
        self.seen.append(awakeable_id)

    def do_resolve_awakeable(self, awakeable_id: str, value: Any) -> None:
        self.ctx.resolve_awakeable(awakeable_id, value)

    def do_reject_awakeable(self, awakeable_id: str, message: str, code: int) -> None:
        self.ctx.reject_awakeable(awakeable_id, message, code)

    def do_signal(self, variable: str, name: str) -> None:
        self.futures[variable] = self.ctx.signal(name)

    def do_resolve_signal(self, invocation_id: str, name: str, value: Any) -> None:
        self.ctx.resolve_signal(invocation_id, name, value)

    def do_reject_signal(self, invocation_id: str, name: str, message: str, code: int) -> None:
        self.ctx.reject_signal(invocation_id, name, message, code)

    def do_promise(self, variable: str, name: str) -> None:
        self.futures[variable] = self.ctx.promise(name).value()

    def do_peek(self, variable: str, name: str) -> None:
        self.futures[variable] = self.ctx.promise(name).peek()

    def do_complete(self, variable: str, name: str, value: Any) -> None:
        self.futures[variable] = self.ctx.promise(name).resolve(value)

    async def do_await(self, variable: str) -> None:
        self.seen.append(_plain(await self.futures[variable]))

    async def do_gather(self, *variables: str) -> None:
        await self.sdk.gather(*(self.futures[variable] for variable in variables))
        self.seen.append("gathered")

    async def do_select(self, *variables: str) -> None:
        name, value = await self.sdk.select(**{variable: self.futures[variable] for variable in variables})
        self.seen += [name, _plain(value)]

    async def do_wait_completed(self, *variables: str) -> None:
        done, pending = await self.sdk.wait_completed(*(self.futures[variable] for variable in variables))
        self.seen += [len(done), len(pending)]

    async def do_as_completed(self, *variables: str) -> None:
        async for future in self.sdk.as_completed(*(self.futures[variable] for variable in variables)):
            self.seen.append(_plain(await future))

    async def do_catch(self, attempted: list[Statement], handling: list[Statement]) -> None:
        try:
            await self.all(attempted)
        except self.sdk.TerminalError as error:
            self.seen.append([error.status_code, error.message])
            await self.all(handling)

    def do_uuid(self) -> None:
        self.seen.append(str(self.ctx.uuid()))

    def do_fail(self, message: str, code: int) -> None:
        raise self.sdk.TerminalError(message, code)

    def do_throw(self, message: str) -> None:
        raise ValueError(message)


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
