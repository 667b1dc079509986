"""Listening sockets: bound before anything else starts, so that a taken port is one sentence and not a traceback."""

from __future__ import annotations

import errno
import socket

from holdfast_cli.problems import UsageProblem

# As many as the kernel usually allows to wait for being accepted; a reload is over long before they are used up.
_CONNECTIONS_WAITING_MAX = 2048
_PORT_MAX = 65_535


def listen(host: str, port: int, *, purpose: str, option: str) -> socket.socket:
    """Return a socket that listens; port 0 takes any free one.

    Raises:
        UsageProblem: The port is taken or not allowed, or the host is none of this machine.
    """
    if not 0 <= port <= _PORT_MAX:
        raise UsageProblem(f"{port} is no port; {option} takes 0 to {_PORT_MAX}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS_WAITING_MAX)
    except OSError as error:
        raise UsageProblem(_sentence(error, host, port, purpose=purpose, option=option)) from error


def url_of(listener: socket.socket) -> str:
    """Return the URL under which a socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _sentence(error: OSError, host: str, port: int, *, purpose: str, option: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            free = f"another with {option}, such as {option} {port + 1 if port < _PORT_MAX else 0}"
            return f"Port {port} for the {purpose} is taken: stop what listens there, or choose {free}."
        case errno.EACCES:
            return f"Port {port} for the {purpose} needs privileges: choose one above 1023 with {option}."
        case _:
            return f"Nothing can listen on {host} port {port} for the {purpose}: {error.strerror or error}."
