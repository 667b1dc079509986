"""A deployment behind a URL is reached from a function as it is from the embedded server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

import holdfast
from examples.demo.processes import free_ports
from holdfast_aws.runtime.deadline import Deadline, PunctualInvoker
from holdfast_aws.runtime.http_endpoints import HttpEndpoints
from holdfast_endpoints.router import RoutingDiscovery, RoutingInvoker
from holdfast_engine.engine import Submission
from holdfast_engine.records import Target
from holdfast_engine.registry import Endpoint
from holdfast_local.composition import LocalServer
from holdfast_local.surroundings import SystemClock

greeter = holdfast.Service("Greeter")


@greeter.handler()
async def greet(ctx: holdfast.Context, name: str) -> str:
    """Greet in two steps, which over HTTP are two attempts."""
    hello = await ctx.run_typed("hello", lambda: "hello")
    return await ctx.run_typed("whole", lambda: f"{hello}, {name}")


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Serve the handlers over HTTP/1.1; yields the URL."""
    (port,) = free_ports(1)
    config = uvicorn.Config(
        holdfast.app([greeter]), host="127.0.0.1", port=port, log_level="warning", lifespan="off", loop="asyncio"
    )
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
    http = HttpEndpoints(clock=clock)
    server = LocalServer(data_dir=None, endpoints={}, sdk_version=None)
    server.engine.world.invoker = PunctualInvoker(RoutingInvoker({"http": http}), deadline)
    server.engine.world.discovery = RoutingDiscovery({"http": http})
    async with served() as url:
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


def test_nobody_pays_for_http_before_it_is_used() -> None:
    """Composing the ways to endpoints imports no HTTP library: most functions never need one."""
    code = (
        "import sys, holdfast_aws.runtime.composition\n"
        "from holdfast_aws.runtime.http_endpoints import HttpEndpoints\n"
        "HttpEndpoints(clock=None)\n"
        "print(sorted({'httpx', 'h2', 'httpcore', 'anyio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "[]"
