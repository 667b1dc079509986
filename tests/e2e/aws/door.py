"""A door that signs: plain HTTP in front of a function URL that asks for IAM's leave.

Test cases and examples speak plain HTTP to an ingress. This takes their requests, signs each with the stand-in's
credentials, as any client of AWS would, and passes it on.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstack.standin import REGION

_CREDENTIALS = Credentials("test", "test")
_OF_THE_CONNECTION = frozenset(("connection", "content-length", "host", "keep-alive", "transfer-encoding"))


@contextmanager
def signing_door(url: str, *, service: str = "lambda") -> Iterator[str]:
    """Open a door to a URL of a service on this machine; return the door's own URL."""
    with _serving(_handler_of(url, service)) as door:
        yield door


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def put_box() -> Iterator[tuple[str, list[bytes]]]:
    """Open a URL to which anybody may put something; yields it, and what was put there so far."""
    box: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            box.append(self.rfile.read(int(self.headers.get("content-length", 0))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with _serving(Handler) as url:
        yield url, box


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The backlog of many clients that connect at once.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; what else goes wrong is seen by the test."""


def _handler_of(url: str, service: str) -> type[BaseHTTPRequestHandler]:
    behind = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            signed = AWSRequest(method=self.command, url=f"{url}{self.path}", data=body, headers=kept)
            SigV4Auth(_CREDENTIALS, service, REGION).add_auth(signed)
            connection = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=120)
            try:
                connection.request(self.command, f"{behind.path}{self.path}", body=body, headers=dict(signed.headers))
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        # The names are http.server's.
        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    return Handler
