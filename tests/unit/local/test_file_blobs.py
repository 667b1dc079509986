"""Blobs as files: durable, whole, inside their folder, gone when forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast_engine.errors import StoreUnreachable
from holdfast_local.file_blobs import FileBlobs

INVOCATION = "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "data" / "blobs"


@pytest.fixture
def blobs(folder: Path) -> Iterator[FileBlobs]:
    """Return a store in the folder."""
    blobs = FileBlobs(folder)
    yield blobs
    blobs.close()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_what_was_put_can_be_got(blobs: FileBlobs) -> None:
    """A blob comes back byte for byte, an empty one too, and putting it again changes nothing."""
    for name, content in (("a", b"\0\xff" * 100_000), ("b", b"")):
        await blobs.put(INVOCATION, name, content)
        await blobs.put(INVOCATION, name, content)
        assert await blobs.get(INVOCATION, name) == content


async def test_blobs_outlive_the_process(blobs: FileBlobs, folder: Path) -> None:
    """Another store on the same folder finds what was put."""
    await blobs.put(INVOCATION, "a", b"content")
    again = FileBlobs(folder)
    assert await again.get(INVOCATION, "a") == b"content"
    again.close()


async def test_the_tree_fans_out_by_invocation(blobs: FileBlobs, folder: Path) -> None:
    """A blob lies in a folder of its invocation, which lies in one of at most 256."""
    await blobs.put(INVOCATION, "sha256-00ff", b"content")
    [path] = _files(folder)
    first, invocation, name = path.relative_to(folder).parts
    assert (len(first), invocation, name) == (2, INVOCATION, "sha256-00ff")


HOSTILE = [
    "../../escaped",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "",
    "a\0b",
    "x" * 5000,
    "~new-",
    "-rf",
    "ü",
    "\udc80",
    "a.b",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_name_leaves_the_folder(name: str, blobs: FileBlobs, folder: Path, tmp_path: Path) -> None:
    """Whatever an invocation or blob is called, its file lies where files of invocations lie."""
    await blobs.put(name, "a", b"1")
    await blobs.put(INVOCATION, name, b"2")
    assert await blobs.get(name, "a") == b"1"
    assert await blobs.get(INVOCATION, name) == b"2"
    files = _files(tmp_path)
    assert len(files) == 2
    assert all(len(path.relative_to(folder).parts) == 3 for path in files)
    await blobs.forget(name)
    assert await blobs.get(INVOCATION, name) == b"2"


async def test_different_names_never_meet(blobs: FileBlobs) -> None:
    """No two of the hostile names share a file."""
    for name in HOSTILE:
        await blobs.put(INVOCATION, name, name.encode("utf-8", "surrogatepass"))
    for name in HOSTILE:
        assert await blobs.get(INVOCATION, name) == name.encode("utf-8", "surrogatepass")


async def test_forgetting_removes_the_folder(blobs: FileBlobs, folder: Path) -> None:
    """After forget no file of the invocation is left, others are untouched, and forgetting nothing is fine."""
    for name in ("a", "b"):
        await blobs.put(INVOCATION, name, b"content")
    await blobs.put("inv_other", "a", b"kept")
    await blobs.forget(INVOCATION)
    await blobs.forget(INVOCATION)
    assert [path.read_bytes() for path in _files(folder)] == [b"kept"]
    with pytest.raises(StoreUnreachable, match=INVOCATION):
        await blobs.get(INVOCATION, "a")


async def test_concurrent_puts_of_one_blob_agree(blobs: FileBlobs, folder: Path) -> None:
    """Many puts of one blob at once leave one whole file and nothing half-written."""
    content = b"x" * 300_000
    await asyncio.gather(*(blobs.put(INVOCATION, "a", content) for _ in range(30)))
    assert [path.read_bytes() for path in _files(folder)] == [content]


async def test_puts_and_forgets_do_not_trip_over_each_other(blobs: FileBlobs, folder: Path) -> None:
    """Puts and forgets of one invocation at once all succeed, and a last forget leaves nothing."""
    puts = [blobs.put(INVOCATION, f"n{number}", b"content") for number in range(60)]
    forgets = [blobs.forget(INVOCATION) for _ in range(20)]
    mixed = [each for index, put in enumerate(puts) for each in ([put] if index % 3 else [put, forgets[index // 3]])]
    await asyncio.gather(*mixed)
    await blobs.forget(INVOCATION)
    assert _files(folder) == []


async def test_what_a_crash_left_of_a_forget_is_removed(folder: Path) -> None:
    """A half-deleted folder of an earlier process is gone after the next start."""
    grave = folder / "forgotten" / "0123"
    grave.mkdir(parents=True)
    (grave / "a").write_bytes(b"content")
    FileBlobs(folder).close()
    assert _files(folder) == []


def test_a_disk_that_refuses_is_said_to(blobs: FileBlobs, folder: Path) -> None:
    """When the folder cannot be written, the failure names the invocation and is one of the store."""
    folder.rmdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(StoreUnreachable, match=INVOCATION):
        asyncio.run(blobs.put(INVOCATION, "a", b"content"))
