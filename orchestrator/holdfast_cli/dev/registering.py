"""Endpoints named with --register: registered when they are up, which may be after this server is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from holdfast_cli.dev.welcome import service_lines
from holdfast_cli.problems import UsageProblem
from holdfast_engine.errors import DiscoveryFailed, RegistrationRejected
from holdfast_http.admin.deployments import RegistrationOptions, http_endpoint, register_endpoint
from holdfast_http.admin.shapes import services_of
from holdfast_http.problems import HttpProblem

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_engine.registry import Endpoint

_PAUSE_SECONDS = 1.0
# The code behind a URI changes while one works on it, so each start takes what is there now.
_OPTIONS = RegistrationOptions(force=True, breaking=False, dry_run=False, metadata=(), is_restart=True)


def endpoints_of(uris: Sequence[str]) -> list[Endpoint]:
    """Return the endpoints at these URIs.

    Raises:
        UsageProblem: One is no http or https URI.
    """
    try:
        return [http_endpoint(uri) for uri in uris]
    except HttpProblem as problem:
        raise UsageProblem(f"--register: {problem}.") from problem


async def register_when_up(engine: Engine, endpoint: Endpoint) -> None:
    """Register an endpoint; say once that it is not up yet, and go on trying."""
    has_complained = False
    while True:
        try:
            registration = await register_endpoint(engine, endpoint, _OPTIONS, use_http_11=None)
        except RegistrationRejected as error:
            click.echo(f"{endpoint.address} is not registered: {error}.", err=True)
            return
        except DiscoveryFailed as error:
            if not has_complained:
                click.echo(f"{endpoint.address} is not registered yet: {error}. Trying again.", err=True)
            has_complained = True
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        click.echo(f"Registered {endpoint.address}:")
        click.echo("\n".join(service_lines(services_of(registration.deployment))))
        return
