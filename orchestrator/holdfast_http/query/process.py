"""The query process as its parent sees it: started when it is first needed, ended when idle or when time is up."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast_http.query.framing import receive, send

# Long enough to go on asking without paying for a start, short enough to give the memory back.
_IDLE_SECONDS = 60.0
# The packages of this very installation, wherever they were imported from.
_ROOT = Path(__file__).resolve().parents[2]


class WorkerDied(Exception):
    """The process ended without an answer: killed for its memory, perhaps."""


class QueryProcess:
    """One worker at a time; whoever asks has it for itself."""

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-m", "holdfast_http.query.worker"),
        *,
        idle_seconds: float | None = _IDLE_SECONDS,
    ) -> None:
        """Start nothing yet; without idle seconds a process stays until it is ended."""
        self._command = tuple(command)
        self._idle_seconds = idle_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; whoever stops waiting must `end` the process.

        Raises:
            WorkerDied: There is no answer.
        """
        if self._timer is not None:
            self._timer.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await send(process.stdin, request)
            answer = await receive(process.stdout)
        except ConnectionError:
            answer = None
        if answer is None:
            await self.end()
            raise WorkerDied
        if self._idle_seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._kill)
        return answer

    async def end(self) -> None:
        """End the process, whatever it does."""
        if self._timer is not None:
            self._timer.cancel()
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        assert process.stdin is not None
        process.stdin.close()

    async def _start(self) -> asyncio.subprocess.Process:
        paths = [str(_ROOT), *filter(None, sys.path)]
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**26,
            # A group of its own: Ctrl-C is for the server, which ends this one itself.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
