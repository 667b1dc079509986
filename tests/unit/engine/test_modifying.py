"""Changing and removing deployments in place."""

from __future__ import annotations

import pytest

from holdfast_engine.errors import RegistrationRejected, UnknownDeployment, WrongState
from holdfast_engine.registry import Endpoint, Registry
from holdfast_protocol.manifest import Manifest
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

SERVICE, OBJECT, WORKFLOW = services()
FIRST, SECOND = deployment([SERVICE, OBJECT]), deployment([SERVICE], number=2)
ELSEWHERE = Endpoint(transport="http", address="elsewhere", additional_headers=(("x-a", "b"),))
WAITING = [f.suspension(signals=(1, 17))]


def world(manifest: Manifest) -> EngineUnderTest:
    """Return an engine with two deployments, and an endpoint elsewhere that serves something."""
    e = EngineUnderTest(deployments=[FIRST, SECOND])
    e.discovery.manifests["elsewhere"] = manifest
    return e


@in_virtual_time
async def test_it_moves_and_stays_what_it_is() -> None:
    """A deployment gets another address and headers; what it serves, and for how long it has, is as it was."""
    async with world(FIRST.manifest) as e:
        moved = await e.engine.modify_deployment(FIRST.id, ELSEWHERE, overwrite=False, dry_run=False)
        assert moved.endpoint == ELSEWHERE
        assert (moved.id, moved.manifest, moved.revisions) == (FIRST.id, FIRST.manifest, FIRST.revisions)
        assert e.registry.deployment(FIRST.id) == moved
        assert moved in await e.store.deployments()


@in_virtual_time
async def test_a_dry_run_changes_nothing() -> None:
    """A dry run says what would be."""
    async with world(FIRST.manifest) as e:
        moved = await e.engine.modify_deployment(FIRST.id, ELSEWHERE, overwrite=False, dry_run=True)
        assert moved.endpoint == ELSEWHERE
        assert e.registry.deployment(FIRST.id) == FIRST


@in_virtual_time
async def test_what_is_pinned_to_it_may_need_all_of_it() -> None:
    """An endpoint that lacks a handler is refused, unless that is meant; and then new work does not move there."""
    async with world(SECOND.manifest) as e:
        with pytest.raises(RegistrationRejected, match="overwrite=true"):
            await e.engine.modify_deployment(FIRST.id, ELSEWHERE, overwrite=False, dry_run=False)
        changed = await e.engine.modify_deployment(FIRST.id, ELSEWHERE, overwrite=True, dry_run=False)
        assert (changed.manifest, changed.revisions) == (SECOND.manifest, (("S", 1),))
        service = e.registry.service("S")
        assert service is not None
        assert service.deployment.id == SECOND.id
        assert e.registry.service("O") is None


@in_virtual_time
async def test_anothers_address_is_taken() -> None:
    """Two deployments are never at one address."""
    async with world(FIRST.manifest) as e:
        with pytest.raises(RegistrationRejected, match=SECOND.id):
            await e.engine.modify_deployment(FIRST.id, SECOND.endpoint, overwrite=True, dry_run=False)


@in_virtual_time
async def test_there_must_be_one() -> None:
    """An id that nobody has is refused by name."""
    async with world(FIRST.manifest) as e:
        unknown = deployment((), number=9).id
        with pytest.raises(UnknownDeployment, match=unknown):
            await e.engine.modify_deployment(unknown, ELSEWHERE, overwrite=False, dry_run=False)
        for force in (False, True):
            with pytest.raises(UnknownDeployment, match=unknown):
                await e.engine.forget_deployment(unknown, force=force)


@in_virtual_time
async def test_only_what_is_drained_goes_by_itself() -> None:
    """A deployment is kept while a service is at home there or an invocation runs on it; force asks for neither."""
    third = deployment([SERVICE, OBJECT], number=3)
    async with world(FIRST.manifest) as e:
        e.script["S/work"] = answers(WAITING)
        waiting = await e.send("S/work")
        await e.rest(1)
        # The object is at home at the first one, the invocation runs on the second one.
        assert await e.engine.drained_deployments() == []
        for each in (FIRST, SECOND):
            with pytest.raises(WrongState, match="not drained"):
                await e.engine.forget_deployment(each.id, force=False)
        e.registry.put(third)
        assert await e.engine.drained_deployments() == [FIRST]
        await e.engine.forget_deployment(FIRST.id, force=False)
        await e.engine.kill(waiting)
        await e.rest(1)
        assert await e.engine.drained_deployments() == [SECOND]
        await e.engine.forget_deployment(third.id, force=True)
        assert [each.id for each in e.registry.deployments()] == [SECOND.id]
        assert Registry(await e.store.deployments()).deployments() == []
