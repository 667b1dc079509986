"""Data that cannot be used or written any more: refused or stopped with what to do, and nothing is overwritten."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.processes import DevServer, ServerFailed
from tests.support.load import ConnectionLost, LoadClient
from tests.support.services.work import STEPS
from tests.support.site import eventually

WORK = "tests.support.services.work"
EXPECTED = str(sum(range(STEPS)) + 2 * 5).encode()
HOLDFAST = str(Path(sys.executable).with_name("holdfast"))
# Small enough to be full soon, large enough for the tables.
FILE_BYTES_MAX = 1_200_000
ACCEPTED_MAX = 5_000
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, which those of pytest are not."""
    path = Path(tempfile.mkdtemp(prefix="holdfast-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        each.name: each.read_bytes() for each in (folder / "data").iterdir() if each.is_file() and each.name != "lock"
    }


def used_database(server: DevServer, folder: Path) -> Path:
    """Have a server do some work, stop it, and return its database file."""
    server.start()
    asyncio.run(_work(server, count=20))
    server.stop()
    (database,) = [each for each in (folder / "data").iterdir() if each.suffix == ".db" or "sqlite" in each.name]
    return database


async def _work(server: DevServer, *, count: int) -> None:
    async with LoadClient(server.ingress_url) as client:
        answers = await asyncio.gather(
            *(client.post("/Work/ten_steps", f'"w{each}"'.encode()) for each in range(count))
        )
    assert {answer.body for answer in answers} == {EXPECTED}


def refusal(server: DevServer) -> str:
    """Start a server that must refuse; return what it says."""
    with pytest.raises(ServerFailed) as refused:
        server.start()
    assert "exit code 0" not in str(refused.value)
    assert "Traceback" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("begin", [0, 16, 100], ids=["another file", "a broken header", "a broken first page"])
def test_a_damaged_file_is_refused(folder: Path, begin: int) -> None:
    """A server that finds its database damaged says which file and what to do, and leaves every byte as it is."""
    server = DevServer([WORK], folder=folder, env={"HOLDFAST_TEST_LOG": str(folder / "steps.log")})
    database = used_database(server, folder)
    content = bytearray(database.read_bytes())
    content[begin : begin + 800] = random.Random(begin).randbytes(800)
    database.write_bytes(content)
    before = files_in(folder)
    said = refusal(server)
    assert str(database) in said
    assert "--data-dir" in said
    assert files_in(folder)[database.name] == before[database.name]


def test_a_cut_file_is_refused(folder: Path) -> None:
    """A database of which the end is missing is refused as well: half of the invocations is not all of them."""
    server = DevServer([WORK], folder=folder, env={"HOLDFAST_TEST_LOG": str(folder / "steps.log")})
    database = used_database(server, folder)
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])
    said = refusal(server)
    assert str(database) in said
    assert database.read_bytes() == content[: len(content) // 2]


def test_a_folder_that_may_not_be_written_is_refused(folder: Path) -> None:
    """A server that may read its data and not write it says so at the start, not at the first request."""
    server = DevServer([WORK], folder=folder, env={"HOLDFAST_TEST_LOG": str(folder / "steps.log")})
    used_database(server, folder)
    for each in [folder / "data", *(folder / "data").iterdir()]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    before = files_in(folder)
    somebody = DevServer([], folder=folder, program=_as_somebody())
    said = refusal(somebody)
    assert "data folder" in said
    assert "--data-dir" in said
    assert files_in(folder) == before


def _as_somebody() -> list[str]:
    """Return the command as somebody whom permissions hold back: root without the right to pass over them."""
    drop = f"ctypes.CDLL(None).prctl({_PR_CAPBSET_DROP}, {_CAP_DAC_OVERRIDE}, 0, 0, 0)"
    program = f"import ctypes, os, sys; {drop}; os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", program, HOLDFAST]


async def test_a_full_disk_loses_nothing_that_was_accepted(folder: Path) -> None:
    """The server stops with a sentence when it can write no more, and all that it had accepted completes later."""
    log = {"HOLDFAST_TEST_LOG": str(folder / "steps.log")}
    cramped = DevServer([WORK], folder=folder, env=log, program=_with_small_files())
    cramped.start()
    accepted = await _send_until_full(cramped)
    assert 0 < len(accepted) < ACCEPTED_MAX
    assert await asyncio.to_thread(eventually, lambda: not cramped.is_running()), cramped.output()
    assert "full" in cramped.output() or "disk" in cramped.output(), cramped.output()
    assert cramped.stop() != 0

    roomy = DevServer([WORK], folder=folder, env=log)
    roomy.start()
    try:
        async with LoadClient(roomy.ingress_url) as client:
            for invocation_id in accepted:
                answer = await client.get(f"/restate/invocation/{invocation_id}/attach")
                assert (answer.status, answer.body) == (200, EXPECTED), (invocation_id, answer)
    finally:
        roomy.kill()


async def _send_until_full(server: DevServer) -> list[str]:
    accepted: list[str] = []
    async with LoadClient(server.ingress_url) as client:
        try:
            for number in range(ACCEPTED_MAX):
                answer = await client.post("/Work/ten_steps/send", f'"f{number}"'.encode())
                if answer.status != 202:
                    assert answer.status >= 500, answer
                    break
                accepted.append(answer.headers["x-restate-id"])
        except ConnectionLost:
            pass
    return accepted


def _with_small_files() -> list[str]:
    """Return the command with a limit on the length of any file: to a process that is a disk without room."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES_MAX}, {FILE_BYTES_MAX}))"
    program = f"import os, resource, sys; {limit}; os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", program, HOLDFAST]


assert os.name == "posix", "limits and users are those of a POSIX system"
