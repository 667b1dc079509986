"""Restate's own command line, and the two servers that it is used on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.demo.processes import DevServer, ServerProcess, free_ports
from tests.support.npm import NodeMissing
from tests.support.restate_server import RestateServer
from tests.support.site import Site

_FOLDER = Path(__file__).parent
_CLI = _FOLDER / "node_modules" / ".bin" / "restate"
_SERVICES = "tests.support.services.shopping"


class Cli:
    """The `restate` command, pointed at one server."""

    def __init__(self, site: Site, *, folder: Path, is_restate: bool) -> None:
        self.site = site
        self.is_restate = is_restate
        self._env = {
            **os.environ,
            "RESTATE_ADMIN_URL": str(site.admin.base_url).rstrip("/"),
            "RESTATE_INGRESS_URL": str(site.ingress.base_url).rstrip("/"),
            "RESTATE_CLI_CONFIG_HOME": str(folder),
            "HOME": str(folder),
            "NO_COLOR": "1",
        }

    def run(self, *words: str) -> str:
        """Return what a command prints; it must succeed."""
        done = subprocess.run(
            [str(_CLI), "--yes", *words], env=self._env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"restate {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        printed = self.run("sql", "--json", query)
        rows: list[dict[str, Any]] = json.loads(printed[printed.index("[") : printed.rindex("]") + 1])
        return rows

    def newest(self, where: str) -> str:
        """Return the id of the newest invocation that a condition finds."""
        rows = self.sql(f"SELECT id FROM sys_invocation WHERE {where} ORDER BY created_at DESC LIMIT 1")
        return str(rows[0]["id"])


@pytest.fixture(scope="session")
def command() -> Path:
    """The official command, which npm brings the first time."""
    if not _CLI.exists():
        if (npm := shutil.which("npm")) is None:
            pytest.skip("Restate's command line comes by npm, and there is no npm: install Node 20 or newer")
        subprocess.run([npm, "ci", "--silent"], cwd=_FOLDER, check=True, timeout=300)
    return _CLI


@pytest.fixture(scope="module", params=["holdfast", pytest.param("restate", marks=pytest.mark.restate)])
def cli(request: pytest.FixtureRequest, command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command on our server, and on the stock one, with the same things to see."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "holdfast":
        ours = DevServer([_SERVICES], folder=folder)
        ours.start()
        with Site(ours.ingress_url, ours.admin_url) as site:
            _populate(site)
            yield Cli(site, folder=folder, is_restate=False)
        ours.stop()
        return
    try:
        server = RestateServer(folder=folder)
    except NodeMissing as missing:
        pytest.skip(str(missing))
    (port,) = free_ports(1)
    serve = [sys.executable, "-m", "tests.support.serve", "--port", str(port), _SERVICES]
    endpoint = ServerProcess(serve, ready_urls=[f"http://127.0.0.1:{port}/health"], log_path=folder / "endpoint.log")
    server.start()
    endpoint.start()
    with Site(server.ingress_url, server.admin_url) as site:
        site.register(f"http://127.0.0.1:{port}")
        _populate(site)
        yield Cli(site, folder=folder, is_restate=True)
    endpoint.stop()
    server.stop()


def _populate(site: Site) -> None:
    site.call("/Shop/buy", {"item": "book", "amount": 2})
    site.call("/Cart/ada/add", "milk")
    site.send("/Shop/approve", {"item": "car"})
    site.send("/Payment/broken", 5)
    site.send("/Cart/bob/hold")
    time.sleep(0.3)
    site.send("/Cart/bob/add", "late")
    time.sleep(1.5)
