"""Blobs as files: one folder per invocation, each file whole and durable before its name exists."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

from holdfast_engine.errors import StoreUnreachable

T = TypeVar("T")

# A put waits for the disk most of the time; a few at once let it put their syncs together.
_THREADS_MAX = 4

# What may stand in a path as it is on any file system; everything else is named by its hash, which begins with a tilde
# so that it never meets a name that was written out.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")


class FileBlobs:
    """Blobs in `folder/<two hex digits>/<invocation id>/<name>`; the digits keep every folder short."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for this process alone, and make it if need be."""
        self._folder = folder
        self._forgotten = folder / "forgotten"
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        # Graves that a crash has left half empty.
        shutil.rmtree(self._forgotten, ignore_errors=True)
        # One put or forget at a time in each of the 256 folders, so that no two meet in the folder of one invocation.
        self._locks = tuple(Lock() for _ in range(256))
        # Threads of its own, because those of the event loop may all be busy in closures of handlers.
        self._threads = ThreadPoolExecutor(max_workers=_THREADS_MAX, thread_name_prefix="holdfast-blobs")

    async def put(self, invocation_id: str, name: str, content: bytes) -> None:
        """Store a blob durably.

        Raises:
            StoreUnreachable: The disk is full, or the folder cannot be written.
        """
        await self._in_thread(invocation_id, lambda home: self._put(home, name, content))

    async def get(self, invocation_id: str, name: str) -> bytes:
        """Return a blob.

        Raises:
            StoreUnreachable: There is no such blob, or it cannot be read.
        """
        return await self._in_thread(invocation_id, lambda home: (home / _plain(name)).read_bytes())

    async def forget(self, invocation_id: str) -> None:
        """Delete all blobs of an invocation; one that has none is fine.

        Raises:
            StoreUnreachable: The folder cannot be written.
        """
        await self._in_thread(invocation_id, self._bury)

    def close(self) -> None:
        """Wait for what is under way, and take nothing more."""
        self._threads.shutdown()

    async def _in_thread(self, invocation_id: str, do: Callable[[Path], T]) -> T:
        home = self._folder / _digest(invocation_id)[:2] / _plain(invocation_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, do, home)
        except OSError as error:
            raise StoreUnreachable(f"the blobs of {invocation_id} cannot be reached: {error}") from error

    def _put(self, home: Path, name: str, content: bytes) -> None:
        with self._locks[int(home.parent.name, 16)]:
            home.mkdir(parents=True, exist_ok=True)
            _write(home / _plain(name), content)
            # All the way up even if all of it was there: whoever made it may have failed before it got this far.
            for folder in (home, home.parent, self._folder):
                _sync_folder(folder)

    def _bury(self, home: Path) -> None:
        grave = self._forgotten / secrets.token_hex(8)
        with self._locks[int(home.parent.name, 16)]:
            if not home.exists():
                return
            # Away with the name in one move, then with the files: a crash in between leaves no half of an invocation.
            self._forgotten.mkdir(exist_ok=True)
            home.rename(grave)
        _sync_folder(home.parent)
        shutil.rmtree(grave)


def _plain(name: str) -> str:
    """Return the name if it is harmless in a path, else one made of its hash."""
    return name if _PLAIN_NAME.fullmatch(name) else "~" + _digest(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Make a file that is there wholly or not at all; one that is there has this content already."""
    if path.exists():
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="~new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
