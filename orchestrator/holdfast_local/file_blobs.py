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
from typing import TypeVar

from holdfast_engine.errors import StoreUnreachable

T = TypeVar("T")

# A put waits for the disk most of the time; a few at once let it put their syncs together.
_THREADS_MAX = 4

# What may stand in a path as it is on any file system; everything else is named by its hash, which begins with a tilde
# so that it never meets a name that was written out.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")

# A put that meets a forget finds its folder gone; the next try makes it anew.
_PUT_TRIES_MAX = 3


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
        # Threads of its own, because those of the event loop may all be busy in closures of handlers.
        self._threads = ThreadPoolExecutor(max_workers=_THREADS_MAX, thread_name_prefix="holdfast-blobs")

    async def put(self, invocation_id: str, name: str, content: bytes) -> None:
        """Store a blob durably.

        Raises:
            StoreUnreachable: The disk is full, or the folder cannot be written.
        """
        await self._in_thread(invocation_id, lambda home: _put(home, name, content))

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

    def _bury(self, home: Path) -> None:
        # Away with the name first, in one move: a put that is under way begins again, and so comes wholly after it.
        self._forgotten.mkdir(exist_ok=True)
        grave = self._forgotten / secrets.token_hex(8)
        try:
            home.rename(grave)
        except FileNotFoundError:
            return
        _sync_folder(home.parent)
        shutil.rmtree(grave)


def _put(home: Path, name: str, content: bytes) -> None:
    for tries_left in reversed(range(_PUT_TRIES_MAX)):
        try:
            home.mkdir(parents=True, exist_ok=True)
            _write(home / _plain(name), content)
            # All the way up even if all of it was there: whoever made it may not have got this far yet.
            for folder in (home, home.parent, home.parent.parent):
                _sync_folder(folder)
            return
        except FileNotFoundError:
            if not tries_left:
                raise


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
