"""Editing a key's state from outside: the editor takes the key as an invocation would, for the time of one write.

* The key is held: the editor is refused, and never waits; an edit that comes in the middle of a handler's run would be
  lost with the handler's next write, or make its reads contradict each other. Restate's server accepts such an edit and
  lines it up behind those who wait; there, whoever edits is not told when the state was another by then and the edit
  was dropped. Here an accepted edit is a written one.
* The editor dies between taking and giving back: the lock names a holder that has no head, which is what the check of
  a queue and recovery pass over (`keys.check_key`). Nothing was written.
* Somebody passed it over while it was slow: giving back is fenced by its ticket, the edit is refused, nothing written.
* An invocation comes meanwhile: it queues up, and `leave_key` hands the key on to it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

from holdfast_engine.errors import WrongState
from holdfast_engine.ids import random_invocation_id
from holdfast_engine.keys import KEY_CHECK_AFTER_MS, leave_key
from holdfast_engine.records import KeyRef, StateWrites
from holdfast_engine.state import NO_WRITES
from holdfast_engine.world import World


async def edit_state(world: World, key: KeyRef, *, state: Mapping[str, bytes], version: str | None) -> None:
    """Replace a key's state.

    Raises:
        WrongState: An invocation holds the key, or the state is not of that version.
    """
    editor = random_invocation_id(key.service, world.clock, world.dice)
    # Should this process die in between, whoever checks the queue finds that nobody is behind the lock.
    await world.wakeups.check_key(key, not_before_ms=world.clock.now_ms() + KEY_CHECK_AFTER_MS)
    got = await world.store.enter_free(key, editor)
    if got is None:
        lock = (await world.store.keyed(key, with_state=False)).lock
        holder = f"{lock.holder} holds" if lock.holder is not None else "somebody waits for"
        raise WrongState(
            f"{holder} key {key.key!r} of {key.service}: edit its state when the key is free, or cancel it"
        )
    is_current = version is None or version == state_version(got.state)
    writes = StateWrites(clear_all=True, values=tuple(state.items())) if is_current else NO_WRITES
    is_written = await leave_key(world, key, editor, ticket=got.lock.serving, writes=writes)
    if not is_current:
        raise WrongState(
            f"the state of key {key.key!r} of {key.service} has changed since: read it again, then edit it"
        )
    if not is_written:
        raise WrongState(f"key {key.key!r} of {key.service} was busy: nothing was changed; try again")


def state_version(state: Mapping[str, bytes]) -> str:
    """Return what tells one state from another, as Restate's command line computes it from the rows it was shown.

    It goes by what was seen to come out of that command, so that `kv edit` and `kv patch` need no --force here. Marks
    stand between the parts instead of lengths: two states made to look alike have one version, and whoever can make
    them may write the state anyway.
    """
    digest = sha256()
    for index, (name, value) in enumerate(sorted((name.encode(), value) for name, value in state.items())):
        digest.update(b"%b\1%b\2%b\3" % (index.to_bytes(8, "big"), name, value))
    return urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
