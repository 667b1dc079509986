"""Processes that outlive their command: found again, told from strangers, and stopped with all that they started."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from localstack import processes
from localstack.standin import PortTaken, StandIn

# A program that starts another one and tells its number.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def _started(log: Path, source: str) -> int:
    return processes.start([sys.executable, "-c", source], log=log, env=dict(os.environ))


def test_a_process_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    """Neither the process nor its child is left."""
    log = tmp_path / "log"
    pid = _started(log, PARENT)
    processes.wait_until(lambda: bool(log.read_text().strip()), pid=pid, log=log, seconds=30)
    child = int(log.read_text())
    assert processes.is_alive(pid)
    assert "time.sleep(60)" in processes.command_of(child)
    processes.stop(pid)
    assert not processes.is_alive(pid)
    until = time.monotonic() + 10
    while processes.command_of(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes.command_of(child) == ""
    processes.stop(pid)


def test_one_that_does_not_come_up_shows_its_log(tmp_path: Path) -> None:
    """The end of the log is in the error, whether it ended or takes too long."""
    log = tmp_path / "log"
    pid = _started(log, "print('no such file'); raise SystemExit(1)")
    with pytest.raises(processes.NotReady, match="no such file"):
        processes.wait_until(lambda: False, pid=pid, log=log, seconds=30)


def test_a_strangers_number_is_left_alone(tmp_path: Path) -> None:
    """After a restart of the machine, what is written down may be the number of another program: that lives on."""
    stranger = _started(tmp_path / "log", "import time; time.sleep(60)")
    told = {"port": 1, "emulator_pid": stranger, "dynamodb_pid": stranger, "dynamodb_port": 2}
    (tmp_path / "running.json").write_text(json.dumps(told))
    stand_in = StandIn(tmp_path)
    try:
        assert stand_in.running() is None
        assert stand_in.remove() is False
        assert processes.is_alive(stranger)
    finally:
        processes.stop(stranger)


def test_nothing_is_started_on_a_taken_port(tmp_path: Path) -> None:
    """One sentence says that the port is taken, and which one to try."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} is taken .* make up PORT={port + 1}"):
            StandIn(tmp_path / "new").start(port=port)
    assert not (tmp_path / "new").exists()
