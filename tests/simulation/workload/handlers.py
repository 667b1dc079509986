"""The handlers that execute programs, written with the real SDK, and the services they belong to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import holdfast
from holdfast import InvocationCancelled, InvocationRetryPolicy, RunOptions, TerminalError
from tests.simulation.workload.outside import Outside
from tests.simulation.workload.programs import DOOMED, OBJECT, POISON, SERVICE, WORKFLOW, Program, Statement

# Longer than any attempt may take.
_HANGS_S = 4000.0
_ATTEMPT_S = 20.0


def endpoint(programs: Sequence[Program], outside: Outside) -> holdfast.Endpoint:
    """Return an endpoint that serves all programs."""

    async def execute(ctx: Any, argument: dict[str, Any]) -> dict[str, Any]:
        execution = Execution(ctx, outside, programs, argument)
        outside.last_seen[ctx.request().id] = execution.seen
        await execution.all(programs[argument["p"]].body, "")
        return {"seen": execution.seen}

    patient = InvocationRetryPolicy(
        initial_interval=timedelta(milliseconds=50), max_interval=timedelta(seconds=2), max_attempts=1000
    )
    short = timedelta(milliseconds=50)
    pauses = InvocationRetryPolicy(initial_interval=short, max_attempts=3, on_max_attempts="pause")
    kills = InvocationRetryPolicy(initial_interval=short, max_attempts=3, on_max_attempts="kill")
    limit = timedelta(seconds=_ATTEMPT_S)

    service = holdfast.Service(SERVICE, invocation_retry_policy=patient, abort_timeout=limit)
    service.handler("run")(_named(execute))
    poison = holdfast.Service(POISON, invocation_retry_policy=pauses, abort_timeout=limit)
    poison.handler("run")(_named(execute))
    doomed = holdfast.Service(DOOMED, invocation_retry_policy=kills, abort_timeout=limit)
    doomed.handler("run")(_named(execute))
    obj = holdfast.VirtualObject(OBJECT, invocation_retry_policy=patient, abort_timeout=limit)
    obj.handler("run")(_named(execute))
    obj.handler("lazy", enable_lazy_state=True)(_named(execute))
    obj.handler("look", kind="shared")(_named(execute))
    flow = holdfast.Workflow(WORKFLOW, invocation_retry_policy=patient, abort_timeout=limit)
    flow.main("run")(_named(execute))
    flow.handler("tell")(_named(execute))
    return holdfast.Endpoint([service, poison, doomed, obj, flow])


def _named(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of its own for each handler: a function is one handler."""

    async def run(ctx: Any, argument: Any) -> Any:
        return await execute(ctx, argument)

    return run


class Execution:
    """One execution of a program: what it has seen, and the invocations that it has started."""

    def __init__(self, ctx: Any, outside: Outside, programs: Sequence[Program], argument: dict[str, Any]) -> None:
        self._ctx = ctx
        self._outside = outside
        self._programs = programs
        self._argument = argument
        self._id = ctx.request().id
        self._handles: list[Any] = []
        self.seen: list[Any] = []

    async def all(self, body: list[Statement], place: str) -> None:
        """Execute statements, one after the other."""
        for number, statement in enumerate(body):
            self.seen.append(await self._execute(statement, f"{place}{number}"))

    async def _execute(self, statement: Statement, place: str) -> Any:
        verb, *arguments = statement
        simple = getattr(self, f"_do_{verb}", None)
        if simple is not None:
            return await simple(place, *arguments)
        future, read = self._future(statement, place)
        return await self._outcome(future, read)

    async def _outcome(self, future: Any, read: Callable[[Any], Any]) -> Any:
        """Return what a future comes to; only a cancellation of this very invocation goes on."""
        try:
            return read(await future)
        except InvocationCancelled:
            raise
        except TerminalError as error:
            return ["error", error.status_code, error.message]

    def _future(self, statement: Statement, place: str) -> tuple[Any, Callable[[Any], Any]]:
        verb, *arguments = statement
        future, read = getattr(self, f"_make_{verb}")(place, *arguments)
        return future, read

    # What makes a future.

    def _make_run(self, place: str, name: str) -> Any:
        return self._step(name, lambda execution: None), _same

    def _make_slow(self, place: str, name: str, seconds: float) -> Any:
        return self._step(name, lambda execution: None, seconds=seconds), _same

    def _make_flaky(self, place: str, name: str, failures: int) -> Any:
        def check(execution: int) -> None:
            if execution <= failures:
                raise ValueError(f"{name} fails for the {execution}. time")

        return self._step(name, check), _same

    def _make_hang(self, place: str, name: str, times: int) -> Any:
        return self._step(name, lambda execution: None, hangs=times), _same

    def _make_decline(self, place: str, name: str, code: int) -> Any:
        def check(execution: int) -> None:
            raise TerminalError(name, code)

        return self._step(name, check), _same

    def _make_use_up(self, place: str, name: str, attempts: int) -> Any:
        def check(execution: int) -> None:
            raise ValueError(name)

        options: RunOptions[Any] = RunOptions(max_attempts=attempts, initial_retry_interval=timedelta(milliseconds=20))
        return self._step(name, check, options=options), _same

    def _make_sleep(self, place: str, ms: int) -> Any:
        return self._ctx.sleep(timedelta(milliseconds=ms)), lambda _: "slept"

    def _make_call(self, place: str, program: int, idempotency_key: str | None = None) -> Any:
        callee = self._programs[program]
        future = self._ctx.generic_call(
            callee.service,
            callee.handler,
            self._argument_for(program),
            key=callee.key,
            idempotency_key=idempotency_key,
            scope=callee.scope,
            limit_key=callee.limit_key,
        )
        self._handles.append(future)
        return future, _decoded

    def _make_awakeable(self, place: str, value: Any) -> Any:
        awakeable_id, future = self._ctx.awakeable()
        # Asked in every attempt: people get the letter twice, and only their first answer counts.
        self._outside.ask(awakeable_id, value)
        return future, _same

    def _make_signal(self, place: str, name: str, value: Any) -> Any:
        return self._ctx.signal(name), _same

    def _make_promise(self, place: str, name: str) -> Any:
        return self._ctx.promise(name).value(), _same

    def _make_peek(self, place: str, name: str) -> Any:
        return self._ctx.promise(name).peek(), _same

    def _make_resolve(self, place: str, name: str, value: Any) -> Any:
        return self._ctx.promise(name).resolve(value), lambda _: "first"

    def _make_get(self, place: str, name: str) -> Any:
        return self._ctx.get(name), _same

    def _make_keys(self, place: str) -> Any:
        return self._ctx.state_keys(), sorted

    # What is no future.

    async def _do_set(self, place: str, name: str, value: Any) -> None:
        self._ctx.set(name, value)

    async def _do_clear(self, place: str, name: str) -> None:
        self._ctx.clear(name)

    async def _do_clear_all(self, place: str) -> None:
        self._ctx.clear_all()

    async def _do_add(self, place: str, name: str, amount: int) -> int:
        total = (await self._ctx.get(name) or 0) + amount
        self._ctx.set(name, total)
        return total

    async def _do_send(
        self, place: str, program: int, delay_ms: int | None = None, idempotency_key: str | None = None
    ) -> str:
        callee = self._programs[program]
        handle = self._ctx.generic_send(
            callee.service,
            callee.handler,
            self._argument_for(program),
            key=callee.key,
            send_delay=None if delay_ms is None else timedelta(milliseconds=delay_ms),
            idempotency_key=idempotency_key,
            scope=callee.scope,
            limit_key=callee.limit_key,
        )
        self._handles.append(handle)
        invocation_id: str = await handle.invocation_id()
        return invocation_id

    async def _do_attach(self, place: str, handle: int) -> Any:
        invocation_id = await self._handles[handle].invocation_id()
        future = self._ctx.attach_invocation(invocation_id)
        return await self._outcome(future, _same)

    async def _do_cancel(self, place: str, handle: int) -> None:
        await self._handles[handle].cancel_invocation()

    async def _do_raise_signal(self, place: str, name: str, value: Any) -> None:
        self._ctx.resolve_signal(self._argument["from"], name, value)

    async def _do_gather(self, place: str, *statements: Statement) -> list[Any]:
        made = [self._future(statement, f"{place}.{number}") for number, statement in enumerate(statements)]
        await holdfast.gather(*(future for future, _ in made))
        return [await self._outcome(future, read) for future, read in made]

    async def _do_select(self, place: str, *statements: Statement) -> list[Any]:
        made = [self._future(statement, f"{place}.{number}") for number, statement in enumerate(statements)]
        done, _ = await holdfast.wait_completed(*(future for future, _ in made))
        winner = next(number for number, (future, _) in enumerate(made) if future is done[0])
        return [winner, await self._outcome(*made[winner])]

    async def _do_timeout(self, place: str, statement: Statement, ms: int) -> Any:
        future, read = self._future(statement, f"{place}.0")
        return await self._outcome(future.or_timeout(timedelta(milliseconds=ms)), read)

    async def _do_saga(self, place: str, names: list[str], code: int) -> str:
        async with self._ctx.saga() as saga:
            for name in names:
                await saga.run(name, self._action(name), compensate=self._action(f"undo {name}"))
            if code:
                raise TerminalError(f"saga {place}", code)
        return "done"

    async def _do_shield(self, place: str, body: list[Statement], cleanup: list[Statement]) -> str:
        try:
            await self.all(body, f"{place}.")
        except InvocationCancelled:
            for number, statement in enumerate(cleanup):
                await self._execute(statement, f"{place}!{number}")
            raise
        return "shielded"

    async def _do_throw(self, place: str, times: int) -> None:
        if self._outside.reach(self._id, place) <= times or times < 0:
            raise ValueError(f"{place} throws")

    async def _do_uuid(self, place: str) -> str:
        return str(self._ctx.uuid())

    async def _do_fail(self, place: str, code: int) -> None:
        raise TerminalError(f"fails at {place}", code)

    def _argument_for(self, program: int) -> bytes:
        return argument_bytes(program, self._id)

    def _step(
        self,
        name: str,
        check: Callable[[int], None],
        *,
        hangs: int = 0,
        seconds: float = 0.0,
        options: RunOptions[Any] | None = None,
    ) -> Any:
        async def action() -> list[Any]:
            execution = self._outside.execute(self._id, name)
            if execution <= hangs:
                await asyncio.sleep(_HANGS_S)
            if seconds:
                await asyncio.sleep(seconds)
            check(execution)
            return [name, execution]

        return self._ctx.run_typed(name, action, options or RunOptions())

    def _action(self, name: str) -> Callable[[], Any]:
        async def action() -> list[Any]:
            return [name, self._outside.execute(self._id, name)]

        return action


def argument_bytes(program: int, sender: str | None) -> bytes:
    """Return the input of an invocation that executes a program."""
    text = f'{{"p": {program}}}' if sender is None else f'{{"p": {program}, "from": "{sender}"}}'
    return text.encode()


def _same(value: Any) -> Any:
    return value


def _decoded(value: bytes) -> Any:
    return json.loads(value)


VERBS = tuple(name[4:] for name in vars(Execution) if name.startswith("_do_")) + tuple(
    name[6:] for name in vars(Execution) if name.startswith("_make_")
)
