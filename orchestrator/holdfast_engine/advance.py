"""A message arrived: whatever state the named invocation is in, bring it as far as it goes now.

First delivery and redelivery are the same code; a repetition only wastes reads.
"""

from __future__ import annotations

from holdfast_engine.admission import is_turn, let_go
from holdfast_engine.attempt import run, start_run
from holdfast_engine.damage import park
from holdfast_engine.errors import JournalDamaged
from holdfast_engine.held import Held, Key
from holdfast_engine.journal import Journal
from holdfast_engine.keys import Entered, enter, held_key, leave
from holdfast_engine.kill import bury
from holdfast_engine.load import is_pinned, journal_of, journal_of_stored, load_epoch
from holdfast_engine.notify import deliver_again, settled
from holdfast_engine.outcomes import outcome_in, outcome_of_head
from holdfast_engine.pages import slot_in_head
from holdfast_engine.perform import apply_state, perform
from holdfast_engine.ports import Fenced, Loaded
from holdfast_engine.records import Head, Kept, Kind, StateWrites, Status
from holdfast_engine.retention import drop_late_note, retire
from holdfast_engine.settle import note_death
from holdfast_engine.state import NO_WRITES, fold
from holdfast_engine.world import World


async def advance(world: World, invocation_id: str, *, expected_until_ms: int) -> int | None:
    """Advance an invocation; return when the message has to come back, None when it is done with.

    Until a time it may be one that has been announced, and is going to be created a moment later.
    """
    try:
        return await _advance(world, invocation_id, expected_until_ms)
    except JournalDamaged as damage:
        # Its own, or that of one that it had something for: that is at rest when the message comes back.
        is_parked = await park(world, damage)
        if is_parked and damage.invocation_id == invocation_id:
            return None
        return world.clock.now_ms() + world.settings.put_back_ms


async def _advance(world: World, invocation_id: str, expected_until_ms: int) -> int | None:
    # All of it at once: most messages name an invocation at rest, and then its journal is what comes next.
    loaded = await world.store.load(invocation_id, epoch=None)
    if loaded is None or isinstance(loaded, Fenced):
        now = world.clock.now_ms()
        if now < expected_until_ms:
            return now + world.settings.put_back_ms
        # The watchdog of a restart that died between its pages and its head, or a message that has come too late.
        await drop_late_note(world, invocation_id, None)
        return None
    head = loaded.head
    match head.status:
        case Status.COMPLETED:
            return await _finish_up(world, loaded)
        case Status.SCHEDULED:
            return await _scheduled(world, head)
        case Status.QUEUED:
            return await _queued(world, head)
        case Status.PAUSED:
            return await _perform_only(world, loaded)
        case Status.BACKING_OFF if head.retry_at_ms is not None and head.retry_at_ms > world.clock.now_ms():
            await world.wakeups.wake(head.id, not_before_ms=head.retry_at_ms)
            return await _perform_only(world, loaded)
        case Status.SUSPENDED:
            return await _suspended(world, loaded)
        case Status.RUNNING if (until := _leased_until(world, head)) is not None:
            return until
        case Status.RUNNING:
            return await _take(world, head, has_died=True)
        case Status.READY if not await is_turn(world, head):
            return None
        case _:
            journal = await journal_of(world, head, loaded.pages, loaded.notes)
            return await _take(world, head, has_died=False, journal=journal)


def _leased_until(world: World, head: Head) -> int | None:
    """Return until when the invocation is in good hands; None when whoever had it is dead, as far as one can tell.

    Of an attempt in this very process one can tell better than by its lease: a handler that has held up the event loop
    has held up the renewal of its lease as well, and is alive.
    """
    now = world.clock.now_ms()
    held = world.live.get(head.id)
    if held is not None and held.head.epoch == head.epoch:
        return max(head.lease_until_ms, now + world.settings.put_back_ms)
    return head.lease_until_ms if head.lease_until_ms > now else None


async def _take(
    world: World, head: Head, *, has_died: bool, entered: Entered | None = None, journal: Journal | None = None
) -> int | None:
    """Acquire and run; an attempt whose lease ended has failed without saying so, and counts (design section 4).

    `journal` is that of a head at rest, read with it. Nobody but an attempt writes to one, and the acquire tells that
    there has been none since; so it need not be read again, unless a handler of an earlier attempt may still write.
    Notes that came after it was read are found when the invocation comes to rest, like those that come later.

    Who has just got the key says by which ticket: should it be killed before it commits anything, its state is still
    told from that of a ticket it drew twice.
    """
    now = world.clock.now_ms()
    # One that is ready has none to keep, unless it stood in line between two tries.
    keeps_budget = head.status in (Status.BACKING_OFF, Status.READY) or has_died
    chosen = world.registry.deployment_for(head, has_progress=await is_pinned(world, head))
    acquired = await world.store.acquire(
        head.id,
        epoch=head.epoch,
        status=head.status,
        now_ms=now,
        lease_until_ms=now + world.settings.lease_ms,
        deployment_id=chosen[0].id if chosen is not None else head.deployment_id,
        protocol_version=chosen[1] if chosen is not None else head.protocol_version,
        ticket=await _ticket(world, head) if entered is None else entered.key.ticket,
        failed_attempts=(head.failed_attempts if keeps_budget else 0) + int(has_died),
        command_retries=head.command_retries + int(has_died),
    )
    if acquired is None:
        if entered is not None:
            await _leave_if_over(world, head)
        return now + world.settings.put_back_ms
    held = await _loaded(world, acquired.head, journal=journal, was_open=acquired.was_open)
    if held is None:
        return now + world.settings.put_back_ms
    is_at_rest = await note_death(world, held, start_run) if has_died else None
    if is_at_rest is None:
        is_at_rest = await run(world, held)
    else:
        await let_go(world, held.head)
    return None if is_at_rest else now + world.settings.put_back_ms


async def _leave_if_over(world: World, head: Head) -> None:
    """Give a key back at once that was entered for an invocation which had come to its end meanwhile."""
    latest = await world.store.load(head.id, epoch=None)
    if latest is None or isinstance(latest, Fenced):
        await leave(world, head, ticket=None, writes=NO_WRITES)
    elif latest.head.status is Status.COMPLETED:
        await _finish_up(world, latest)


async def _ticket(world: World, head: Head) -> int | None:
    """Return the ticket by which an invocation holds its key.

    One that was paused before its first commit has no ticket in its head, though it may have queued for the key. It
    keeps the key until it has ended, so what is served now is its first ticket.
    """
    if head.ticket is not None or not head.kind.holds_key:
        return head.ticket
    key = await held_key(world, head)
    return key.ticket if key is not None else None


async def _loaded(world: World, head: Head, *, journal: Journal | None, was_open: bool) -> Held | None:
    """Fence, then load: from now on no older epoch can write (O-8). None when there is a newer one."""
    if was_open and head.page.closed and not await _claim_open_slot(world, head):
        return None
    if journal is None or was_open:
        loaded = await load_epoch(world, head)
        if isinstance(loaded, Fenced):
            return None
        journal = loaded
    elif journal.slot.page == 0:
        # How full the first page is depends on what else the head says by now.
        journal.slot = slot_in_head(head)
    key: Key | None = None
    if head.kind.holds_key:
        key = await held_key(world, head)
        if key is None:
            return None
    elif head.kind is Kind.SHARED:
        key = Key(ticket=None, state=(await world.store.keyed(head.key_ref, with_state=True)).state)
    performed = world.performed.until(head)
    return Held(head=head, journal=journal, key=key, performed=performed, last_entry_ms=head.last_entry_ms)


async def _claim_open_slot(world: World, head: Head) -> bool:
    """Raise the epoch of the open page; pages that zombies close meanwhile move the slot on, but not for ever."""
    for _ in range(world.settings.fence_rounds_max):
        journal = await journal_of_stored(world, head.id)
        if journal is None:
            return False
        slot = journal.slot
        claimed = await world.store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=head.epoch)
        if claimed is not None:
            return True
    return False


async def _queued(world: World, head: Head) -> int | None:
    """Run it if the key is its own, else see that it stands in the queue."""
    entered = await enter(world, head, is_fresh=False)
    if entered is None:
        return None
    if not (entered.at_once and entered.is_found):
        return await _take(world, head, has_died=False, entered=entered)
    # Its creator got the key at once and runs it as the epoch it was created with, unless it has died.
    until = _leased_until(world, head)
    if until is not None:
        return until
    return await _take(world, head, has_died=head.is_open, entered=entered)


async def _scheduled(world: World, head: Head) -> int | None:
    now = world.clock.now_ms()
    if head.invoke_at_ms is not None and head.invoke_at_ms > now:
        await world.wakeups.wake(head.id, not_before_ms=head.invoke_at_ms)
        return None
    status = Status.QUEUED if head.kind.holds_key else Status.READY
    moved = await world.store.due(head.id, status=status, now_ms=now)
    if moved is None:
        return now + world.settings.put_back_ms
    return await _queued(world, moved) if status is Status.QUEUED else await _take(world, moved, has_died=False)


async def _suspended(world: World, loaded: Loaded) -> int | None:
    held = await _unowned(world, loaded)
    assert held.head.awaiting is not None
    now = world.clock.now_ms()
    if held.journal.has_resolved(held.head.awaiting, now_ms=now, signals_from=held.journal.durable):
        return await _take(world, held.head, has_died=False, journal=held.journal)
    await perform(world, held, start_run)
    await apply_state(world, held)
    due = held.journal.next_due_ms(after_ms=now)
    if due is not None:
        await world.wakeups.wake(held.head.id, not_before_ms=due)
    return None


async def _perform_only(world: World, loaded: Loaded) -> int | None:
    held = await _unowned(world, loaded)
    await perform(world, held, start_run)
    await apply_state(world, held)
    return None


async def _finish_up(world: World, loaded: Loaded) -> int | None:
    """Do again all that follows from completion (O-6): effects, sinks, children of a kill, the key."""
    head = loaded.head
    # Whoever lets go of a journal has seen to everything before.
    if world.performed.is_settled(head) or head.kept is not Kept.JOURNAL:
        # All but a second turn at the key: a waiter that was cancelled is served like the others, and leaves.
        if head.kind.holds_key and await held_key(world, head) is not None:
            await leave(world, head, ticket=None, writes=NO_WRITES)
        return None
    if head.is_killed:
        await bury(world, head, start_run)
        return None
    held = await _unowned(world, loaded)
    await perform(world, held, start_run)
    if head.kind.holds_key:
        await leave(world, head, ticket=head.ticket, writes=_last_writes(held))
    # Behind the state: whoever gets the outcome finds what was written.
    await deliver_again(world, head, outcome_in(head, held.journal) or await outcome_of_head(world, head))
    await retire(world, head, held.journal)
    await let_go(world, head)
    await settled(world, head)
    return None


async def _unowned(world: World, loaded: Loaded) -> Held:
    """Return an invocation for looking and performing, not for writing to its journal."""
    journal = await journal_of(world, loaded.head, loaded.pages, loaded.notes)
    key = await held_key(world, loaded.head) if loaded.head.kind.holds_key else None
    return Held(
        head=loaded.head,
        journal=journal,
        key=key,
        performed=world.performed.until(loaded.head),
        last_entry_ms=loaded.head.last_entry_ms,
    )


def _last_writes(held: Held) -> StateWrites:
    if held.key is None:
        return NO_WRITES
    return fold(held.journal.entries[held.key.applied + 1 : held.journal.durable])
