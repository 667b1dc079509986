"""Processes that outlive the command that started them: started in a group of their own, stopped by its number."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_POLL_S = 0.05
_KILL_AFTER_S = 5.0


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
    """End a process with all it started; one that is gone already is no matter."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, sent)
        except ProcessLookupError:
            return
        until = time.monotonic() + _KILL_AFTER_S
        while time.monotonic() < until and _group_is_alive(pid):
            _reap(pid)
            time.sleep(_POLL_S)
        if not _group_is_alive(pid):
            return


def is_alive(pid: int) -> bool:
    """Return whether a process still runs."""
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _reap(pid: int) -> None:
    # A child of this very process stays as a zombie until somebody asks how it ended.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
