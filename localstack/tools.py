"""What the stand-in needs from npm and pip: is it there, and if not, one sentence that says what to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent

_NODE_MAJOR_MIN = 20
_PATIENCE_S = 600
_SAID_CHARACTERS_MAX = 1_500


class NotInstalled(Exception):
    """Something is missing that this cannot do without; the message says what to do."""


def node_problem() -> str | None:
    """Return why there is no Node here that will do; None when there is one."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return f"needs Node {_NODE_MAJOR_MIN} or newer with its npm, and there is none here"
    version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _NODE_MAJOR_MIN:
        return f"needs Node {_NODE_MAJOR_MIN} or newer, and this is {version or 'none that answers'}"
    return None


def npm_installed(folder: Path, what: str) -> None:
    """Install what a folder's lock file names, unless it is there.

    Raises:
        NotInstalled: There is no Node that will do, or npm did not do it.
    """
    if (problem := node_problem()) is not None:
        raise NotInstalled(f"{what[0].upper()}{what[1:]} {problem}.")
    lock, done = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    print(f"Installing {what} (once) ...", flush=True)
    installed("npm", ["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder)
    done.touch()


def installed(tool: str, command: Sequence[str], *, cwd: Path = HERE) -> None:
    """Run what installs something.

    Raises:
        NotInstalled: It failed; the message ends with what it said.
    """
    ran = subprocess.run(
        command, cwd=cwd, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_PATIENCE_S
    )
    if ran.returncode != 0:
        said = ran.stdout.strip()[-_SAID_CHARACTERS_MAX:]
        raise NotInstalled(f"{tool} could not install what is needed; is its registry within reach? It said:\n{said}")
