"""One application of holdfast_http under uvicorn, as a part of a process that has its own loop and its own signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from holdfast_http.asgi import AsgiBinding
from holdfast_http.messages import App

# Longer than the clients and proxies people have keep a connection, so that they are the ones to close it.
_KEEP_ALIVE_SECONDS = 75

# A connection that has just been accepted brings a request in a moment; closing it before that looks like a crash.
_LAST_WORDS_SECONDS = 0.1


class HttpServer:
    """Serves one application on a duplicate of a listening socket; the socket itself stays with the caller."""

    def __init__(self, app: App, listener: socket.socket) -> None:
        config = uvicorn.Config(
            AsgiBinding(app),
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._server = _PartOfAProcess(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are answered."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener.dup()]))
        started = asyncio.create_task(self._server.is_up.wait())
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Take no more connections, and return when the requests under way are answered."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _PartOfAProcess(uvicorn.Server):
    """A server that leaves the process's signals alone and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, hear what is on its way on those there are, and close the idle ones."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: the process has two servers and an engine, and decides itself what a signal means."""
        yield
