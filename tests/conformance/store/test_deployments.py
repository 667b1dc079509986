"""Deployments: kept whole, listed in order of their age, forgotten when told."""

from __future__ import annotations

import secrets
from dataclasses import replace

from holdfast_engine.ports import Store
from holdfast_engine.registry import Deployment
from holdfast_protocol.ids import encode_deployment_id
from holdfast_protocol.manifest import InputSpec, Options, OutputSpec, RetryPolicy
from tests.support.engine_world import deployment, services


def new_deployment(created_ms: int) -> Deployment:
    options = Options(
        ingress_private=True, abort_timeout_ms=5, retry_policy=RetryPolicy(max_attempts=3, on_max_attempts="kill")
    )
    manifests = services(S=options)
    described = replace(
        manifests[0],
        documentation="What it does.",
        metadata={"team": "core"},
        handlers=(
            replace(
                manifests[0].handlers[0],
                input=InputSpec(required=True, content_type="application/json", json_schema={"type": ["string", None]}),
                output=OutputSpec(content_type="application/json", set_content_type_if_empty=False),
                options=options,
            ),
        ),
    )
    return replace(
        deployment([described, *manifests[1:]]),
        id=encode_deployment_id(secrets.token_bytes(16)),
        created_ms=created_ms,
        sdk_version="restate-sdk-python/1.3.0",
        metadata=(("k", "v"),),
    )


async def mine(store: Store, *ids: str) -> list[Deployment]:
    return [each for each in await store.deployments() if each.id in ids]


async def test_deployments_come_back_whole_and_in_order(store: Store) -> None:
    """The oldest comes first, whenever it was put, and every field is there."""
    first, second, third = (new_deployment(created_ms) for created_ms in (1, 2, 3))
    for each in (third, first, second):
        await store.save_deployment(each)
    assert await mine(store, first.id, second.id, third.id) == [first, second, third]


async def test_a_deployment_put_again_is_replaced(store: Store) -> None:
    """Registering by force overwrites a deployment in place."""
    first = new_deployment(1)
    await store.save_deployment(first)
    changed = replace(first, sdk_version="other/2", revisions=(("S", 2),))
    await store.save_deployment(changed)
    assert await mine(store, first.id) == [changed]


async def test_a_deployment_is_forgotten(store: Store) -> None:
    """It is gone from the list; forgetting it again is no matter."""
    first, second = new_deployment(1), new_deployment(2)
    await store.save_deployment(first)
    await store.save_deployment(second)
    for _ in range(2):
        await store.forget_deployment(first.id)
    assert await mine(store, first.id, second.id) == [second]
