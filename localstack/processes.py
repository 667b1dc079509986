"""Processes that outlive the command that started them: started in a group of their own, stopped by its number."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_POLL_S = 0.05
# What was killed is gone as soon as the system gets round to it.
_PATIENCE_S = 5.0


class NotReady(Exception):
    """A process did not become ready; the message holds the end of its log."""


def start(command: Sequence[str], *, log: Path, env: Mapping[str, str]) -> int:
    """Start a process, named by its path, in a group of its own; return its number, which is the group's as well."""
    log.parent.mkdir(parents=True, exist_ok=True)
    how = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # No Popen object: it would complain about a process that is meant to live on.
    return os.posix_spawn(
        command[0],
        list(command),
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), how, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,
    )


def wait_until(is_ready: Callable[[], bool], *, pid: int, log: Path, seconds: float) -> None:
    """Wait for a process of ours to be ready.

    Raises:
        NotReady: It ended, or took too long.
    """
    until = time.monotonic() + seconds
    while not is_ready():
        if not is_alive(pid) or time.monotonic() > until:
            tail = log.read_text(errors="replace")[-2000:]
            raise NotReady(f"the stand-in did not start; the end of {log}:\n{tail}")
        time.sleep(_POLL_S)


def stop(pid: int) -> None:
    """Kill a process with all it started, for none of them has anything to save; one that is gone is no matter."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    until = time.monotonic() + _PATIENCE_S
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(_POLL_S)


def is_alive(pid: int) -> bool:
    """Return whether a process still runs."""
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def command_of(pid: int) -> str:
    """Return the command line of a process; empty when there is none of that number."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return asked.stdout


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        # Connections that have just ended linger for a minute and are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _reap(pid: int) -> None:
    # A child of this very process stays as a zombie until somebody asks how it ended.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
