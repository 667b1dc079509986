"""The stand-in for AWS on this machine: ministack, with dynoxide as its DynamoDB where that can be had."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError

from localstack import processes
from localstack.tools import HERE, installed

ROOT = HERE.parent
REGION = "us-east-1"
ACCOUNT = "000000000000"

_DYNOXIDE = HERE / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
_EMULATOR = HERE / "emulator.py"
_READY_S = 60.0
# What the stand-in's processes see of this one's environment; a function must not find our packages by accident.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The processes of a stand-in that has been started."""

    port: int
    emulator_pid: int
    dynamodb_pid: int | None
    dynamodb_port: int | None

    @property
    def endpoint_url(self) -> str:
        """Where its AWS answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def dynamodb_url(self) -> str:
        """Where its DynamoDB answers."""
        return f"http://127.0.0.1:{self.dynamodb_port or self.port}"


class PortTaken(Exception):
    """Somebody else listens where the stand-in should."""


class StandIn:
    """One stand-in; everything it writes is in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "running.json"

    def start(self, *, port: int, env: Mapping[str, str] | None = None) -> Running:
        """Start it; one that runs already is stopped first.

        Raises:
            PortTaken: Somebody else listens on the port.
            NotReady: It did not come up.
        """
        self.stop()
        if not processes.is_free(port):
            raise PortTaken(f"Port {port} is taken by another program. Choose another one: make up PORT={port + 1}")
        python = emulator_python()
        shared = {each: os.environ[each] for each in _INHERITED if each in os.environ}
        dynamodb_port, dynamodb_pid = self._start_dynamodb(shared)
        try:
            emulator_pid = self._start_emulator(python, port, dynamodb_port, {**shared, **(env or {})})
        except processes.NotReady:
            if dynamodb_pid is not None:
                processes.stop(dynamodb_pid)
            raise
        running = Running(port=port, emulator_pid=emulator_pid, dynamodb_pid=dynamodb_pid, dynamodb_port=dynamodb_port)
        self._state.write_text(json.dumps(asdict(running)))
        return running

    def running(self) -> Running | None:
        """Return the stand-in that was started here, if it still runs."""
        try:
            running = Running(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        # After a restart of the machine, the number may be another program's.
        return running if _EMULATOR.name in processes.command_of(running.emulator_pid) else None

    def stop(self) -> bool:
        """Stop it and remove what it left behind but its logs; return whether there was anything to stop."""
        running = self.running()
        if running is not None:
            processes.stop(running.emulator_pid)
            pid = running.dynamodb_pid
            if pid is not None and _DYNOXIDE.name in processes.command_of(pid):
                processes.stop(pid)
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        return running is not None

    def remove(self) -> bool:
        """Stop it and remove all that it wrote; return whether there was anything to stop."""
        was_running = self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return was_running

    def _start_dynamodb(self, env: Mapping[str, str]) -> tuple[int | None, int | None]:
        if not _DYNOXIDE.exists():
            return None, None
        port = processes.free_port()
        log = self.folder / "dynamodb.log"
        pid = processes.start([str(_DYNOXIDE), "--host", "127.0.0.1", "-p", str(port)], log=log, env=env)
        processes.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/"), pid=pid, log=log, seconds=_READY_S)
        return port, pid

    def _start_emulator(self, python: Path, port: int, dynamodb_port: int | None, env: Mapping[str, str]) -> int:
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        environment = {
            **env,
            "BIND_HOST": "127.0.0.1",
            # Roles may do what their policies say, and function URLs ask who is there.
            "AUTH": "true",
            "GATEWAY_PORT": str(port),
            "TMPDIR": str(temporary),
            "S3_DATA_DIR": str(temporary / "s3"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "PYTHONUNBUFFERED": "1",
        }
        if dynamodb_port is not None:
            url = f"http://127.0.0.1:{dynamodb_port}"
            environment |= {"HOLDFAST_DYNAMODB_URL": url, "AWS_ENDPOINT_URL_DYNAMODB": url}
        log = self.folder / "emulator.log"
        pid = processes.start([str(python), str(_EMULATOR)], log=log, env=environment)
        health = f"http://127.0.0.1:{port}/_ministack/health"
        processes.wait_until(lambda: _answers(health), pid=pid, log=log, seconds=_READY_S)
        return pid


def emulator_python() -> Path:
    """Return the Python of the emulator's virtual environment, which is made at the first call and when it changes.

    Raises:
        NotInstalled: pip did not do it.
    """
    requirements = HERE / "requirements.txt"
    key = sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".holdfast" / f"emulator-{key}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print("Installing the stand-in for AWS (once) ...", flush=True)
        installed("Python", [sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installed("pip", [*pip, "--requirement", str(requirements)])
        (folder / "complete").touch()
    return python


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except URLError as error:
        # An HTTP error is an answer, too.
        return hasattr(error, "code")
    except OSError:
        return False
