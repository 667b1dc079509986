"""The ingress over real HTTP, in front of the real engine."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from examples.demo.processes import DevServer
from tests.support.load import LoadClient
from tests.support.site import Site, eventually

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with handlers that show what they are given."""
    server = DevServer(["tests.support.services.ingress"], folder=tmp_path_factory.mktemp("ingress"))
    server.start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output(bytes_max=MIB)


@pytest.fixture(scope="module")
def site(server: DevServer) -> Iterator[Site]:
    """A client of it."""
    with Site(server.ingress_url, server.admin_url) as site:
        yield site


def test_headers_reach_the_handler(site: Site) -> None:
    """The handler sees the client's headers and the path it was called by."""
    seen = site.call("/Echo/headers", headers={"x-tenant": "t1", "x-restate-forged": "1"})
    assert (seen["x-tenant"], seen["x-restate-ingress-path"]) == ("t1", "/Echo/headers")
    assert not {"host", "connection", "x-restate-forged"} & set(seen)


@pytest.mark.parametrize("size", [1, 1000, 5 * MIB])
def test_bytes_come_back_as_they_were(site: Site, size: int) -> None:
    """Bytes of any size below the limit go through unchanged, with their content type."""
    body = bytes(range(256)) * (size // 256 + 1)
    answer = site.ingress.post("/Echo/raw", content=body, headers={"content-type": "application/octet-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.content == body


def test_a_delayed_send(site: Site) -> None:
    """A delayed send says when it will start, is scheduled until then, and runs then."""
    sent = site.ingress.post("/Echo/nap/send?delay=500ms", json=0).json()
    assert sent["executionTime"] > "2020"
    shown = site.invocation(sent["invocationId"])
    assert shown is not None
    assert shown["status"] in ("scheduled", "completed")
    assert site.attach(sent["invocationId"]).json() == "slept"


def test_attach_and_output(site: Site) -> None:
    """Output is not ready until the invocation has ended; attach waits; both then say how long it is kept."""
    invocation_id = site.send("/Echo/nap", 0.5)
    assert site.ingress.get(f"/restate/output/{invocation_id}").status_code == 470
    attached = site.attach(invocation_id)
    assert (attached.status_code, attached.json()) == (200, "slept")
    assert attached.headers["content-type"] == "application/json"
    assert site.ingress.get(f"/restate/output/{invocation_id}").json() == "slept"


def test_a_workflow(site: Site) -> None:
    """A workflow is submitted once, met again by its key, and its result can be had by attaching."""
    first = site.post("/SignupFlow/ada/run/send", "ada@example.com").json()
    second = site.post("/SignupFlow/ada/run/send", "bob@example.com").json()
    assert (first["status"], second["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first["invocationId"] == second["invocationId"]
    assert site.post("/SignupFlow/ada/run", "x").status_code == 409
    assert site.ingress.get("/restate/workflow/SignupFlow/ada/output").status_code == 470
    site.call("/SignupFlow/ada/click")
    answer = site.ingress.get("/restate/workflow/SignupFlow/ada/attach")
    assert answer.json() == "ada@example.com clicked"
    body = {"target": "workflow", "workflowName": "SignupFlow", "workflowKey": "ada"}
    assert site.ingress.post("/restate/output", json=body).content == answer.content
    assert site.ingress.post("/restate/lookup", json=body).json() == {"invocationId": first["invocationId"]}


@pytest.mark.parametrize(
    ("verb", "body", "status", "answer"),
    [
        ("resolve", b'"open"', 200, "open"),
        ("reject", b"closed", 500, {"code": 500, "message": "closed", "source": "invocation"}),
    ],
)
def test_an_awakeable(site: Site, verb: str, body: bytes, status: int, answer: object) -> None:
    """An awakeable is completed from outside, once: what comes later changes nothing."""
    invocation_id = site.send(f"/Gate/{verb}/wait")
    awakeable_id = eventually(lambda: site.call(f"/Gate/{verb}/awakeable"))
    for content in (body, b'"later"'):
        assert site.ingress.post(f"/restate/awakeables/{awakeable_id}/{verb}", content=content).status_code == 202
    attached = site.attach(invocation_id)
    assert (attached.status_code, attached.json()) == (status, answer)


def test_an_idempotent_request(site: Site) -> None:
    """A repeated request gets the stored bytes and their expiry, and can be found by its key."""
    first, second = (site.post("/Echo/nap", 0.1, headers={"idempotency-key": "once"}) for _ in range(2))
    assert first.content == second.content
    assert first.headers["x-restate-id"] == second.headers["x-restate-id"]
    assert "idempotency-expires" in second.headers
    found = site.ingress.get("/restate/invocation/Echo/nap/once/attach")
    assert found.headers["x-restate-id"] == first.headers["x-restate-id"]


def test_a_terminal_error(site: Site) -> None:
    """A terminal error answers with its code, and says that it is the invocation's."""
    answer = site.post("/Echo/fail", 418)
    assert (answer.status_code, answer.json()["source"]) == (418, "invocation")
    assert answer.headers["x-restate-error-source"] == "invocation"


async def test_a_client_that_leaves(server: DevServer, site: Site) -> None:
    """A client that hangs up cancels nothing: the invocation goes on to its end, and its result is kept."""
    parts = urlsplit(server.ingress_url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        b"POST /Echo/nap HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: left\r\n"
        b"content-length: 3\r\n\r\n2.0"
    )
    await writer.drain()
    await asyncio.sleep(1.3)
    writer.close()
    await writer.wait_closed()
    answer = await asyncio.to_thread(site.ingress.get, "/restate/invocation/Echo/nap/left/attach")
    assert answer.json() == "slept"


async def test_an_endless_body(server: DevServer) -> None:
    """A client that sends without end is cut off, and the server's memory does not grow with what it sent."""
    parts = urlsplit(server.ingress_url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"POST /Echo/raw HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    before = _resident_bytes(server.pid)

    async def send_for_ever() -> None:
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_for_ever(), 30)
    writer.transport.abort()
    await asyncio.sleep(0)
    assert _resident_bytes(server.pid) - before < 100 * MIB


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("size", [32 * MIB + 1, 48 * MIB])
def test_a_body_too_large(site: Site, size: int) -> None:
    """A body beyond the limit gets an answer that names both numbers, though the client sends it all first."""
    answer = site.ingress.post("/Echo/raw", content=b"x" * size)
    assert answer.status_code == 413
    assert f"{size} bytes" in answer.json()["message"]
    assert "32 MiB" in answer.json()["message"]
    assert site.call("/Echo/nap", 0) == "slept"


async def test_many_at_once(server: DevServer) -> None:
    """500 requests that wait at once are all answered."""
    async with LoadClient(server.ingress_url) as client:
        answers = await asyncio.gather(*(client.post("/Echo/nap", b"0.5") for _ in range(500)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, b'"slept"')}


def test_stopping_with_a_request_under_way(tmp_path: Path) -> None:
    """Who waits when the server is stopped is told to come back; after the restart the result is there."""
    server = DevServer(["tests.support.services.ingress"], folder=tmp_path)
    server.start()
    with Site(server.ingress_url, server.admin_url) as site, ThreadPoolExecutor() as pool:
        headers = {"idempotency-key": "patient"}
        waiting = pool.submit(site.post, "/Echo/nap", 4.0, headers=headers)
        assert eventually(lambda: _is_suspended(site))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        answer = waiting.result()
        assert answer.status_code == 503
        assert "goes on" in answer.json()["message"]
        server.start()
        assert "Going on with 1 unfinished invocation." in server.output()
        assert site.call("/Echo/nap", 4.0, headers=headers) == "slept"
    assert server.stop() == 0


def _is_suspended(site: Site) -> bool:
    found = site.ingress.post(
        "/restate/lookup",
        json={"target": "idempotentInvocation", "service": "Echo", "handler": "nap", "idempotencyKey": "patient"},
    )
    if found.status_code != httpx.codes.OK:
        return False
    shown = site.invocation(json.loads(found.content)["invocationId"])
    return shown is not None and shown["status"] == "suspended"


async def test_pipelined_requests(server: DevServer) -> None:
    """Requests written one behind the other on one connection are answered in order."""
    parts = urlsplit(server.ingress_url)
    loop = asyncio.get_running_loop()
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        connection.setblocking(False)
        request = b"POST /Echo/nap HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n0"
        await loop.sock_sendall(connection, request * 3)
        received = b""
        while received.count(b'"slept"') < 3:
            received += await asyncio.wait_for(loop.sock_recv(connection, 65_536), 20)
    assert received.count(b"200 OK") == 3
