"""One embedded server with handlers for all tests of the command line, and the command line pointed at it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from click.testing import CliRunner, Result

import holdfast
from holdfast_cli.dev.http_server import HttpServer
from holdfast_cli.dev.sockets import url_of
from holdfast_cli.main import main
from holdfast_http.admin.app import Admin
from holdfast_http.bounds import WAITING_MAX
from holdfast_http.ingress.app import Ingress
from holdfast_local.composition import LocalServer
from holdfast_local.surroundings import SystemClock
from tests.support.services import ingress as handlers
from tests.support.site import eventually


class Shell:
    """Runs commands as a shell would whose environment says where the server is."""

    def __init__(self, *, admin_url: str, ingress_url: str) -> None:
        self.admin_url, self.ingress_url = admin_url, ingress_url

    def run(self, *arguments: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
        """Run a command, however it ends."""
        places = {"HOLDFAST_ADMIN_URL": self.admin_url, "HOLDFAST_INGRESS_URL": self.ingress_url}
        return CliRunner().invoke(main, list(arguments), input=stdin, env={**places, **(env or {})})

    def out(self, *arguments: str, stdin: str | bytes | None = None) -> str:
        """Return what a command prints that has to succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception!r}"
        return result.stdout

    def json(self, *arguments: str, stdin: str | bytes | None = None) -> Any:
        """Return the JSON that a command prints that has to succeed."""
        return json.loads(self.out(*arguments, "--json", stdin=stdin))

    def sent(self, *arguments: str) -> str:
        """Send, and return the invocation's id."""
        return self.out("send", *arguments).strip()

    def become(self, invocation_id: str, status: str) -> dict[str, Any]:
        """Return an invocation once it has a status."""

        def shown() -> dict[str, Any] | None:
            found: dict[str, Any] = self.json("invocations", "describe", invocation_id)
            return found if found["status"] == status else None

        found = eventually(shown)
        assert found is not None, f"{invocation_id} does not become {status}"
        return found

    def awakeable_of(self, key: str) -> str:
        """Return the awakeable that the gate of a key waits for."""
        awakeable_id = eventually(lambda: json.loads(self.out("call", f"Gate/{key}/awakeable")))
        assert isinstance(awakeable_id, str)
        return awakeable_id


async def _serve(listeners: tuple[socket.socket, socket.socket], is_up: threading.Event, stop: asyncio.Event) -> None:
    for_ingress, for_admin = listeners
    local = LocalServer(
        data_dir=None, endpoints={"tests": holdfast.Endpoint(handlers.services)}, sdk_version="tests/1.0.0"
    )
    await local.start()
    ingress = Ingress(local.engine, now_ms=SystemClock().now_ms, waiting_max=WAITING_MAX)
    admin = Admin(local.engine, product_version=version("holdfast"), ingress_url=url_of(for_ingress))
    servers = (HttpServer(ingress, for_ingress), HttpServer(admin, for_admin))
    for server in servers:
        await server.start()
    is_up.set()
    await stop.wait()
    ingress.waiting_room.release()
    for server in servers:
        await server.stop()
    await ingress.waiting_room.close()
    await admin.close()
    await local.stop()


@pytest.fixture(scope="session")
def shell() -> Iterator[Shell]:
    """A shell with a running server."""
    listeners = (socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0)))
    loop, is_up, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(listeners, is_up, stop),))
    thread.start()
    assert is_up.wait(20), "the server does not start"
    yield Shell(admin_url=url_of(listeners[1]), ingress_url=url_of(listeners[0]))
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
    for listener in listeners:
        listener.close()
