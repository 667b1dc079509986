"""The processes of the suite: endpoints with the handlers under each SDK, and the service that calls functions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.demo.processes import free_ports
from tests.conformance.blackbox.handlers.world import LOG
from tests.support.lambda_service import arn_of
from tests.support.npm import node_modules
from tests.support.ports import PortProcess
from tests.support.tree import ROOT

HANDLERS = "tests.conformance.blackbox.handlers"
MODULES = [f"{HANDLERS}.player", f"{HANDLERS}.echo"]
VERSIONS = f"{HANDLERS}.versions"

_NODE_FOLDER = ROOT / "tests" / "e2e" / "node"

# The environment variable that names a file with key and certificate to the endpoints of Node.
CERTIFICATE = "HOLDFAST_BLACKBOX_CERTIFICATE"

# An SDK's name with this behind it means its handler of Lambda events.
_AS_FUNCTION = "-lambda"


def is_function(sdk: str) -> bool:
    """Return whether the handlers of an SDK are served as a function of Lambda's."""
    return sdk.endswith(_AS_FUNCTION)


def sdk_of(sdk: str) -> str:
    """Return the SDK itself, however it is served."""
    return sdk.removesuffix(_AS_FUNCTION)


class FunctionsProcess(PortProcess):
    """Lambda's own interface, behind which the endpoints that are functions are found."""

    def __init__(self, *, folder: Path) -> None:
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            [sys.executable, "-m", "tests.support.lambda_service", str(self.port)],
            ready_urls=[],
            log_path=folder / "lambda-service.log",
        )


class Endpoint(PortProcess):
    """Handlers in a process of their own: Python's under uvicorn, over HTTP/1.1; Node's over HTTP/2, or 1.1 if asked.

    With a certificate it is https. Or either's as a function, which is called with events.
    """

    def __init__(
        self,
        sdk: str,
        *,
        folder: Path,
        log: Path,
        modules: Sequence[str] = MODULES,
        identity_key: str | None = None,
        env: dict[str, str] | None = None,
        certificate: Path | None = None,
        use_http_11: bool = False,
    ) -> None:
        [self.port] = free_ports(1)
        # A certificate is for a name.
        host = "localhost" if certificate else "127.0.0.1"
        self.uri = f"{'https' if certificate else 'http'}://{host}:{self.port}"
        self.is_function = is_function(sdk)
        is_node = sdk_of(sdk) == "node"
        self.use_http_11 = use_http_11 or not is_node
        keys = identity_key.split(",") if identity_key else []
        if is_node:
            way = "lambda" if self.is_function else "http1" if use_http_11 else "h2" if certificate else "h2c"
            command = _node_command(way, self.port, modules, keys)
        else:
            command = _python_command(sdk, self.port, modules, keys, certificate=certificate)
        super().__init__(
            command,
            ready_urls=[],
            log_path=folder / f"endpoint-{sdk}-{self.port}.log",
            env={LOG: str(log), **({CERTIFICATE: str(certificate)} if certificate else {}), **(env or {})},
        )

    @property
    def place(self) -> dict[str, Any]:
        """Return where it is, as it is registered."""
        if self.is_function:
            return {"arn": arn_of(self.port)}
        return {"uri": self.uri, "use_http_11": self.use_http_11}

    def is_at(self, deployment: dict[str, Any]) -> bool:
        """Return whether a deployment, as it is shown, is this endpoint."""
        if self.is_function:
            return bool(deployment["arn"] == arn_of(self.port))
        return str(deployment["uri"]).rstrip("/") == self.uri


def node_folder() -> Path:
    """Return the folder with the TypeScript SDK, fetched by npm the first time.

    Raises:
        NodeMissing: There is no Node, or no npm.
    """
    return node_modules(_NODE_FOLDER, "the official TypeScript SDK").parent


def _python_command(
    sdk: str, port: int, modules: Sequence[str], keys: Sequence[str], *, certificate: Path | None
) -> list[str]:
    options = ["--sdk", sdk_of(sdk), "--port", str(port)]
    options += ["--lambda"] if is_function(sdk) else []
    options += ["--certificate", str(certificate)] if certificate else []
    options += [argument for key in keys for argument in ("--identity-key", key)]
    return [sys.executable, "-m", "tests.support.serve", *options, *modules]


def _node_command(way: str, port: int, modules: Sequence[str], keys: Sequence[str]) -> list[str]:
    script = "versions.mjs" if VERSIONS in modules else "player.mjs"
    return ["node", str(node_folder() / script), way, str(port), *keys]
