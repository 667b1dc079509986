"""An endpoint that refuses a protocol version which it said it speaks: from then on it is spoken to in an older one.

What stands between a server and an SDK may have been put back to an older SDK, or the SDK may know a version that is
switched off. The refusal is written down as the deployment's cap, where people see it and may lift it: by registering
the endpoint again.

Two processes may meet refusals at once. Each lowers what it knows by one version, so one that has old news may put the
cap back up to what the other was refused; its next attempt is refused there as well, and lowers it again. A version is
passed at most once per refusal, and there are three, so this ends.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from holdfast_engine.load import is_pinned
from holdfast_engine.ports import Answer
from holdfast_engine.records import Head
from holdfast_engine.registration import save
from holdfast_engine.registry import PROTOCOL_CAP, Deployment
from holdfast_engine.world import World
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.versions import choose_version

_LOG = logging.getLogger("holdfast")


async def after_refusal(world: World, head: Head, deployment: Deployment, version: int, answer: Answer) -> Answer:
    """Return an answer as it is to be settled: one that refused the version is tried again at once in an older one.

    An invocation that has stored entries goes on in the version that they are written in, or not at all.
    """
    failure = answer.failure
    if failure is None or failure.rt_code != RestateCode.RT0015 or await is_pinned(world, head):
        return answer
    if not await _lower(world, deployment.id, version):
        return answer
    return replace(answer, failure=replace(failure, is_handover=True))


async def _lower(world: World, deployment_id: str, refused: int) -> bool:
    """Cap a deployment below a version; False when it knows none below."""
    deployment = world.registry.deployment(deployment_id)
    if deployment is None:
        return False
    spoken = deployment.protocol_version
    if spoken is not None and spoken < refused:
        # Another attempt was refused before this one.
        return True
    manifest = deployment.manifest
    older = choose_version(manifest.min_protocol_version, manifest.max_protocol_version, cap=refused - 1)
    if older is None:
        return False
    kept = tuple((name, value) for name, value in deployment.metadata if name != PROTOCOL_CAP)
    await save(world, replace(deployment, metadata=(*kept, (PROTOCOL_CAP, str(older)))))
    _LOG.warning(
        "%s refuses protocol version %d, which it says it speaks: it is spoken to in version %d from now on",
        deployment.endpoint.address,
        refused,
        older,
    )
    return True
