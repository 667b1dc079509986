"""LocalStack in Docker, for those who have it: started and removed through the compose file."""

from __future__ import annotations

import os
import shutil
import subprocess

from localstack.tools import HERE

_COMPOSE = ("docker", "compose")


class NoDocker(Exception):
    """Docker or its compose command is missing, or LocalStack did not come up."""


def start(*, port: int) -> str:
    """Start LocalStack and wait until its ready hooks have run; return where it answers.

    Raises:
        NoDocker: It could not be started.
    """
    _compose("up", "--detach", "--wait", port=port)
    return f"http://127.0.0.1:{port}"


def stop() -> None:
    """Remove LocalStack with all it holds.

    Raises:
        NoDocker: Docker could not be asked.
    """
    _compose("down", "--volumes", port=0)


def has_compose() -> bool:
    """Return whether Docker is here, with its compose command."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run([*_COMPOSE, "version"], check=False, capture_output=True).returncode == 0


def _compose(*arguments: str, port: int) -> None:
    if not has_compose():
        raise NoDocker("LocalStack needs Docker with its compose command, and that is not here. Do without: make up")
    command = [*_COMPOSE, "--file", str(HERE / "compose.yaml"), *arguments]
    ran = subprocess.run(command, check=False, env={**os.environ, "PORT": str(port)})
    if ran.returncode != 0:
        raise NoDocker("Docker could not do it and said why above. Do without: make up")
