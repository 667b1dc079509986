"""Versions of a function go when nothing needs them, and not a moment earlier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_aws.runtime.pruning import PRUNED_MAX, Pruning
from holdfast_engine.errors import Unavailable
from holdfast_engine.registry import Deployment, Endpoint
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def version(number: int, *, names: tuple[str, ...] = ("S", "O", "W"), function: str = FUNCTION) -> Deployment:
    """Return the deployment of a version of the function that serves some services."""
    manifests = [each for each in services() if each.name in names]
    return replace(
        deployment(manifests, number=number), endpoint=Endpoint(transport="lambda", address=f"{function}:{number}")
    )


class Deleted(list[str]):
    """The versions that were deleted."""

    async def delete(self, version_arn: str) -> None:
        self.append(version_arn)


class Refusing:
    """Versions that cannot be deleted now."""

    async def delete(self, version_arn: str) -> None:
        raise Unavailable(f"deleting {version_arn}: the rate of requests is limited")


async def engine_with(e: EngineUnderTest, *deployments: Deployment) -> tuple[Pruning, Deleted]:
    for each in deployments:
        await e.store.save_deployment(each)
        e.registry.put(each)
    deleted = Deleted()
    return Pruning(e.world, deleted), deleted


@in_virtual_time
async def test_all_but_the_last_two_go() -> None:
    """Versions before the last two are removed from the registry and from Lambda."""
    versions = [version(number) for number in range(1, 5)]
    async with EngineUnderTest(deployments=versions) as e:
        pruning, deleted = await engine_with(e, *versions)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == [f"{FUNCTION}:1", f"{FUNCTION}:2"]
        assert [each.endpoint.address for each in e.world.registry.deployments()] == [f"{FUNCTION}:3", f"{FUNCTION}:4"]
        assert [each.id for each in await e.store.deployments()] == [each.id for each in versions[2:]]


@in_virtual_time
async def test_a_version_that_could_not_be_deleted_is_looked_at_again() -> None:
    """As long as a version is there the registry knows it, so that the next time finds it."""
    versions = [version(number) for number in range(1, 4)]
    async with EngineUnderTest(deployments=versions) as e:
        pruning, deleted = await engine_with(e, *versions)
        refusing = Pruning(e.world, Refusing())
        with pytest.raises(Unavailable):
            await refusing.prune(FUNCTION, keep=2)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == [f"{FUNCTION}:1"]


@in_virtual_time
async def test_a_version_on_which_something_runs_stays() -> None:
    """A version to which a suspended invocation is pinned is kept until that has ended."""
    first, *later = [version(number) for number in range(1, 5)]
    async with EngineUnderTest(deployments=[first]) as e:
        e.script["S/work"] = answers([f.suspension(signals=(1, 17))])
        invocation_id = await e.send("S/work")
        await e.rest(1)
        pruning, deleted = await engine_with(e, first, *later)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == [f"{FUNCTION}:2"]
        await e.engine.kill(invocation_id)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == [f"{FUNCTION}:2", f"{FUNCTION}:1"]


@in_virtual_time
async def test_a_version_where_a_service_is_still_at_home_stays() -> None:
    """A service that later versions do not have keeps the version that has it."""
    versions = [version(1), *(version(number, names=("S",)) for number in range(2, 5))]
    async with EngineUnderTest(deployments=versions) as e:
        pruning, deleted = await engine_with(e, *versions)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == [f"{FUNCTION}:2"]


@in_virtual_time
async def test_other_functions_are_left_alone() -> None:
    """Only the named function's versions go."""
    other = [version(number, function=f"{FUNCTION}-two") for number in range(1, 4)]
    async with EngineUnderTest(deployments=other) as e:
        pruning, deleted = await engine_with(e, *other)
        await pruning.prune(FUNCTION, keep=2)
        assert deleted == []


@in_virtual_time
async def test_with_the_function_all_its_versions_go() -> None:
    """When the function is deleted, its services are no longer registered."""
    versions = [version(number) for number in range(1, 3)]
    async with EngineUnderTest(deployments=versions) as e:
        pruning, deleted = await engine_with(e, *versions)
        await pruning.prune(FUNCTION, keep=0)
        assert len(deleted) == 2
        assert e.world.registry.services() == []


@in_virtual_time
async def test_what_is_removed_at_once_is_bounded() -> None:
    """One deployment removes so many versions and leaves the rest to the next."""
    versions = [version(number) for number in range(1, PRUNED_MAX + 6)]
    async with EngineUnderTest(deployments=versions) as e:
        pruning, deleted = await engine_with(e, *versions)
        await pruning.prune(FUNCTION, keep=2)
        assert len(deleted) == PRUNED_MAX
        await pruning.prune(FUNCTION, keep=2)
        assert len(deleted) == len(versions) - 2
