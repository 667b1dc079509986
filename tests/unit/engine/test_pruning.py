"""Which deployments are drained, and what forgetting one leaves behind."""

from __future__ import annotations

from holdfast_engine.pruning import drained, forget
from holdfast_engine.registry import Registry
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_deployment_is_drained_when_its_last_invocation_has_ended() -> None:
    """An invocation that waits keeps its deployment, and a completed one does not."""
    first, second = deployment(services()), deployment(services(), number=2)
    async with EngineUnderTest(deployments=[first]) as e:
        e.script["S/work"] = answers([f.suspension(signals=(1, 17))])
        e.script["S/other"] = answers([f.output(b""), f.END])
        waiting = await e.send("S/work")
        await e.call("S/other")
        await e.rest(1)
        assert await drained(e.world, [first, second]) == [second]
        await e.engine.kill(waiting)
        await e.rest(1)
        assert await drained(e.world, [first, second]) == [first, second]


@in_virtual_time
async def test_a_forgotten_deployment_is_gone_from_store_and_registry() -> None:
    """Services that only a forgotten deployment had are unknown; the others are where they were."""
    both, one = services()[:2], services()[:1]
    async with EngineUnderTest(deployments=[deployment(both), deployment(one, number=2)]) as e:
        for each in e.world.registry.deployments():
            await e.store.save_deployment(each)
        await forget(e.world, e.world.registry.deployments()[0])
        for registry in (e.world.registry, Registry(await e.store.deployments())):
            assert [(each.name, each.revision) for each in registry.services()] == [("S", 2)]
