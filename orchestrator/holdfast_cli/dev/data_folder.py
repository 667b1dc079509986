"""The data folder: made if need be, and used by one server at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from holdfast_cli.problems import UsageProblem

_LOCK_NAME = "lock"


class DataFolder:
    """A folder that this process has for itself until it ends; the kernel lets go of it even after kill -9."""

    def __init__(self, path: Path) -> None:
        """Make the folder and take it.

        Raises:
            UsageProblem: It cannot be made or written, or another server has it.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Python opens files so that they are closed, and the lock released, when a process executes another.
            self._lock = os.open(path / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageProblem(
                f"The data folder {path} cannot be used: {error.strerror or error}; choose another with --data-dir."
            ) from error
        self._take()

    def release(self) -> None:
        """Give the folder back."""
        os.close(self._lock)

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise UsageProblem(
                f"The data folder {self.path} is in use by another server{f' (process {holder})' if holder else ''}:"
                " stop it, or choose another with --data-dir."
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, b"%d\n" % os.getpid(), 0)
