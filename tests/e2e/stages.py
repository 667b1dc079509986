"""Servers with the examples on them: every way in which a handler can meet an orchestrator."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from examples.demo.processes import DevServer, ServerProcess, free_ports
from tests.e2e.cases import Stage
from tests.support.restate_server import RestateServer
from tests.support.site import Site


class HandlerServer(ServerProcess):
    """Modules of handlers under uvicorn, over HTTP/1.1, with one of the SDKs."""

    def __init__(
        self,
        modules: Sequence[str],
        *,
        sdk: str,
        folder: Path,
        port: int | None = None,
        effects_log: Path | None = None,
    ) -> None:
        port = port or free_ports(1)[0]
        self.uri = f"http://127.0.0.1:{port}"
        super().__init__(
            [sys.executable, "-m", "tests.support.serve", "--sdk", sdk, "--port", str(port), *modules],
            ready_urls=[f"{self.uri}/health"],
            log_path=folder / f"handlers-{sdk}-{port}.log",
            env={"HOLDFAST_EXAMPLES_LOG": str(effects_log)} if effects_log is not None else {},
        )


@contextmanager
def in_process(modules: Sequence[str], *, folder: Path) -> Iterator[Stage]:
    """Serve the handlers inside `holdfast dev`."""
    log = folder / "effects.log"
    server = DevServer(modules, folder=folder, env={"HOLDFAST_EXAMPLES_LOG": str(log)})
    with ExitStack() as stack:
        yield _started(server, stack, log)


@contextmanager
def over_http(modules: Sequence[str], *, sdk: str, folder: Path) -> Iterator[Stage]:
    """Serve the handlers in a process of their own and register them with `holdfast dev` by URI."""
    log = folder / "effects.log"
    with ExitStack() as stack:
        stage = _started(DevServer([], folder=folder), stack, log)
        _register(stage, modules, sdk=sdk, folder=folder, stack=stack)
        yield stage


@contextmanager
def on_restate(modules: Sequence[str], *, sdk: str, folder: Path) -> Iterator[Stage]:
    """Serve the handlers in a process of their own and register them with a stock Restate server."""
    log = folder / "effects.log"
    with ExitStack() as stack:
        stage = _started(RestateServer(folder=folder), stack, log)
        _register(stage, modules, sdk=sdk, folder=folder, stack=stack)
        yield stage


def _started(server: DevServer | RestateServer, stack: ExitStack, log: Path) -> Stage:
    server.start()
    stack.callback(server.stop)
    site = stack.enter_context(Site(server.ingress_url, server.admin_url))
    return Stage(site=site, ingress_url=server.ingress_url, effects_log=log)


def _register(stage: Stage, modules: Sequence[str], *, sdk: str, folder: Path, stack: ExitStack) -> None:
    handlers = HandlerServer(modules, sdk=sdk, folder=folder, effects_log=stage.effects_log)
    handlers.start()
    # Killed, because the official SDK takes SIGTERM away from uvicorn and does not stop.
    stack.callback(handlers.kill)
    stage.site.register(handlers.uri)
