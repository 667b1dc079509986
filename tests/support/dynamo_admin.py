"""Ingress and admin API over a store on DynamoDB, behind HTTP, in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn

from examples.demo.processes import free_ports
from holdfast_aws.store import DynamoStore
from holdfast_http.admin.app import Admin
from holdfast_http.asgi import AsgiBinding
from holdfast_http.ingress.app import Ingress
from holdfast_local.in_process import LocalEndpoint
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_server import DynamoServer
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables


@contextmanager
def dynamo_admin(url: str, endpoints: Mapping[str, LocalEndpoint]) -> Iterator[tuple[str, str]]:
    """Serve handlers of this process over the DynamoDB at an address; yield the URLs of ingress and admin API."""
    ports = free_ports(2)
    stopping, ready = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(url, endpoints, ports, ready, stopping)))
    thread.start()
    assert ready.wait(30)
    try:
        yield f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    finally:
        stopping.set()
        thread.join()


async def _serve(
    url: str,
    endpoints: Mapping[str, LocalEndpoint],
    ports: list[int],
    ready: threading.Event,
    stopping: threading.Event,
) -> None:
    client, blobs = client_of(url), MemoryBlobs()
    store = DynamoStore(client, new_tables(client), clock=SystemClock(), blobs=blobs)
    server = DynamoServer(store, blobs=blobs, endpoints=endpoints)
    await server.start()
    server.engine.world.listing = store.listing
    admin = Admin(server.engine, product_version="1.7.0", ingress_url=f"http://127.0.0.1:{ports[0]}")
    apps = [AsgiBinding(Ingress(server.engine, now_ms=SystemClock().now_ms)), AsgiBinding(admin)]
    doors = [
        uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off", ws="none"))
        for app, port in zip(apps, ports, strict=True)
    ]
    serving = [asyncio.create_task(door.serve()) for door in doors]
    while not all(door.started for door in doors):
        await asyncio.sleep(0.01)
    ready.set()
    while not stopping.is_set():
        await asyncio.sleep(0.05)
    for door in doors:
        door.should_exit = True
    await asyncio.gather(*serving)
    await admin.close()
    await server.stop(within_s=0)
