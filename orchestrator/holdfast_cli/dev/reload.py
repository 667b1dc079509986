"""Reload on change: a reload is a restart, which is what durable handlers are made for.

Modules cannot be exchanged safely inside a running interpreter: old classes stay referenced from everywhere. So the
changed code is imported in a child first, and if that works this process stops as it would for SIGTERM and executes
itself anew. If it does not work, the reason is printed and the old code goes on serving.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from watchfiles import PythonFilter, awatch

from holdfast_cli.dev.check import REASON_MARK

# Editors write several files and some more than once; this gathers what belongs together.
_GATHER_MS = 200
# What happens before the watch stands, or on a file system that tells nobody, is seen by looking.
_LOOK_MS = 1000
_CHECK_SECONDS_MAX = 60

_Files = dict[Path, tuple[int, int]]


class Watch:
    """The source files of the user's modules as they were when they had been imported, and what becomes of them."""

    def __init__(self, references: Sequence[str], folders: Sequence[Path]) -> None:
        self._references = references
        self._folders = folders
        self._files = _files_in(folders)

    async def changed(self) -> str:
        """Return the name of a changed file, once there is a change with which everything imports."""
        looks = awatch(
            *self._folders,
            watch_filter=PythonFilter(),
            debounce=_GATHER_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in looks:
            name = self._news()
            if name is None:
                continue
            reason = await _import_problem(self._references)
            if reason is None:
                return name
            click.echo(f"{name} changed. {reason} The code from before goes on serving.", err=True)
        raise asyncio.CancelledError

    def _news(self) -> str | None:
        before, self._files = self._files, _files_in(self._folders)
        differing = before.items() ^ self._files.items()
        return min(path for path, _ in differing).name if differing else None


def _files_in(folders: Sequence[Path]) -> _Files:
    files: _Files = {}
    for path in (path for folder in folders for path in folder.glob("*.py")):
        try:
            status = path.stat()
        except OSError:
            # Gone since the folder was read; that it is gone is what counts.
            continue
        files[path] = (status.st_mtime_ns, status.st_size)
    return files


async def _import_problem(references: Sequence[str]) -> str | None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast_cli.dev.check",
        *references,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_CHECK_SECONDS_MAX):
            _, said = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        return f"The import did not end within {_CHECK_SECONDS_MAX} s."
    except asyncio.CancelledError:
        child.kill()
        raise
    if child.returncode == 0:
        return None
    lines = said.decode("utf-8", "replace").splitlines()
    reasons = [line.removeprefix(REASON_MARK) for line in lines if line.startswith(REASON_MARK)]
    return reasons[-1] if reasons else f"The import ended with exit code {child.returncode}."
