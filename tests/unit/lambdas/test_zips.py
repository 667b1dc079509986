"""Each zip carries all that its function needs, and little else."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdfast_cdk.bundle import SIGNING
from tests.unit.lambdas import zips

# How much CPU it may take to load a function, as a multiple of what `import asyncio` takes beside it: that is 33 ms on
# the machine where the aims were set, of 350 ms in all and of 120 ms without boto3.
TOTAL_RATIO_MAX = 350 / 33
# Without boto3: on an idle machine 2.6 to 3.7, and 3.8 for the ingress, where the aim is 3.6; on a busy one up to 4.6,
# so these bounds leave room for that. Sends take 5: Pydantic, which they are checked with, is 2 of it, and no other
# function imports it.
OWN_RATIO_MAX = {"admin": 5.3, "dispatcher": 5.2, "ingress": 6.0, "registrar": 5.2, "sends": 8.5, "sweeper": 5.2}
NEVER = {"boto3", "holdfast", "holdfast_local", "holdfast_cli", "aws_xray_sdk", "httpx", "jsonschema_rs"}
VALIDATION = {"pydantic", "pydantic_settings"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the zips' contents are."""
    return tmp_path_factory.mktemp("zips")


@pytest.fixture(params=zips.names())
def name(request: pytest.FixtureRequest) -> str:
    """A function."""
    return str(request.param)


@pytest.fixture
def code(name: str, folder: Path) -> Path:
    """What its zip contains."""
    return folder / name if (folder / name).exists() else zips.contents(name, folder)


def test_a_zip_that_signs_has_all_it_takes(folder: Path) -> None:
    """With the distributions that the option adds, a function signs in an interpreter that has only the zip."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    code = zips.contents("registrar", folder, more=SIGNING)
    signed, _, signature = zips.signature(code, zips.runtime(folder), pem).rpartition(".")
    key.public_key().verify(urlsafe_b64decode(signature + "=="), signed.encode())


def test_a_zip_starts_by_itself(name: str, code: Path, folder: Path) -> None:
    """The handler loads in an interpreter that has the zip and Lambda's own packages, within its budget of CPU."""
    start = zips.started(code, zips.runtime(folder))
    own, total = start.own_s / start.asyncio_s, (start.own_s + start.boto_s) / start.asyncio_s
    print(
        f"{name}: {1000 * (start.boto_s + start.own_s):.0f} ms, {1000 * start.own_s:.0f} ms without boto3;"
        f" {total:.1f} and {own:.1f} x asyncio, which took {1000 * start.asyncio_s:.0f} ms"
    )
    assert start.is_callable
    assert own <= OWN_RATIO_MAX[name]
    assert total <= TOTAL_RATIO_MAX
    assert (NEVER if name == "sends" else NEVER | VALIDATION).isdisjoint(start.modules)


def test_a_zip_is_compiled(code: Path) -> None:
    """Nothing that a function imports has to be compiled when it starts, nor compared with its source."""
    modules = [path for path in code.rglob("*.py") if not zips.is_never_imported(path)]
    assert modules
    assert [str(path) for path in modules if not zips.has_unchecked_byte_code(path)] == []
