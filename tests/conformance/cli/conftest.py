"""Restate's own command line, and the two servers that it is used on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.demo.processes import DevServer, ServerProcess, free_ports
from tests.support.npm import NodeMissing, node_modules
from tests.support.restate_server import RestateServer
from tests.support.site import Site

_FOLDER = Path(__file__).parent
# The command that npm links runs this one by way of Node, which takes six times as long.
_BINARIES = "@restatedev/restate-*/bin/restate"
_SERVICES = "tests.support.services.shopping"
# Ours asks for a token; the stock server has none to ask for.
_TOKEN = "0123456789abcdef-xyz"


class Cli:
    """The `restate` command, pointed at one server; `endpoint` is the URI of one that serves the same elsewhere."""

    def __init__(self, site: Site, *, command: Path, folder: Path, endpoint: str, is_restate: bool) -> None:
        self.site = site
        self._command = command
        self.endpoint = endpoint
        self.is_restate = is_restate
        self._folder = folder
        self._env = {
            **os.environ,
            "RESTATE_ADMIN_URL": str(site.admin.base_url).rstrip("/"),
            "RESTATE_INGRESS_URL": str(site.ingress.base_url).rstrip("/"),
            "RESTATE_AUTH_TOKEN": _TOKEN,
            "RESTATE_CLI_CONFIG_HOME": str(folder),
            "HOME": str(folder),
            "NO_COLOR": "1",
        }

    def run(self, *words: str, **env: str) -> str:
        """Return what a command prints; it must succeed."""
        done = self._done(*words, **env)
        assert done.returncode == 0, f"restate {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def refused(self, *words: str) -> str:
        """Return what a command prints that must fail."""
        done = self._done(*words)
        assert done.returncode == 1, f"restate {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stderr

    def edit(self, *words: str, sed: str) -> str:
        """Run a command that opens an editor, in which somebody replaces one thing by another."""
        editor = self._folder / "editor.sh"
        editor.write_text(f"#!/bin/sh\nsed -i '{sed}' \"$1\"\n")
        editor.chmod(0o755)
        return self.run(*words, EDITOR=str(editor))

    def _done(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._command), "--yes", *words],
            env={**self._env, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

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
    try:
        found = sorted(node_modules(_FOLDER, "Restate's command line").glob(_BINARIES))
    except NodeMissing as missing:
        pytest.skip(str(missing))
    assert found, "the npm package brings no command for this machine"
    return found[0]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of an endpoint that serves the same services in a process of its own."""
    (port,) = free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "-m", "tests.support.serve", "--port", str(port), _SERVICES]
    log = tmp_path_factory.mktemp("endpoint") / "endpoint.log"
    process = ServerProcess(serve, ready_urls=[f"{uri}/health"], log_path=log)
    process.start()
    yield uri
    process.stop()


@pytest.fixture(scope="module", params=["holdfast", pytest.param("restate", marks=pytest.mark.restate)])
def cli(
    request: pytest.FixtureRequest, command: Path, endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cli]:
    """The command on our server, and on the stock one, with the same things to see."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "holdfast":
        ours = DevServer([_SERVICES], folder=folder, env={"HOLDFAST_TOKEN": _TOKEN})
        ours.start()
        with Site(ours.ingress_url, ours.admin_url) as site:
            site.admin.headers["authorization"] = f"Bearer {_TOKEN}"
            populate(site)
            yield Cli(site, command=command, folder=folder, endpoint=endpoint, is_restate=False)
        ours.stop()
        return
    try:
        server = RestateServer(folder=folder)
    except NodeMissing as missing:
        pytest.skip(str(missing))
    server.start()
    with Site(server.ingress_url, server.admin_url) as site:
        site.register(endpoint)
        populate(site)
        yield Cli(site, command=command, folder=folder, endpoint=endpoint, is_restate=True)
    server.stop()


def populate(site: Site) -> None:
    """Have something to see: what has ended, waits, fails, is held, and stands in line."""
    site.call("/Shop/buy", {"item": "book", "amount": 2})
    site.call("/Cart/ada/add", "milk")
    site.send("/Shop/approve", {"item": "car"})
    site.send("/Payment/broken", 5)
    site.send("/Cart/bob/hold")
    time.sleep(0.3)
    site.send("/Cart/bob/add", "late")
    time.sleep(1.5)
