"""How ids come about: random ones, and derived ones that make "create if absent" the whole of deduplication.

The first 8 bytes of every invocation id are derived from its service, so that IAM's leading keys can confine a
handler function to the journals of its own services. The other 16 are a ULID, or a hash where a duplicate has to meet
its original: a workflow run, an idempotent request, a child of a given command.
"""

from __future__ import annotations

from hashlib import sha256

from holdfast_engine.ports import Clock, Dice
from holdfast_engine.records import Head, Target
from holdfast_protocol.ids import decode_invocation_id, encode_deployment_id, encode_invocation_id, ulid

_ULID_ENTROPY_BYTES = 10
_IDENTITY_BYTES = 16
_PREFIX_BYTES = 8


def service_prefix(service: str) -> bytes:
    """Return the 8 bytes that all invocation ids of a service begin with."""
    return sha256(b"service," + service.encode()).digest()[:_PREFIX_BYTES]


def random_invocation_id(service: str, clock: Clock, dice: Dice) -> str:
    """Return a fresh id."""
    return encode_invocation_id(service_prefix(service) + ulid(clock.now_ms(), dice.entropy(_ULID_ENTROPY_BYTES)))


def workflow_run_id(target: Target) -> str:
    """Return the id of the one run of a workflow key."""
    return _hashed(target.service, "wf", target.scope, target.service, target.key)


def idempotent_id(target: Target, idempotency_key: str) -> str:
    """Return the id that every request with this idempotency key to this target has."""
    return _hashed(target.service, "ik", target.scope, target.service, target.key, target.handler, idempotency_key)


def child_id(service: str, *, parent_id: str, nonce: str, completion_id: int) -> str:
    """Return the id of what one Call or OneWayCall command creates, however often it is performed.

    With the parent's nonce: its id may come back with another invocation, which has children of its own.
    """
    return _hashed(service, "child", parent_id, nonce, str(completion_id))


def random_deployment_id(clock: Clock, dice: Dice) -> str:
    """Return a fresh deployment id."""
    return encode_deployment_id(ulid(clock.now_ms(), dice.entropy(_ULID_ENTROPY_BYTES)))


def random_seed(raw_id: bytes) -> int:
    """Return the seed of an invocation's random numbers: stable, and not the id itself."""
    return int.from_bytes(sha256(b"seed," + raw_id).digest()[:8], "big")


def seed_of(head: Head) -> int:
    """Return the seed of an invocation's random numbers; a restarted one has that of its original."""
    return head.origin.seed if head.origin is not None else random_seed(decode_invocation_id(head.id))


def _hashed(service: str, *parts: str | None) -> str:
    # Each part goes in with its length, so that no two lists of parts read the same.
    digest = sha256()
    for part in parts:
        data = b"-" if part is None else part.encode()
        digest.update(b"%d%s" % (len(data), b":" if part is not None else b"?"))
        digest.update(data)
    return encode_invocation_id(service_prefix(service) + digest.digest()[:_IDENTITY_BYTES])
