"""Options of services that operators change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_engine.errors import RequestRejected, UnknownTarget
from holdfast_engine.registry import Registry
from holdfast_protocol.manifest import Options
from tests.support.engine_world import EngineUnderTest, deployment, services
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_what_is_said_changes() -> None:
    """Only the options that are named change, for whoever reads the registry, until the service's next revision."""
    async with EngineUnderTest(deployments=[deployment(services(S=Options(abort_timeout_ms=1)))]) as e:
        change = Options(idempotency_retention_ms=5_000, ingress_private=True)
        changed = await e.engine.configure("S", change)
        spec = changed.handlers["work"]
        assert (spec.completion_retention_ms, spec.abort_timeout_ms, spec.is_private) == (5_000, 1, True)
        assert changed.revision == 1
        kept = Registry(await e.store.deployments()).service("S")
        assert kept == changed
        untouched = e.registry.service("O")
        assert untouched is not None
        assert not untouched.handlers["add"].is_private
        e.registry.put(deployment(services(), number=2))
        assert not e.registry.handler("S", "work").is_private


@in_virtual_time
async def test_a_handler_has_the_last_word_but_on_who_may_call_it() -> None:
    """A handler's own option stays over its service's; public and private are said of all handlers at once."""
    service = services()[0]
    own = Options(journal_retention_ms=7, ingress_private=True)
    handlers = (replace(service.handlers[0], options=own), *service.handlers[1:])
    async with EngineUnderTest(deployments=[deployment([replace(service, handlers=handlers)])]) as e:
        changed = await e.engine.configure("S", Options(journal_retention_ms=9, ingress_private=False))
        assert [changed.handlers[name].journal_retention_ms for name in ("work", "other")] == [7, 9]
        assert not any(spec.is_private for spec in changed.handlers.values())


@in_virtual_time
async def test_what_cannot_be_configured() -> None:
    """There must be such a service, and a workflow where runs are to be kept."""
    async with EngineUnderTest() as e:
        with pytest.raises(UnknownTarget):
            await e.engine.configure("Nonesuch", Options())
        with pytest.raises(RequestRejected, match="no workflow"):
            await e.engine.configure("S", Options(workflow_completion_retention_ms=1))
        changed = await e.engine.configure("W", Options(workflow_completion_retention_ms=1))
        assert changed.handlers["run"].completion_retention_ms == 1
