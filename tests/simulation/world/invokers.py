"""Invokers: attempts run by the real SDK, next door with a checkpoint or in a process of their own without one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdfast_engine.ports import Answer, AttemptFailure, Grant, GrantedCheckpoint
from holdfast_engine.registry import Deployment
from holdfast_engine.world import World
from holdfast_local.in_process import InProcessInvoker
from holdfast_protocol.attempt import AttemptRequest, AttemptRunner, Checkpoint
from tests.simulation.watch import ATTEMPT, Attempt
from tests.simulation.world.direct import SimThread, SimWriter, checkpoint_of, reached_slot
from tests.simulation.world.faults import Fault, Kind, Site
from tests.simulation.world.port import STALL_S_MAX
from tests.simulation.world.process import Process

if TYPE_CHECKING:
    from tests.simulation.world.fleet import Fleet

# How a deployment's handlers run, the first word of its address. `near`: in the dispatcher's process, with checkpoints.
# `far`: in another one, without. `direct`: in another one, where the handler appends to its journal by itself.
NEAR, FAR, DIRECT = "near", "far", "direct"
MODES = (NEAR, FAR, DIRECT)

# What happens to an attempt, happens within so many seconds.
_SOON_S = 3.0
_FUNCTION_S = 30.0


def mode_of(deployment: Deployment) -> str:
    """Return how a deployment's handlers run."""
    return deployment.endpoint.address.split(":")[0]


class SimInvoker:
    """The `Invoker` port of one process."""

    def __init__(self, process: Process, fleet: Fleet, runner: AttemptRunner) -> None:
        self._process = process
        self._fleet = fleet
        self._runner = runner
        self.world: World

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        return mode_of(deployment) != FAR

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        self._process.check_alive()
        fleet = self._fleet
        attempt = self._attempt(deployment, request, checkpoint)
        fleet.watch.attempt(attempt)
        fault = fleet.faults.draw(Site.INVOKE)
        fleet.history.add(
            f"attempt {attempt.number} of {attempt.invocation_id} e{attempt.epoch} {attempt.mode}"
            f" with {len(request.entries)} entries{f' ({fault.kind})' if fault else ''}"
        )
        if fault is not None and fault.kind is Kind.REFUSED:
            # What has not run has not appended either.
            return _failed(503, "the endpoint refuses", is_counted=False)
        if fault is not None and fault.kind is Kind.TIMED_OUT:
            timeout_ms = int(fault.amount * _SOON_S * 1000)
        if attempt.mode == NEAR:
            answer = await self._next_door(deployment, request, attempt, checkpoint, timeout_ms)
        else:
            answer = await self._far_away(request, attempt, checkpoint, timeout_ms, fault)
        fleet.watch.answer(attempt, answer)
        return answer

    def _attempt(
        self, deployment: Deployment, request: AttemptRequest, checkpoint: GrantedCheckpoint | None
    ) -> Attempt:
        invocation_id = request.start.debug_id
        return Attempt(
            number=self._fleet.loop.new_number(),
            invocation_id=invocation_id,
            epoch=self._epoch(invocation_id, checkpoint),
            began=self._fleet.disk.number,
            mode=mode_of(deployment),
        )

    def _epoch(self, invocation_id: str, checkpoint: GrantedCheckpoint | None) -> int:
        if checkpoint is not None:
            return checkpoint.grant.epoch
        held = self.world.live.get(invocation_id)
        # A zombie whose successor ran in this very process and has ended: older than all there are.
        return held.head.epoch if held is not None else 0

    async def _next_door(
        self,
        deployment: Deployment,
        request: AttemptRequest,
        attempt: Attempt,
        checkpoint: Checkpoint | None,
        timeout_ms: int,
    ) -> Answer:
        runner = _Tagged(self._runner, attempt)
        invoker = InProcessInvoker({deployment.endpoint.address: runner})
        return await invoker.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=timeout_ms)

    async def _far_away(
        self,
        request: AttemptRequest,
        attempt: Attempt,
        checkpoint: GrantedCheckpoint | None,
        timeout_ms: int,
        fault: Fault | None,
    ) -> Answer:
        """Run it in a process of its own, which may die, hang, or outlive whoever waits for it here."""
        fleet, loop = self._fleet, self._fleet.loop
        function = Process(
            loop, name=f"fn{attempt.number}", skew_ms=fleet.new_skew_ms(), deadline_s=loop.now_s + _FUNCTION_S
        )
        reply: asyncio.Future[Answer] = loop.create_future()

        def fail(answer: Answer) -> None:
            if not reply.done():
                reply.set_result(answer)

        function.on_death.append(lambda: fail(_failed(500, "the function died")))
        # As of now, as it travels with the request: a function may begin when whoever called it has moved on.
        grant = checkpoint.grant if checkpoint is not None else None
        function.spawn(self._serve(function, request, attempt, grant, reply))
        if fault is not None:
            _befall(function, fault, fail)
        await asyncio.wait({reply}, timeout=timeout_ms / 1000)
        answer = reply.result() if reply.done() else _failed(504, f"no answer within {timeout_ms} ms")
        return replace(answer, is_direct=checkpoint is not None)

    async def _serve(
        self,
        function: Process,
        request: AttemptRequest,
        attempt: Attempt,
        grant: Grant | None,
        reply: asyncio.Future[Answer],
    ) -> None:
        latency = self._fleet.latency
        await asyncio.sleep(latency.short())
        runner = _Tagged(self._runner, attempt)
        try:
            if grant is None:
                answer = Answer(frames=await runner.run(request, None))
            else:
                answer = await self._run_directly(function, runner, request, grant)
        except Exception as error:  # noqa: BLE001 - whatever it is, the function fails with it.
            answer = _failed(500, f"the function raised {error!r}")
        await asyncio.sleep(latency.short())
        if not reply.done():
            reply.set_result(answer)
        function.end()

    async def _run_directly(self, function: Process, runner: _Tagged, request: AttemptRequest, grant: Grant) -> Answer:
        """Run an attempt that appends to its journal by itself."""
        fleet, invocation_id = self._fleet, request.start.debug_id
        writer = SimWriter(fleet.disk, invocation_id, grant)
        thread = SimThread(
            writer,
            invocation_id,
            process=function,
            faults=fleet.faults,
            latency=fleet.latency,
            history=fleet.history,
        )
        deadline_s = fleet.loop.now_s + _FUNCTION_S
        checkpoint = checkpoint_of(
            writer,
            thread,
            sent=request.entries,
            grant=grant,
            remaining_ms=lambda: int((deadline_s - fleet.loop.now_s) * 1000),
        )
        frames = await runner.run(request, checkpoint)
        slot = reached_slot(writer.reached)
        return Answer(frames=[*checkpoint.travelling, *frames], slot=slot, is_certain=writer.is_certain)


class _Tagged:
    """Runs attempts so that what their handlers do is known to be theirs."""

    def __init__(self, runner: AttemptRunner, attempt: Attempt) -> None:
        self._runner = runner
        self._attempt = attempt

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        token = ATTEMPT.set(self._attempt)
        try:
            return await self._runner.run(request, checkpoint)
        finally:
            ATTEMPT.reset(token)


def _befall(function: Process, fault: Fault, fail: Any) -> None:
    """Let a function die, stand still or become unreachable some time after it was called."""
    loop, delay_s = function.loop, fault.amount * fault.amount * _SOON_S
    match fault.kind:
        case Kind.FUNCTION_CRASH:
            loop.in_the_world(delay_s, function.crash)
        case Kind.FUNCTION_FROZEN:
            loop.in_the_world(delay_s, function.freeze, fault.amount * STALL_S_MAX)
        case Kind.ANSWER_LOST:
            loop.in_the_world(delay_s, fail, _failed(500, "the connection broke"))


def _failed(code: int, message: str, *, is_counted: bool = True) -> Answer:
    failure = AttemptFailure(code=code, message=message, rt_code="RT0010", is_counted=is_counted)
    return Answer(frames=(), failure=failure)


def terminator_of(answer: Answer) -> bytes | None:
    """Return the frame that ended an attempt."""
    frames: Sequence[bytes] = answer.frames
    return frames[-1] if frames and answer.failure is None else None
