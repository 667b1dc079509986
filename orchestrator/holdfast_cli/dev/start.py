"""Starting `holdfast dev`: what can go wrong is tried first, then the server runs, then the process ends or reloads."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from holdfast_cli.dev.gate import gate_of
from holdfast_cli.dev.handover import Handover, hand_over, take
from holdfast_cli.dev.identity import checked_ca_file, signer_of
from holdfast_cli.dev.loading import load
from holdfast_cli.dev.places import Places, find_places, take_over
from holdfast_cli.dev.registering import endpoints_of
from holdfast_cli.dev.reload import Watch
from holdfast_cli.dev.server import DevServer, Plan
from holdfast_cli.dev.sockets import url_of
from holdfast_cli.dev.welcome import Situation, service_lines, welcome

# A thread that comes back from an fsync has to ask for the interpreter, and gets it when the event loop's thread has
# used up its interval: 5 ms by default, on a loop that is never idle under load. Whoever waits for an answer waits for
# such an fsync. A tenth of the interval costs the loop nothing that can be measured.
_SWITCH_SECONDS = 0.0005

# Each waiting request holds a descriptor, and the usual soft limit of 1,024 is meant for programs that use select().
_DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for; no data folder means a temporary one."""

    references: tuple[str, ...]
    host: str
    ingress_port: int
    admin_port: int
    data_folder: Path
    is_ephemeral: bool
    is_reloading: bool
    endpoints: tuple[str, ...]
    waiting_max: int
    identity_key_file: Path | None = None
    endpoint_ca_file: Path | None = None
    token: str | None = None


def start(options: Options) -> None:
    """Run the server until it is stopped.

    Raises:
        UsageProblem: Something that was asked for cannot be done.
    """
    left = take()
    endpoints = endpoints_of(options.endpoints)
    signer = signer_of(options.identity_key_file)
    gate = gate_of(options.host, options.token)
    loaded = load(options.references)
    is_watching = options.is_reloading and bool(loaded.folders)
    watch = Watch(options.references, loaded.folders) if is_watching else None
    places = take_over(left, options.data_folder) if left else _find_places(options)
    _prepare_process()
    plan = Plan(
        handlers=loaded.endpoint if options.references else None,
        folder=places.folder.path,
        ingress=places.ingress,
        admin=places.admin,
        endpoints=endpoints,
        waiting_max=options.waiting_max,
        signer=signer,
        ca_file=checked_ca_file(options.endpoint_ca_file),
        gate=gate,
    )
    runner = asyncio.Runner(loop_factory=_loop_factory())
    try:
        changed = runner.run(_serve(options, plan, watch, left))
        if changed is not None:
            hand_over(places.left(changed))
    finally:
        places.close()
    _end(runner)


async def _serve(options: Options, plan: Plan, watch: Watch | None, left: Handover | None) -> str | None:
    server = DevServer(plan)

    def announce(unfinished: int) -> None:
        click.echo(_announcement(options, plan, server, unfinished, left))

    return await server.run(announce=announce, wait_for_change=watch.changed if watch else None)


def _announcement(options: Options, plan: Plan, server: DevServer, unfinished: int, left: Handover | None) -> str:
    goes_on = f"Going on with {unfinished} unfinished invocation{'s' * (unfinished != 1)}.\n" if unfinished else ""
    if left is not None:
        return "\n".join(
            [f"Reloaded, because {left.reason} changed. {goes_on}".rstrip(), *service_lines(server.services)]
        )
    situation = Situation(
        version=version("holdfast"),
        ingress_url=url_of(plan.ingress),
        admin_url=url_of(plan.admin),
        data="in a temporary folder, removed at the end" if options.is_ephemeral else str(plan.folder.resolve()),
        reload="when your files change" if options.is_reloading and options.references else "off",
        identity=plan.signer.public_key if plan.signer else None,
        asks_for_token=options.token is not None,
    )
    return goes_on + welcome(situation, server.services)


def _find_places(options: Options) -> Places:
    return find_places(
        host=options.host,
        ingress_port=options.ingress_port,
        admin_port=options.admin_port,
        data_folder=None if options.is_ephemeral else options.data_folder,
    )


def _prepare_process() -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # Handlers log as they like; this is for those who have set up nothing.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "httpcore", "hpack", "uvicorn", "watchfiles"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _end(runner: asyncio.Runner) -> None:
    """End the event loop, and the process at once if a thread is left.

    A step's function that runs in a thread cannot be stopped, and Python would wait for it as long as it takes.
    """
    if all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        runner.close()
        return
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
