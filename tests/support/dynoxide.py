"""A real DynamoDB-compatible server as a process: atomic under concurrency, and it says what each request costs."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from examples.demo.processes import ServerProcess, free_ports
from tests.support.npm import NodeMissing, node_modules
from tests.support.tree import ROOT

_FOLDER = ROOT / "tests" / "support" / "node"
_BINARIES = "@dynoxide/*/dynoxide"


class DynoxideMissing(Exception):
    """There is no build for this machine, or no npm to fetch it with."""


def dynoxide_binary() -> Path:
    """Return the server's binary, fetched by npm the first time.

    Raises:
        DynoxideMissing: It cannot be had here; the message says why.
    """
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        raise DynoxideMissing("dynoxide is pinned for Linux on x86-64; other machines have packages of their own")
    try:
        found = sorted(node_modules(_FOLDER, "dynoxide, the DynamoDB of these tests").glob(_BINARIES))
    except NodeMissing as missing:
        raise DynoxideMissing(str(missing)) from missing
    assert found, "the npm package brings no server for this machine"
    return found[0]


class Dynoxide(ServerProcess):
    """A server on a free port; without a file it forgets everything when it ends."""

    def __init__(self, *, folder: Path, database: Path | None = None) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        command = [str(dynoxide_binary()), "--host", "127.0.0.1", "-p", str(port)]
        if database is not None:
            command += ["--db-path", str(database)]
        super().__init__(command, ready_urls=[self.url], log_path=folder / "dynoxide.log")
