"""What tests need from npm: installed the first time, by one of several processes that want it at once."""

from __future__ import annotations

import fcntl
from pathlib import Path

from localstack.tools import node_problem, npm_installed


class NodeMissing(Exception):
    """There is no Node that will do, or no npm."""


def node_modules(folder: Path, brings: str) -> Path:
    """Return a folder's `node_modules`, with what its lock file names; `brings` says what that is good for.

    Raises:
        NodeMissing: There is no Node that will do, or no npm.
    """
    if (problem := node_problem()) is not None:
        raise NodeMissing(f"{problem}: its npm brings {brings}")
    # Two that install into one folder at a time leave half of it.
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        npm_installed(folder, brings)
    return folder / "node_modules"
