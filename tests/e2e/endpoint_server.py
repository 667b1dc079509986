"""Serve the handlers: `python -m tests.e2e.endpoint_server --sdk holdfast --server uvicorn --port 9080`."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import hypercorn.asyncio
import uvicorn

from tests.support.serve import SDKS, app_of

SERVERS = ("hypercorn", "uvicorn")

HANDLERS = "tests.e2e.endpoint_handlers"


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdk", choices=SDKS, required=True)
    parser.add_argument("--server", choices=SERVERS, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", help="file with key and certificate; then it is https")
    arguments = parser.parse_args()
    app = app_of([HANDLERS], sdk=arguments.sdk)
    serve = _hypercorn if arguments.server == "hypercorn" else _uvicorn
    serve(app, port=arguments.port, certificate=arguments.certificate)


def _hypercorn(app: Any, *, port: int, certificate: str | None) -> None:
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile = config.keyfile = certificate
    asyncio.run(hypercorn.asyncio.serve(app, config))


def _uvicorn(app: Any, *, port: int, certificate: str | None) -> None:
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="off",
        ssl_certfile=certificate, ssl_keyfile=certificate,
    )  # fmt: skip


if __name__ == "__main__":
    main()
