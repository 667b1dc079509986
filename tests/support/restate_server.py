"""The stock Restate server, as npm brings it: what our SDK is compared with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from examples.demo.processes import ServerProcess, free_ports
from tests.support.tree import ROOT

_FOLDER = ROOT / "tests" / "conformance" / "restate"
_BINARIES = "node_modules/@restatedev/restate-server-*/bin/restate-server"


class NodeMissing(Exception):
    """There is no npm to fetch the server with."""


def restate_binary() -> Path:
    """Return the server's binary, fetched by npm the first time.

    Raises:
        NodeMissing: The binary is not there and neither is npm.
    """
    if not (found := sorted(_FOLDER.glob(_BINARIES))):
        if (npm := shutil.which("npm")) is None:
            raise NodeMissing("needs Node 20 or newer: its npm brings the stock Restate server")
        subprocess.run([npm, "ci", "--silent"], cwd=_FOLDER, check=True, timeout=300)
        found = sorted(_FOLDER.glob(_BINARIES))
    assert found, "the npm package brings no server for this machine"
    return found[0]


class RestateServer(ServerProcess):
    """One node with one partition, on free ports, with its data in a folder; `env` adds to its settings."""

    def __init__(self, *, folder: Path, env: Mapping[str, str] | None = None) -> None:
        ingress_port, admin_port, node_port = free_ports(3)
        self.ingress_url = f"http://127.0.0.1:{ingress_port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        settings = {
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress_port}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin_port}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node_port}",
            "RESTATE_DEFAULT_NUM_PARTITIONS": "1",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "warn",
            "RESTATE_LISTEN_MODE": "tcp",
        }
        super().__init__(
            [str(restate_binary()), "--no-logo", "--node-name", "one", "--base-dir", str(folder / "data")],
            ready_urls=[f"{self.admin_url}/health", f"{self.ingress_url}/restate/health"],
            log_path=folder / "restate.log",
            env={**settings, **(env or {})},
        )
