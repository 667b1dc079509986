"""The HTTP invoker when endpoints die, come back, or sit behind TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast_endpoints.http_discovery import HttpDiscovery
from holdfast_endpoints.http_invoker import HttpInvoker
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint
from tests.e2e.endpoint_servers import KIND_BY_NAME, EndpointProcess
from tests.support.attempts import FixedClock, attempt, http_deployment
from tests.support.certificates import Certificates
from tests.support.drive import drive


@pytest.fixture
async def pool() -> AsyncIterator[HttpPool]:
    """Connections that are closed after the test."""
    pool = HttpPool()
    yield pool
    await pool.close()


@pytest.mark.parametrize("name", ["restate-sdk-hypercorn-h2c", "holdfast-uvicorn-http11", "typescript-node-h2c"])
async def test_an_endpoint_that_is_killed_and_comes_back(name: str, pool: HttpPool, tmp_path: Path) -> None:
    """Killed during an attempt it fails and counts, while it is down it does not count, and back up it serves again."""
    process = EndpointProcess(KIND_BY_NAME[name], folder=tmp_path)
    process.start()
    try:
        invoker = HttpInvoker(pool, clock=FixedClock())
        await drive(invoker, process.deployment, "steps", b"1")
        request = attempt(service="Probe", handler="hang", payload=b"20000")
        under_way = asyncio.create_task(invoker.invoke(process.deployment, request, checkpoint=None, timeout_ms=15_000))
        await asyncio.sleep(0.3)
        process.kill()
        failure = (await under_way).failure
        assert failure is not None
        assert (failure.rt_code, failure.is_counted) == ("RT0010", True)
        assert process.uri in failure.message

        failure = (await invoker.invoke(process.deployment, request, checkpoint=None, timeout_ms=15_000)).failure
        assert failure is not None
        assert (failure.rt_code, failure.is_counted) == ("RT0010", False)
        assert f"cannot connect to {process.uri}" in failure.message

        process.start()
        driven = await drive(invoker, process.deployment, "steps", b"2")
        assert driven.output is not None
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("name", "use_http_11"),
    [
        ("restate-sdk-hypercorn-h2c", False),
        ("restate-sdk-hypercorn-h2c", True),
        ("holdfast-uvicorn-http11", False),
        ("holdfast-uvicorn-http11", True),
    ],
)
async def test_an_https_endpoint_is_spoken_to_in_what_it_offers(
    name: str, use_http_11: bool, pool: HttpPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS the version of HTTP is settled by ALPN, or is 1.1 when asked for; a trusted certificate is enough."""
    certificates = Certificates(tmp_path)
    process = EndpointProcess(KIND_BY_NAME[name], folder=tmp_path, certificate=certificates.server_file)
    process.start()
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
        deployment = http_deployment(process.uri, use_http_11=use_http_11)
        manifest, _ = await HttpDiscovery(pool).discover(deployment.endpoint)
        assert (manifest.protocol_mode == "bidi_stream") == ("hypercorn" in name and not use_http_11)
        driven = await drive(HttpInvoker(pool, clock=FixedClock()), deployment, "steps", b"2")
        assert driven.output is not None
    finally:
        process.kill()


async def test_an_untrusted_certificate_is_a_sentence(pool: HttpPool, tmp_path: Path) -> None:
    """An endpoint whose certificate nobody vouches for is refused, and the message says so."""
    kind = KIND_BY_NAME["holdfast-uvicorn-http11"]
    process = EndpointProcess(kind, folder=tmp_path, certificate=Certificates(tmp_path).server_file)
    process.start()
    try:
        with pytest.raises(DiscoveryFailed, match="certificate verify failed"):
            await HttpDiscovery(pool).discover(Endpoint(transport="http", address=process.uri))
    finally:
        process.kill()
