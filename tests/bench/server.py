"""`holdfast dev` as it is, with one more route that tells what it has cost so far."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import holdfast_cli.dev.server
from examples.demo.processes import DevServer
from holdfast_cli.main import main
from holdfast_http.ingress.app import Ingress
from holdfast_http.messages import Request, Response, json_response

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_local.sqlite_store import SqliteStore

FIGURES = "/figures"


def bench_server(folder: Path) -> DevServer:
    """Return the server as a process, with the measured handlers in it."""
    return DevServer(["tests.bench.services"], folder=folder, program=[sys.executable, "-m", "tests.bench.server"])


class MeteredIngress(Ingress):
    """The ingress, and what the process and its store have used since the start."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        super().__init__(engine, **options)
        self._store = cast("SqliteStore", engine.world.store)

    async def handle(self, request: Request) -> Response:
        """Answer with the figures, or as the ingress does."""
        if request.path != FIGURES:
            return await super().handle(request)
        meter = self._store.meter
        figures = {"cpu_s": time.process_time(), "write_units": meter.write_units, "read_units": meter.read_units}
        return json_response(200, figures)


if __name__ == "__main__":
    # The one seam of this measurement: all else is what a user runs.
    setattr(holdfast_cli.dev.server, "Ingress", MeteredIngress)  # noqa: B010 - the module does not export the name
    main()
