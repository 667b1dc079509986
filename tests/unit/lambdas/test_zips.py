"""Each zip carries all that its function needs, and little else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.import_cost import cpu_s_of
from tests.unit.lambdas import zips

# Times what `import asyncio` takes, measured beside it. Set from the first measurement, with a fifth to spare.
OWN_RATIO_MAX = 7.0
NEVER = {"boto3", "holdfast", "holdfast_local", "holdfast_cli", "aws_xray_sdk", "jsonschema_rs"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the zips' contents are."""
    return tmp_path_factory.mktemp("zips")


@pytest.mark.parametrize("name", zips.names())
def test_a_zip_starts_by_itself(name: str, folder: Path) -> None:
    """The handler loads in an interpreter that has the zip and Lambda's own packages, within its budget of CPU."""
    start = zips.started(zips.contents(name, folder), zips.runtime(folder))
    baseline = cpu_s_of("import asyncio")
    print(
        f"{name}: {1000 * (start.boto_s + start.own_s):.0f} ms, {1000 * start.own_s:.0f} ms without botocore,"
        f" {start.own_s / baseline:.1f} x asyncio"
    )
    assert start.is_callable
    assert start.own_s / baseline <= OWN_RATIO_MAX
    assert NEVER.isdisjoint(start.modules)
