"""Servers as child processes: started, waited for, stopped kindly or killed hard."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

_POLL_S = 0.05
_STOP_WITHIN_S = 15.0


class ServerFailed(Exception):
    """A server ended, or did not answer in time; the message carries the end of what it printed."""


class ServerProcess:
    """A command that serves HTTP; what it prints goes to a file, so that a full pipe never stops it.

    `env` is what its environment has beyond ours; a change takes hold at the next start.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        ready_urls: Sequence[str],
        log_path: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._ready_urls = list(ready_urls)
        self.env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = log_path

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def start(self, *, within_s: float = 60.0) -> None:
        """Start the server and return once every ready URL answers 200.

        Raises:
            ServerFailed: It ended, or was not ready in time.
        """
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
            )
        deadline = time.monotonic() + within_s
        with httpx.Client(timeout=5.0, trust_env=False) as client:
            for url in self._ready_urls:
                self._wait_for(url, client, deadline)

    def _wait_for(self, url: str, client: httpx.Client, deadline: float) -> None:
        assert self._process is not None
        while True:
            if (code := self._process.poll()) is not None:
                raise ServerFailed(f"{self._name} ended with exit code {code}.\n{self.output()}")
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self._name} did not answer at {url} in time.\n{self.output()}")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, no chance to clean up."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """Ask the server to end, return its exit code; one that does not end in time is killed."""
        assert self._process is not None, "the server has not been started"
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        return self._reap()

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def output(self, *, bytes_max: int = 4000) -> str:
        """Return the end of what the server printed."""
        return self.log_path.read_bytes()[-bytes_max:].decode("utf-8", "replace")

    def _reap(self) -> int:
        return 0 if self._process is None else self._process.wait()

    @property
    def _name(self) -> str:
        return Path(self._command[0]).name


class DevServer(ServerProcess):
    """`holdfast dev` on free ports of this machine, with its data in a folder that outlives it."""

    def __init__(
        self,
        services: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        ingress_port, admin_port = free_ports(2)
        self.ingress_url = f"http://127.0.0.1:{ingress_port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        command = [*(program or [str(Path(sys.executable).with_name("holdfast"))]), "dev", *services, "--no-reload"]
        command += ["--port", str(ingress_port), "--admin-port", str(admin_port), "--data-dir", str(folder / "data")]
        command += options
        super().__init__(
            command,
            ready_urls=[f"{self.ingress_url}/restate/health", f"{self.admin_url}/health"],
            log_path=folder / "server.log",
            env=env,
        )


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; all are held until the last is found, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
