"""The stock Restate server, as npm brings it: what our SDK is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from examples.demo.processes import ServerProcess, free_ports
from tests.support.npm import node_modules
from tests.support.tree import ROOT

_FOLDER = ROOT / "tests" / "conformance" / "restate"
_BINARIES = "@restatedev/restate-server-*/bin/restate-server"


def restate_binary() -> Path:
    """Return the server's binary, fetched by npm the first time.

    Raises:
        NodeMissing: There is no npm to fetch it with.
    """
    found = sorted(node_modules(_FOLDER, "the stock Restate server").glob(_BINARIES))
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
            # It leaves a folder behind in here every time.
            "TMPDIR": str(folder),
        }
        super().__init__(
            [str(restate_binary()), "--no-logo", "--node-name", "one", "--base-dir", str(folder / "data")],
            ready_urls=[f"{self.admin_url}/health", f"{self.ingress_url}/restate/health"],
            log_path=folder / "restate.log",
            env={**settings, **(env or {})},
        )
