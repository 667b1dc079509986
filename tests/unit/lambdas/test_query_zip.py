"""What is left of DataFusion and Arrow in the query function's zip is small enough for Lambda, and answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from holdfast_aws.runtime.settings import PREFIX, REQUIRED
from holdfast_cdk.bundle import UNZIPPED_BYTES_MAX, files_of, functions_folder, read_manifest
from holdfast_cdk.wheels import closure
from tests.support.tree import ROOT
from tests.unit.lambdas import zips

# Byte code comes beside the sources in a zip, and takes at most twice as much as they do.
_WITH_BYTE_CODE = 3
_QUERY = "SELECT status, count(*) AS n FROM sys_invocation WHERE created_at < now() GROUP BY status ORDER BY n"
_RUN = """
import sys
sys.path[:0] = sys.argv[1:3]
import handler
from holdfast_http.query import worker
rows = [{"id": "inv_1", "status": "paused", "created_at": 1}]
request = {"query": sys.argv[3], "tables": {"sys_invocation": rows}, "bytes_max": 10_000}
print(worker._answer({"do": "plan", **request})["wanted"][0].table)
print(worker._answer({"do": "run", "as_json": True, **request})["body"].decode())
print(len(worker._answer({"do": "run", "as_json": False, **request})["body"]) > 100)
"""


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the zip contains, as links to what is installed here; byte code is not there."""
    manifest = read_manifest(functions_folder() / "query")
    target = tmp_path_factory.mktemp("query")
    (target / "handler.py").symlink_to(functions_folder() / "query" / "handler.py")
    for package in manifest.packages:
        (folder,) = [each for each in ROOT.glob(f"*/{package}") if each.is_dir()]
        (target / package).symlink_to(folder)
    for name in closure(manifest.distributions, zips.HERE):
        found = distribution(name)
        for file in files_of(found, manifest):
            if (source := Path(str(found.locate_file(str(file))))).is_file():
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                (target / file).symlink_to(source)
    return target


def test_the_zip_is_small_enough(contents: Path) -> None:
    """All that the function needs is less than Lambda takes, byte code included."""
    size = 0
    for path in contents.rglob("*"):
        if path.is_file():
            size += path.stat().st_size * (_WITH_BYTE_CODE if path.suffix == ".py" else 1)
    print(f"{size / 2**20:.0f} MB of {UNZIPPED_BYTES_MAX / 2**20:.0f}")
    assert size < UNZIPPED_BYTES_MAX


def test_a_query_runs_on_what_is_in_the_zip(contents: Path, tmp_path: Path) -> None:
    """In a bare interpreter the handler loads, and a query is planned, run, and answered in both shapes."""
    environment = {f"{PREFIX}{name.upper()}": name for name in REQUIRED}
    environment |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUN, str(contents), str(zips.runtime(tmp_path)), _QUERY],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**environment, "PATH": os.environ["PATH"]},
    )
    assert ran.returncode == 0, ran.stderr
    table, rows, has_stream = ran.stdout.splitlines()
    assert (table, has_stream) == ("sys_invocation", "True")
    assert json.loads(rows) == {"rows": [{"status": "paused", "n": 1}]}
