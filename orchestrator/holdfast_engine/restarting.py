"""Restarting: an invocation that has ended is run again as a new one, from its input or from a prefix of its journal.

What the prefix did is done and stays so: its effects are not performed again, its state writes not written again. The
new invocation's head is put last: whoever dies before that leaves pages that nobody reads. The watchdog finds no head
then, and lets them go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from holdfast_engine.blobs import spilled
from holdfast_engine.errors import JournalGone, NotRestartable, NotStarted, RequestRejected, UnknownTarget, WrongState
from holdfast_engine.existing import existing
from holdfast_engine.ids import random_invocation_id, seed_of
from holdfast_engine.journal import Journal
from holdfast_engine.load import journal_of_stored
from holdfast_engine.pausing import OnDeployment, fitting, has_started
from holdfast_engine.prefix import answered_awakeables, prefix_of
from holdfast_engine.records import Head, Kind, Origin, Page, Slot, Status
from holdfast_engine.registry import Deployment, HandlerSpec, handler_spec
from holdfast_engine.retention import has_journal, retentions
from holdfast_engine.submit import NONCE_BYTES, start
from holdfast_engine.world import World
from holdfast_protocol.pages import frames_bytes, is_full

# Before it the SDK derives the seed of its random numbers from the id, which is another now.
_SEEDED_SINCE_VERSION = 6


async def restart(world: World, invocation_id: str, *, from_index: int, deployment: str | None) -> str:
    """Run an invocation that has ended again; return the new one's id.

    Args:
        world: The world.
        invocation_id: Which one.
        from_index: The last entry of its journal that the new one takes over; 0 is its input alone.
        deployment: "keep", "latest", or a deployment's id; None is the latest.

    Raises:
        UnknownInvocation: There is none of that id.
        WrongState: It has not ended, or not even started.
        JournalGone: Its journal is no longer kept.
        NotRestartable: It is a workflow, or its protocol is too old.
        RequestRejected: A command up to that entry has not been completed, or there is no such entry or deployment.
        DeploymentUnfit: It cannot run on that deployment.
    """
    old = await existing(world, invocation_id)
    frames = _prefix(old, await _journal(world, old), from_index)
    chosen, version = _deployment(world, old, deployment, has_steps=len(frames) > 1)
    is_pinned = len(frames) > 1 or deployment not in (None, OnDeployment.LATEST)
    head = _head(world, old, (chosen, version))
    origin = Origin(invocation_id=old.id, copied=len(frames), seed=seed_of(old), is_pinned=is_pinned)
    await world.wakeups.watchdog(head.id)
    head = replace(head, origin=origin, done=len(frames), page=await _stored(world, head.id, frames))
    existing_head = await world.store.create(head)
    assert existing_head is None, f"{head.id} is not fresh"
    held = await start(world, head)
    assert held is None, "what is created with epoch 0 is left to a wake-up"
    return head.id


async def _journal(world: World, old: Head) -> Journal:
    if old.status is not Status.COMPLETED:
        if not await has_started(world, old):
            raise NotStarted(f"{old.id} has not started, so there is nothing to restart")
        raise WrongState(f"{old.id} has not ended; a copy of it would do its work beside it")
    if old.kind is Kind.WORKFLOW:
        raise NotRestartable(f"{old.id} is a workflow's run, which happens once per key: purge it and run it again")
    journal = await journal_of_stored(world, old.id) if has_journal(old, world.clock.now_ms()) else None
    if journal is None or not journal.entries:
        raise JournalGone(f"the journal of {old.id} is no longer kept, and with it its input")
    return journal


def _prefix(old: Head, journal: Journal, until: int) -> tuple[bytes, ...]:
    if until >= len(journal):
        raise RequestRejected(f"the journal of {old.id} has {len(journal)} entries, and none of index {until}")
    frames = prefix_of(journal, until=until)
    if frames is None:
        raise RequestRejected(
            f"up to entry {until} the journal of {old.id} has a command that was never completed: restart before it"
        )
    return frames


def _deployment(world: World, old: Head, deployment: str | None, *, has_steps: bool) -> tuple[Deployment, int]:
    """Return where the new one runs, and the protocol version of its journal."""
    if deployment is None or deployment == OnDeployment.LATEST:
        latest = world.registry.latest(old.target.service)
        if latest is None:
            raise UnknownTarget(f"no service is called {old.target.service!r} any more")
        deployment = latest[0].id
    elif deployment == OnDeployment.KEEP:
        deployment = old.deployment_id or ""
    if not has_steps:
        found = fitting(world, old, deployment, version=None)
        version = found.protocol_version
        assert version is not None, f"{found.id} is registered and speaks no version of ours"
        return found, version
    version = old.protocol_version
    if version is None or version < _SEEDED_SINCE_VERSION:
        raise NotRestartable(
            f"the journal of {old.id} is written in protocol version {version}; from before version"
            f" {_SEEDED_SINCE_VERSION} only the input can be restarted from"
        )
    return fitting(world, old, deployment, version=version), version


def _head(world: World, old: Head, chosen: tuple[Deployment, int]) -> Head:
    now = world.clock.now_ms()
    spec = _spec(chosen[0], old)
    completion, journal, answer = retentions(spec, has_identity=False, least_ms=world.settings.retention_min_ms)
    return Head(
        id=random_invocation_id(old.target.service, world.clock, world.dice),
        target=old.target,
        kind=old.kind,
        status=Status.QUEUED if old.kind.holds_key else Status.READY,
        epoch=0,
        created_ms=now,
        modified_ms=now,
        page=Page(epoch=0, base=0, frames=()),
        nonce=world.dice.entropy(NONCE_BYTES).hex(),
        deployment_id=chosen[0].id,
        protocol_version=chosen[1],
        last_entry_ms=now,
        limit_key=old.limit_key,
        completion_retention_ms=completion,
        answer_retention_ms=answer,
        journal_retention_ms=journal,
        trace=old.trace,
    )


def _spec(chosen: Deployment, old: Head) -> HandlerSpec:
    """Return the handler as the chosen deployment declares it; the latest one may not have it any more."""
    service = next(each for each in chosen.manifest.services if each.name == old.target.service)
    return handler_spec(service, next(each for each in service.handlers if each.name == old.target.handler))


async def _stored(world: World, invocation_id: str, frames: Sequence[bytes]) -> Page:
    """Write all pages but the first, and return that one."""
    portions = _portions(await spilled(world, invocation_id, frames), world.settings.append_bytes_max)
    base = len(portions[0])
    for number, portion in enumerate(portions[1:], start=1):
        slot = Slot(page=number, count=0, base=base, frames_bytes=0)
        await world.store.append(invocation_id, slot=slot, epoch=0, frames=portion, taken=())
        base += len(portion)
    first, taken = portions[0], answered_awakeables(frames)
    weight = frames_bytes(first, taken)
    # An attempt may put as much again into an open page, for which one item has no room. (An input alone is smaller.)
    is_closed = len(portions) > 1 or (len(first) > 1 and is_full(0, frames_bytes=weight, appended_bytes=weight))
    return Page(epoch=0, base=0, frames=first, closed=is_closed, taken=taken)


def _portions(frames: Sequence[bytes], bytes_max: int) -> list[tuple[bytes, ...]]:
    """Return the frames page by page; each page but the last is so full that appending it closes it."""
    portions: list[list[bytes]] = [[]]
    size = 0
    for frame in frames:
        if portions[-1] and size + len(frame) > bytes_max:
            portions.append([])
            size = 0
        portions[-1].append(frame)
        size += len(frame)
    return [tuple(portion) for portion in portions]
