"""Endpoints as child processes: each SDK under each server, as the tests of the HTTP invoker meet them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.demo.processes import free_ports
from holdfast_engine.registry import Deployment
from tests.support.attempts import http_deployment
from tests.support.npm import NodeMissing, node_modules
from tests.support.ports import PortProcess
from tests.support.tree import ROOT

_NODE_FOLDER = ROOT / "tests" / "e2e" / "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointKind:
    """One way to serve the handlers; `sdk_version` is how the SDK's own version begins."""

    name: str
    sdk: str
    server: str
    use_http_11: bool
    mode: str
    sdk_version: str


KINDS = (
    EndpointKind(
        name="restate-sdk-hypercorn-h2c",
        sdk="restate-sdk",
        server="hypercorn",
        use_http_11=False,
        mode="bidi_stream",
        sdk_version="restate-sdk-python/",
    ),
    EndpointKind(
        name="restate-sdk-uvicorn-http11",
        sdk="restate-sdk",
        server="uvicorn",
        use_http_11=True,
        mode="request_response",
        sdk_version="restate-sdk-python/",
    ),
    EndpointKind(
        name="typescript-node-h2c",
        sdk="node",
        server="h2c",
        use_http_11=False,
        mode="bidi_stream",
        sdk_version="restate-sdk-typescript/",
    ),
    EndpointKind(
        name="typescript-node-http11",
        sdk="node",
        server="http1",
        use_http_11=True,
        mode="request_response",
        sdk_version="restate-sdk-typescript/",
    ),
    EndpointKind(
        name="holdfast-uvicorn-http11",
        sdk="holdfast",
        server="uvicorn",
        use_http_11=True,
        mode="request_response",
        sdk_version="",
    ),
    EndpointKind(
        name="holdfast-hypercorn-h2c",
        sdk="holdfast",
        server="hypercorn",
        use_http_11=False,
        mode="request_response",
        sdk_version="",
    ),
)
KIND_BY_NAME = {kind.name: kind for kind in KINDS}


class EndpointProcess(PortProcess):
    """One endpoint on a free port."""

    def __init__(self, kind: EndpointKind, *, folder: Path, certificate: Path | None = None) -> None:
        self.kind = kind
        [self.port] = free_ports(1)
        self.uri = f"{'https' if certificate else 'http'}://localhost:{self.port}"
        super().__init__(_command(kind, self.port, certificate), ready_urls=[], log_path=folder / f"{kind.name}.log")

    @property
    def deployment(self) -> Deployment:
        """Return a deployment at this endpoint."""
        return http_deployment(self.uri, use_http_11=self.kind.use_http_11)


def _command(kind: EndpointKind, port: int, certificate: Path | None) -> list[str]:
    if kind.sdk == "node":
        return ["node", str(_node_folder() / "endpoint.mjs"), kind.server, str(port)]
    command = [sys.executable, "-m", "tests.e2e.endpoint_server", "--sdk", kind.sdk, "--server", kind.server]
    command += ["--port", str(port)]
    return command if certificate is None else [*command, "--certificate", str(certificate)]


def _node_folder() -> Path:
    """Return the folder with the TypeScript SDK, fetched by npm the first time."""
    try:
        return node_modules(_NODE_FOLDER, "the official TypeScript SDK").parent
    except NodeMissing as missing:
        pytest.skip(str(missing))
