"""The processes of the suite: the orchestrators, and endpoints with the handlers under each SDK."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from examples.demo.processes import free_ports
from tests.conformance.blackbox.handlers.world import LOG
from tests.support.npm import node_modules
from tests.support.ports import PortProcess
from tests.support.tree import ROOT

HANDLERS = "tests.conformance.blackbox.handlers"
MODULES = [f"{HANDLERS}.player", f"{HANDLERS}.echo"]
VERSIONS = f"{HANDLERS}.versions"

_NODE_FOLDER = ROOT / "tests" / "e2e" / "node"


class Endpoint(PortProcess):
    """Handlers in a process of their own: Python's under uvicorn, over HTTP/1.1; Node's over HTTP/2 without TLS."""

    def __init__(
        self,
        sdk: str,
        *,
        folder: Path,
        log: Path,
        modules: Sequence[str] = MODULES,
        identity_key: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        [self.port] = free_ports(1)
        self.uri = f"http://127.0.0.1:{self.port}"
        self.use_http_11 = sdk != "node"
        command = _node_command if sdk == "node" else _python_command
        super().__init__(
            command(sdk, self.port, modules, identity_key),
            ready_urls=[],
            log_path=folder / f"endpoint-{sdk}-{self.port}.log",
            env={LOG: str(log), **(env or {})},
        )


def node_folder() -> Path:
    """Return the folder with the TypeScript SDK, fetched by npm the first time.

    Raises:
        NodeMissing: There is no Node, or no npm.
    """
    return node_modules(_NODE_FOLDER, "the official TypeScript SDK").parent


def _keys(identity_key: str | None) -> list[str]:
    """Return the keys that an endpoint trusts; several are written with commas."""
    return identity_key.split(",") if identity_key else []


def _python_command(sdk: str, port: int, modules: Sequence[str], identity_key: str | None) -> list[str]:
    keys = [argument for key in _keys(identity_key) for argument in ("--identity-key", key)]
    return [sys.executable, "-m", "tests.support.serve", "--sdk", sdk, "--port", str(port), *keys, *modules]


def _node_command(sdk: str, port: int, modules: Sequence[str], identity_key: str | None) -> list[str]:
    script = "versions.mjs" if VERSIONS in modules else "player.mjs"
    return ["node", str(node_folder() / script), str(port), *_keys(identity_key)]
