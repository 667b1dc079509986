"""A deployment behind a URL is reached from a function as it is from the embedded server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import holdfast
from examples.demo.processes import free_ports
from holdfast_aws.runtime.deadline import Deadline, PunctualInvoker
from holdfast_aws.runtime.http_endpoints import HttpEndpoints
from holdfast_aws.runtime.identity import SecretKey
from holdfast_endpoints.router import RoutingDiscovery, RoutingInvoker
from holdfast_engine.endpoints.identity import RequestSigner
from holdfast_engine.engine import Submission
from holdfast_engine.errors import DiscoveryFailed, Unavailable
from holdfast_engine.records import Target
from holdfast_engine.registry import Endpoint
from holdfast_local.composition import LocalServer
from holdfast_local.surroundings import SystemClock
from tests.support.attempts import attempt, http_deployment

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:identity-a1B2c3"
PEM = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
HTTP = http_deployment("http://127.0.0.1:9")

greeter = holdfast.Service("Greeter")


@greeter.handler()
async def greet(ctx: holdfast.Context, name: str) -> str:
    """Greet in two steps, which over HTTP are two attempts."""
    hello = await ctx.run_typed("hello", lambda: "hello")
    return await ctx.run_typed("whole", lambda: f"{hello}, {name}")


class Secrets:
    """Secrets Manager with one secret, or with trouble."""

    def __init__(self, text: str | Exception) -> None:
        self.text = text
        self.asked: list[str] = []

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's
        self.asked.append(SecretId)
        if isinstance(self.text, Exception):
            raise self.text
        return {"SecretString": self.text}


@asynccontextmanager
async def served(signatures: list[bytes | None]) -> AsyncIterator[str]:
    """Serve the handlers over HTTP/1.1 to whoever has signed, and note the signatures; yields the URL."""
    app = holdfast.app([greeter], identity_keys=[RequestSigner(PEM.encode(), clock=SystemClock()).public_key])

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        signatures.append(headers.get(b"x-restate-jwt-v1"))
        await app(scope, receive, send)

    (port,) = free_ports(1)
    config = uvicorn.Config(noted, host="127.0.0.1", port=port, log_level="warning", lifespan="off", loop="asyncio")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def test_a_url_is_registered_and_called() -> None:
    """An engine whose ways to endpoints are those of a function registers a URL and runs its handlers to their end."""
    clock = SystemClock()
    deadline = Deadline(clock=clock, margin_ms=1_000)
    deadline.begin(remaining_ms=60_000)
    seen: list[bytes | None] = []
    secrets = Secrets(PEM)
    http = HttpEndpoints(clock=clock, signer=SecretKey(secrets, SECRET, clock=clock).signer)
    server = LocalServer(data_dir=None, endpoints={}, sdk_version=None)
    server.engine.world.invoker = PunctualInvoker(RoutingInvoker({"http": http}), deadline)
    server.engine.world.discovery = RoutingDiscovery({"http": http})
    async with served(seen) as url:
        await server.start()
        endpoint = Endpoint(transport="http", address=url, use_http_11=True)
        registration = await server.engine.register(endpoint, force=False, breaking=False, dry_run=False, metadata=())
        assert [service.name for service in registration.deployment.manifest.services] == ["Greeter"]
        submission = Submission(
            target=Target(service="Greeter", key=None, handler="greet"),
            headers=(("content-type", "application/json"),),
            body=b'"world"',
            idempotency_key=None,
            invoke_at_ms=None,
            limit_key=None,
        )
        finished = await asyncio.wait_for(server.engine.call(submission), 30)
        assert finished.outcome.value == b'"hello, world"'
        await server.stop()
        await http.close()
    assert len(seen) >= 3
    assert all(seen), "a request came without a signature"
    assert secrets.asked == [SECRET]


async def test_a_secret_without_a_key_is_said() -> None:
    """A secret that holds no key fails attempts and registrations with a sentence, and is read again when mended."""
    secrets = Secrets("no key")
    http = HttpEndpoints(clock=SystemClock(), signer=SecretKey(secrets, SECRET, clock=SystemClock()).signer)
    answer = await http.invoke(HTTP, attempt(), checkpoint=None, timeout_ms=1_000)
    assert answer.failure is not None
    assert "cannot be signed" in answer.failure.message
    assert "openssl genpkey" in answer.failure.message
    with pytest.raises(DiscoveryFailed, match="cannot be signed"):
        await http.discover(HTTP.endpoint)
    secrets.text = PEM
    answer = await http.invoke(HTTP, attempt(), checkpoint=None, timeout_ms=1_000)
    assert answer.failure is not None
    assert "cannot connect" in answer.failure.message
    await http.close()


async def test_a_secret_out_of_reach_is_asked_for_again() -> None:
    """When Secrets Manager does not answer the message comes back, and no attempt is counted."""
    secrets = Secrets(ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, "GetSecretValue"))
    http = HttpEndpoints(clock=SystemClock(), signer=SecretKey(secrets, SECRET, clock=SystemClock()).signer)
    with pytest.raises(Unavailable, match="the identity key cannot be read"):
        await http.invoke(HTTP, attempt(), checkpoint=None, timeout_ms=1_000)


def test_without_a_secret_nobody_signs() -> None:
    """An installation that names no secret asks for none."""
    secrets = Secrets(PEM)
    assert SecretKey(secrets, "", clock=SystemClock()).signer() is None
    assert secrets.asked == []


def test_nobody_pays_for_http_before_it_is_used() -> None:
    """Composing the ways to endpoints imports no HTTP library: most functions never need one."""
    code = (
        "import sys, holdfast_aws.runtime.composition\n"
        "from holdfast_aws.runtime.http_endpoints import HttpEndpoints\n"
        "HttpEndpoints(clock=None, signer=None)\n"
        "print(sorted({'httpx', 'h2', 'httpcore', 'anyio', 'cryptography'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "[]"
