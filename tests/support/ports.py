"""Processes that are ready when they take connections: what they speak there is for the tests to find out."""

from __future__ import annotations

import socket
import time

from examples.demo.processes import ServerFailed, ServerProcess

_POLL_S = 0.02


class PortProcess(ServerProcess):
    """A command that listens on a port of this machine."""

    port: int

    def start(self, *, within_s: float = 30.0) -> None:
        """Start the process and return once it takes connections.

        Raises:
            ServerFailed: It ended, or did not listen in time.
        """
        super().start(within_s=within_s)
        deadline = time.monotonic() + within_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return
            except OSError:
                if not self.is_running() or time.monotonic() > deadline:
                    raise ServerFailed(f"the endpoint did not come up.\n{self.output()}") from None
                time.sleep(_POLL_S)
