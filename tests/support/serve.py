"""Serve modules of handlers over HTTP/1.1, with our SDK or, the import replaced, with the official one.

`python -m tests.support.serve --sdk restate-sdk --port 9080 examples.user_account tests.support.services`
With `--lambda` they are served as a function instead: what is posted is the event, what comes back is the answer.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn

SDKS = ("holdfast", "restate-sdk")

_OUR_IMPORT = re.compile(r"^(\s*)(import holdfast as restate|import holdfast|from holdfast import)\b", re.MULTILINE)
_THEIR_IMPORT = {
    "import holdfast as restate": "import restate",
    "import holdfast": "import restate as holdfast",
    "from holdfast import": "from restate import",
}


def with_official_sdk(name: str) -> ModuleType:
    """Return a module made of the source of `name`, in which only the SDK's import differs."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"there is no module {name}"
    assert spec.origin is not None, f"{name} has no source"
    source = importlib.util.decode_source(Path(spec.origin).read_bytes())
    replaced = _OUR_IMPORT.sub(lambda found: found[1] + _THEIR_IMPORT[found[2]], source)
    assert replaced != source, f"{name} does not import holdfast"
    module = ModuleType(name)
    module.__file__ = spec.origin
    # Type hints are resolved through sys.modules, so the copy must be found there, not the original.
    sys.modules[name] = module
    exec(compile(replaced, spec.origin, "exec"), module.__dict__)
    return module


def app_of(modules: list[str], *, sdk: str, identity_keys: list[str] | None = None) -> Any:
    """Return the ASGI app that serves the `services` of all modules, to signed requests only if there are keys."""
    return apps_of(modules, sdk=sdk, identity_keys=identity_keys)()


def apps_of(modules: list[str], *, sdk: str, identity_keys: list[str] | None) -> Callable[[], Any]:
    """Return what makes one such app after the other; the modules are loaded once."""
    if sdk == "restate-sdk":
        import restate

        theirs = [each for name in modules for each in with_official_sdk(name).services]
        return lambda: restate.app(theirs, identity_keys=identity_keys)
    import holdfast

    ours = [each for name in modules for each in importlib.import_module(name).services]
    return lambda: holdfast.app(ours, identity_keys=identity_keys)


class FunctionServer(ThreadingHTTPServer):
    """Calls a function once per request, in an environment that is idle or in a new one, as Lambda does."""

    # A burst of attempts may come at once.
    request_queue_size = 128

    def __init__(self, port: int, make_handler: Callable[[], Any]) -> None:
        super().__init__(("127.0.0.1", port), _FunctionRequest)
        self._make_handler = make_handler
        self._idle: list[_Environment] = []

    def call(self, event: Any) -> Any:
        """Return what the function returns."""
        try:
            environment = self._idle.pop()
        except IndexError:
            environment = _Environment(self._make_handler)
        try:
            return environment.call(event)
        finally:
            self._idle.append(environment)


class _Environment:
    """One thread with a handler and an event loop of its own."""

    def __init__(self, make_handler: Callable[[], Any]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._handler = self._thread.submit(make_handler).result()

    def call(self, event: Any) -> Any:
        return self._thread.submit(self._handler, event, None).result()


class _FunctionRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The answer's head and body leave together.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: FunctionServer

    def do_POST(self) -> None:
        """Answer 500 with a report when the function raises."""
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            status, answer = 200, self.server.call(event)
        except Exception as error:  # noqa: BLE001 - whatever a function raises is reported.
            status, answer = 500, {"errorType": type(error).__name__, "errorMessage": str(error)}
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        """Say nothing of each request."""


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--sdk", choices=SDKS, default="holdfast")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--identity-key", action="append", help="a public key; then requests must be signed with it")
    parser.add_argument("--lambda", action="store_true", dest="is_function", help="serve a Lambda function")
    parser.add_argument("--certificate", help="a file with key and certificate; then it is served over https")
    arguments = parser.parse_args()
    if arguments.is_function:
        # By this the SDK tells where it is.
        os.environ["AWS_LAMBDA_FUNCTION_NAME"] = f"on-{arguments.port}"
        make_handler = apps_of(arguments.modules, sdk=arguments.sdk, identity_keys=arguments.identity_key)
        FunctionServer(arguments.port, make_handler).serve_forever()
    app = app_of(arguments.modules, sdk=arguments.sdk, identity_keys=arguments.identity_key)
    tls = {"ssl_certfile": arguments.certificate, "ssl_keyfile": arguments.certificate}
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", lifespan="off", **tls)


if __name__ == "__main__":
    main()
