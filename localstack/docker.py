"""LocalStack in Docker, for those who have it: started and removed through the compose file."""

from __future__ import annotations

import os
import shutil
import subprocess

from localstack.standin import HERE


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


def _compose(*arguments: str, port: int) -> None:
    if shutil.which("docker") is None:
        raise NoDocker("LocalStack needs Docker, and there is none here: plain `make up` does without")
    command = ["docker", "compose", "--file", str(HERE / "compose.yaml"), *arguments]
    ran = subprocess.run(command, check=False, env={**os.environ, "PORT": str(port)})
    if ran.returncode != 0:
        raise NoDocker(f"`{' '.join(command[:2])}` did not do it; plain `make up` does without Docker")
