"""Services of every kind and with every option that a case needs, all of them playing programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import holdfast as restate
from tests.conformance.blackbox.handlers.interpreter import Interpreter

_SOON = timedelta(milliseconds=50)
# Cases wait for retries, so they come soon; and none shall be given up by accident.
_QUICK = restate.InvocationRetryPolicy(
    initial_interval=_SOON, exponentiation_factor=1.0, max_interval=_SOON, max_attempts=1000
)
_TWICE_THEN_PAUSE = restate.InvocationRetryPolicy(initial_interval=_SOON, max_attempts=2, on_max_attempts="pause")
_TWICE_THEN_KILL = restate.InvocationRetryPolicy(initial_interval=_SOON, max_attempts=2, on_max_attempts="kill")
_RARELY = restate.InvocationRetryPolicy(initial_interval=timedelta(minutes=10))

player = restate.Service("Player", invocation_retry_policy=_QUICK)
hidden = restate.Service("Hidden", invocation_retry_policy=_QUICK, ingress_private=True)
actor = restate.VirtualObject("Actor", invocation_retry_policy=_QUICK)
lazy_actor = restate.VirtualObject("LazyActor", invocation_retry_policy=_QUICK, enable_lazy_state=True)
story = restate.Workflow("Story", invocation_retry_policy=_QUICK)
stubborn = restate.Service("Stubborn", invocation_retry_policy=_TWICE_THEN_PAUSE)
stubborn_actor = restate.VirtualObject("StubbornActor", invocation_retry_policy=_TWICE_THEN_PAUSE)
fragile = restate.Service("Fragile", invocation_retry_policy=_TWICE_THEN_KILL)
patient = restate.Service("Patient", invocation_retry_policy=_RARELY)
brief = restate.Service(
    "Brief",
    invocation_retry_policy=_QUICK,
    idempotency_retention=timedelta(seconds=1),
    journal_retention=timedelta(0),
)
brief_story = restate.Workflow("BriefStory", invocation_retry_policy=_QUICK)
forgetful = restate.Service("Forgetful", invocation_retry_policy=_QUICK, journal_retention=timedelta(0))

Program = list[dict[str, Any]]


async def _play(ctx: Any, program: Program) -> list[Any]:
    return await Interpreter(restate, ctx).play(program)


@player.handler()
async def play(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program."""
    return await _play(ctx, program)


@hidden.handler("play")
async def play_hidden(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program that clients cannot ask for."""
    return await _play(ctx, program)


@actor.handler("play")
async def play_alone(ctx: restate.ObjectContext, program: Program) -> list[Any]:
    """Play a program as the only one of its key."""
    return await _play(ctx, program)


@actor.handler(kind="shared")
async def watch(ctx: restate.ObjectSharedContext, program: Program) -> list[Any]:
    """Play a program beside others of its key."""
    return await _play(ctx, program)


@lazy_actor.handler("play")
async def play_lazily(ctx: restate.ObjectContext, program: Program) -> list[Any]:
    """Play a program with state that is read when it is asked for."""
    return await _play(ctx, program)


@story.main()
async def run(ctx: restate.WorkflowContext, program: Program) -> list[Any]:
    """Play a program once per key."""
    return await _play(ctx, program)


@story.handler("watch")
async def watch_story(ctx: restate.WorkflowSharedContext, program: Program) -> list[Any]:
    """Play a program beside the run."""
    return await _play(ctx, program)


@stubborn.handler("play")
async def play_stubbornly(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program that is paused when it fails twice."""
    return await _play(ctx, program)


@stubborn_actor.handler("play")
async def play_stubbornly_alone(ctx: restate.ObjectContext, program: Program) -> list[Any]:
    """Play a program that is paused when it fails twice, and keeps its key."""
    return await _play(ctx, program)


@fragile.handler("play")
async def play_once_or_twice(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program that is killed when it fails twice."""
    return await _play(ctx, program)


@patient.handler("play")
async def play_patiently(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program that is tried again after ten minutes."""
    return await _play(ctx, program)


@brief.handler("play")
async def play_briefly(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program whose outcome is kept for a second."""
    return await _play(ctx, program)


@brief_story.main("run", workflow_retention=timedelta(seconds=1))
async def run_briefly(ctx: restate.WorkflowContext, program: Program) -> list[Any]:
    """Play a program once per key and second."""
    return await _play(ctx, program)


@brief_story.handler("watch")
async def watch_brief_story(ctx: restate.WorkflowSharedContext, program: Program) -> list[Any]:
    """Play a program beside the run."""
    return await _play(ctx, program)


@forgetful.handler("play")
async def play_and_forget(ctx: restate.Context, program: Program) -> list[Any]:
    """Play a program whose journal goes when it ends, while an outcome with a key stays."""
    return await _play(ctx, program)


services = [
    player,
    hidden,
    actor,
    lazy_actor,
    story,
    stubborn,
    stubborn_actor,
    fragile,
    patient,
    brief,
    brief_story,
    forgetful,
]
