"""The compose file and its hooks, as far as they can be judged without Docker."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localstack import docker
from localstack.tools import HERE

FILE = HERE / "compose.yaml"


@pytest.fixture
def service() -> Any:
    """The one service of the file."""
    (service,) = yaml.safe_load(FILE.read_text())["services"].values()
    return service


def test_it_listens_on_this_machine_alone(service: Any) -> None:
    """Nobody outside reaches it, and the port is the one that `make up PORT=` names."""
    assert service["ports"] == ["127.0.0.1:${PORT:-4566}:4566"]


def test_it_starts_without_an_account(service: Any) -> None:
    """The image is one that wants no token, unless another version is asked for."""
    version = re.fullmatch(r"localstack/localstack:\$\{LOCALSTACK_VERSION:-(\d+)\.(\d+)\}", service["image"])
    assert version is not None
    assert (int(version[1]), int(version[2])) <= (4, 14)


def test_volumes_are_there(service: Any) -> None:
    """What is mounted is a folder of ours, a volume that the file declares, or Docker's socket."""
    declared = yaml.safe_load(FILE.read_text())["volumes"]
    for volume in service["volumes"]:
        source = volume.rpartition(":/")[0].removesuffix(":ro") if volume.startswith("$") else volume.split(":")[0]
        is_ours = source.startswith("./") and (HERE / source).is_dir()
        assert is_ours or source in declared or source.startswith("${DOCKER_SOCK"), volume


def test_it_is_healthy_when_the_hooks_have_run(service: Any) -> None:
    """What the health check looks for is what the last hook leaves behind."""
    *_, last = _hooks()
    *_, looked_for = service["healthcheck"]["test"]
    assert last.read_text().splitlines()[-1] == f"touch {looked_for}"
    assert any(volume.endswith(f":{Path(looked_for).parent}") for volume in service["volumes"])


def test_hooks_can_be_run() -> None:
    """LocalStack runs them as programs, and bash finds no fault with their form."""
    for hook in _hooks():
        assert hook.stat().st_mode & 0o111, f"{hook.name} is not executable"
        checked = subprocess.run(["bash", "-n", str(hook)], check=False, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr


def test_docker_takes_the_file() -> None:
    """Docker's own check passes, where there is Docker."""
    if not docker.has_compose():
        pytest.skip("Docker's compose command is not here: the file is judged by its form alone")
    subprocess.run(["docker", "compose", "--file", str(FILE), "config", "--quiet"], check=True)


def _hooks() -> list[Path]:
    hooks = sorted((HERE / "ready.d").iterdir())
    assert hooks
    return hooks
