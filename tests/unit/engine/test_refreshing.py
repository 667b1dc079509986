"""Endpoints that a server is given at each start: replaced when their code differs, left alone when it does not."""

from __future__ import annotations

from dataclasses import replace

from holdfast_engine.registry import Endpoint
from holdfast_protocol.manifest import Manifest, Options
from tests.support.engine_world import EngineUnderTest, deployment, services
from tests.support.virtual_time import in_virtual_time

_HERE = Endpoint(transport="http", address="here")
_CHANGE = Options(idempotency_retention_ms=5_000)
_MANIFEST = deployment(services()).manifest
_OTHER = replace(services()[0], name="Other")


def _manifest(*, retention_ms: int | None = None) -> Manifest:
    return replace(_MANIFEST, services=services(S=Options(journal_retention_ms=retention_ms)))


def _retention_ms(e: EngineUnderTest) -> int:
    return e.registry.handler("S", "work").completion_retention_ms


@in_virtual_time
async def test_the_same_code_keeps_what_was_changed() -> None:
    """A restart with the code of the last start leaves options as operators have set them, and makes no revision."""
    async with EngineUnderTest(deployments=[deployment([_OTHER])]) as e:
        e.discovery.manifests["here"] = _manifest()
        first = await e.engine.refresh(_HERE)
        configured = await e.engine.configure("S", _CHANGE)
        again = await e.engine.refresh(_HERE)
        assert (first.is_new, again.is_new) == (True, False)
        assert e.registry.service("S") == configured
        assert _retention_ms(e) == 5_000


@in_virtual_time
async def test_other_code_is_a_new_revision() -> None:
    """Where the code says something else than at the last start, what operators had set gives way to it."""
    async with EngineUnderTest(deployments=[deployment([_OTHER])]) as e:
        e.discovery.manifests["here"] = _manifest()
        await e.engine.refresh(_HERE)
        await e.engine.configure("S", _CHANGE)
        e.discovery.manifests["here"] = _manifest(retention_ms=7)
        await e.engine.refresh(_HERE)
        service = e.registry.service("S")
        assert service is not None
        assert (service.revision, _retention_ms(e) == 5_000) == (2, False)


@in_virtual_time
async def test_what_others_have_taken_over_is_taken_back() -> None:
    """A start means that its own services are to be called, whoever has registered them since the last one."""
    async with EngineUnderTest(deployments=[deployment([_OTHER])]) as e:
        e.discovery.manifests |= {"here": _manifest(), "elsewhere": _manifest()}
        first = await e.engine.refresh(_HERE)
        elsewhere = Endpoint(transport="http", address="elsewhere")
        await e.engine.register(elsewhere, force=False, breaking=False, dry_run=False, metadata=())
        await e.engine.refresh(_HERE)
        latest = e.registry.latest("S")
        assert latest is not None
        assert latest[0].id == first.deployment.id
