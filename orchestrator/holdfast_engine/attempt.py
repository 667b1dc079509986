"""Running an invocation: attempt after attempt under one epoch or the next, until it suspends, fails or ends.

load, decide, commit, perform (design section 5). What is not stored yet is not performed; what is stored and not
performed is performed by whoever comes next.
"""

from __future__ import annotations

import logging

from holdfast_engine.admission import admit, let_go
from holdfast_engine.answering import answer_open
from holdfast_engine.checkpoint import EngineCheckpoint
from holdfast_engine.errors import RequestRejected
from holdfast_engine.held import Held, spec_of
from holdfast_engine.older_version import after_refusal
from holdfast_engine.perform import perform
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.registry import DEFAULT_ABORT_TIMEOUT_MS, Deployment
from holdfast_engine.requests import attempt_request
from holdfast_engine.settle import settle, step_back
from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")


async def run(world: World, held: Held) -> bool:
    """Run attempts until the invocation lets go; False when it was fenced: the message goes back (O-3)."""
    world.live[held.head.id] = held
    try:
        admitted: int | None = None
        while True:
            if admitted != held.head.epoch:
                if not await admit(world, held.head):
                    return await step_back(world, held)
                admitted = held.head.epoch
            going = await _one(world, held)
            if going is None and held.pausing is not None:
                # All it has is stored, and whoever is waiting finds it paused. Whoever has stopped waiting has paused
                # it, and it may have been resumed since: then the epoch is another, and nothing is stopped.
                paused = await world.store.pause(held.head.id, now_ms=world.clock.now_ms(), epoch=held.head.epoch)
                going = paused is not None
            if going is not None:
                await let_go(world, held.head)
                return going
    finally:
        if world.live.get(held.head.id) is held:
            del world.live[held.head.id]
        if held.pausing is not None:
            held.pausing.set()


def start_run(world: World, held: Held) -> None:
    """Run an invocation in a task of this process; if it cannot be brought to an end here, a message takes over."""
    world.tasks.spawn(_run_to_rest(world, held))


async def _run_to_rest(world: World, held: Held) -> None:
    try:
        is_at_rest = await run(world, held)
    except Exception:  # noqa: BLE001 - whatever it is, the message must not be lost with the task.
        _LOG.exception("running %s failed; it is taken up again when its lease ends", held.head.id)
        await world.wakeups.wake(held.head.id, not_before_ms=held.head.lease_until_ms)
        return
    if not is_at_rest:
        retry_at = world.clock.now_ms() + world.settings.put_back_ms
        await world.wakeups.wake(held.head.id, not_before_ms=retry_at)


async def _one(world: World, held: Held) -> bool | None:
    """Send one attempt and settle its answer; None to go on, True at rest, False fenced."""
    journal, head = held.journal, held.head
    held.began, held.commands_before = len(journal), journal.commands
    try:
        await perform(world, held, start_run)
        journal.add_due_sleeps(world.clock.now_ms())
        await answer_open(world, held)
    except RequestRejected as error:
        # The service of a committed call is no longer registered: the caller waits for it, in the open.
        failure = AttemptFailure(code=error.http_status, message=str(error), rt_code="RT0018", is_counted=False)
        return await _failed(world, held, failure)
    held.began, held.commands_before, held.refusal, held.room = len(journal), journal.commands, None, None
    # What the head says, not what is newest by now: the entries of this attempt pin the invocation to the head's.
    chosen = world.registry.deployment_of(head)
    if chosen is None:
        return await _failed(world, held, _no_deployment(held))
    deployment, version = chosen
    has_checkpoint = world.invoker.takes_checkpoints(deployment)
    answer = await _invoke(world, held, deployment, version, has_checkpoint=has_checkpoint)
    answer = await after_refusal(world, head, deployment, version, answer)
    return await settle(world, held, answer, has_checkpoint=has_checkpoint, run=start_run)


async def _invoke(world: World, held: Held, deployment: Deployment, version: int, *, has_checkpoint: bool) -> Answer:
    spec = spec_of(world, held.head)
    request = attempt_request(world, held, spec, version)
    if not has_checkpoint:
        # The closures run out of sight, so all they build on must be durable before the request leaves.
        await world.store.flushed()
    return await world.invoker.invoke(
        deployment,
        request,
        checkpoint=EngineCheckpoint(world, held, start_run) if has_checkpoint else None,
        timeout_ms=spec.abort_timeout_ms if spec is not None else DEFAULT_ABORT_TIMEOUT_MS,
    )


async def _failed(world: World, held: Held, failure: AttemptFailure) -> bool | None:
    """Settle an attempt that could not be sent."""
    return await settle(world, held, Answer(frames=(), failure=failure), has_checkpoint=False, run=start_run)


def _no_deployment(held: Held) -> AttemptFailure:
    head = held.head
    pinned = head.deployment_id if len(held.journal) > 1 else None
    which = (
        f"deployment {pinned}, to which it is pinned," if pinned else f"a deployment with service {head.target.service}"
    )
    message = f"{which} is not registered: register it, or resume the invocation on another deployment"
    return AttemptFailure(code=500, message=message, rt_code="RT0011", is_counted=False)
