"""The two orchestrators under test, with what little differs in asking them how an invocation stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from examples.demo.processes import DevServer, ServerProcess
from tests.conformance.blackbox.handlers.world import LOG
from tests.conformance.blackbox.launch import MODULES
from tests.support.restate_server import RestateServer

# Where the words differ, Restate's are used.
_STATUS_WORDS = {"queued": "pending"}

# What a stock server needs to have scopes and limits, all of which are on trial there, and change other things as well.
_FLOW_CONTROL = {
    f"RESTATE_EXPERIMENTAL_ENABLE_{switch}": "true"
    for switch in (
        "VQUEUES",
        "SCOPED_VIRTUAL_OBJECTS",
        "SCOPED_STATE_TABLE_MIGRATION",
        "SCOPED_PROMISE_TABLE_MIGRATION",
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The key that requests to endpoints are signed with, and the authority that vouches for those with https."""

    identity_key_file: Path
    ca_file: Path


class Orchestrator(ABC):
    """A server process with an ingress and an admin API."""

    name: str
    process: ServerProcess
    ingress_url: str
    admin_url: str

    @abstractmethod
    async def status(self, admin: httpx.AsyncClient, invocation_id: str) -> str | None:
        """Return how an invocation stands, in Restate's words; None when there is none of that id."""


class Holdfast(Orchestrator):
    """`holdfast dev` as a process; with the handlers in it, or with none."""

    name = "holdfast"

    def __init__(self, *, folder: Path, log: Path, trust: Trust, has_handlers: bool, env: Mapping[str, str]) -> None:
        modules = MODULES if has_handlers else []
        arguments = [*modules, "--identity-key-file", str(trust.identity_key_file)]
        arguments += ["--endpoint-ca-file", str(trust.ca_file)]
        server = DevServer(arguments, folder=folder, env={LOG: str(log), **env})
        self.process = server
        self.ingress_url, self.admin_url = server.ingress_url, server.admin_url

    async def status(self, admin: httpx.AsyncClient, invocation_id: str) -> str | None:
        """Ask the admin API."""
        answer = await admin.get(f"/invocations/{invocation_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        status = str(answer.json()["status"])
        return _STATUS_WORDS.get(status, status)


class Restate(Orchestrator):
    """The stock server from npm."""

    name = "restate"

    def __init__(self, *, folder: Path, trust: Trust, has_scopes: bool, env: Mapping[str, str]) -> None:
        settings = {
            "RESTATE_WORKER__INVOKER__REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE": str(trust.identity_key_file),
            # It trusts the system's authorities, or those that this names instead.
            "SSL_CERT_FILE": str(trust.ca_file),
            # Ours needs no switch for what the protocol has had for a year.
            "RESTATE_EXPERIMENTAL_ENABLE_PROTOCOL_V7": "true",
            # What is no longer kept is only gone when it has been cleaned up.
            "RESTATE_WORKER__CLEANUP_INTERVAL": "1s",
            # Who waits over a stream that is open both ways is suspended only after this.
            "RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "200ms",
        }
        server = RestateServer(folder=folder, env={**settings, **(_FLOW_CONTROL if has_scopes else {}), **env})
        self.process = server
        self.ingress_url, self.admin_url = server.ingress_url, server.admin_url

    async def status(self, admin: httpx.AsyncClient, invocation_id: str) -> str | None:
        """Ask its SQL."""
        rows = await self.query(admin, f"SELECT status FROM sys_invocation WHERE id = '{invocation_id}'")
        return str(rows[0]["status"]) if rows else None

    async def query(self, admin: httpx.AsyncClient, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        answer = await admin.post("/query", json={"query": sql}, headers={"accept": "application/json"})
        answer.raise_for_status()
        return list(answer.json()["rows"])
