"""The contents of the functions' zips, and a bare interpreter that has nothing beside them but what Lambda provides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from holdfast_aws.runtime.settings import PREFIX, REQUIRED
from holdfast_cdk.bundle import assemble, functions_folder
from holdfast_cdk.wheels import PROVIDED_BY_LAMBDA, Architecture, Platform
from tests.support.tree import ROOT

ROUNDS = 5
_MACHINES: dict[str, Architecture] = {"x86_64": "x86_64", "aarch64": "arm64"}
HERE = Platform(
    python=f"{sys.version_info.major}.{sys.version_info.minor}", architecture=_MACHINES.get(os.uname().machine, "arm64")
)

_START = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
begin = time.process_time()
exec(sys.argv[3])
boto = time.process_time() - begin

def counted(method):
    def call(*args, **kwargs):
        global boto
        before = time.process_time()
        try:
            return method(*args, **kwargs)
        finally:
            boto += time.process_time() - before
    return call

session.Session.__init__ = counted(session.Session.__init__)
session.Session.create_client = counted(session.Session.create_client)
import handler
total = time.process_time() - begin
print(json.dumps({
    "boto_s": boto,
    "own_s": total - boto,
    "is_callable": callable(handler.handler),
    "modules": sorted(sys.modules),
}))
"""
_BASELINE = """
import time
begin = time.process_time()
import asyncio
print(time.process_time() - begin)
"""
_SIGN = """
import sys
sys.path[:0] = sys.argv[1:3]
from holdfast_engine.endpoints.identity import RequestSigner
from holdfast_aws.runtime.surroundings import SystemClock
print(RequestSigner(sys.argv[3].encode(), clock=SystemClock()).headers("/discover")["x-restate-jwt-v1"])
"""
# What boto3 costs is not in our hands: its modules, and making its session and its clients.
_BOTO = "import botocore.config, botocore.exceptions, botocore.client, urllib3; from botocore import session"


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a function started: CPU seconds for boto3's part and for the rest, and the modules it loaded.

    `asyncio_s`: what importing asyncio took beside it, in an interpreter of its own.
    """

    boto_s: float
    own_s: float
    is_callable: bool
    modules: list[str]
    asyncio_s: float = 0.0


def names() -> list[str]:
    """Return the names of all functions but that for SQL, whose wheels are larger than those of all others together."""
    return sorted(path.parent.name for path in functions_folder().glob("*/handler.py") if path.parent.name != "query")


def contents(name: str, folder: Path, *, more: Sequence[str] = ()) -> Path:
    """Put together what a function's zip contains."""
    target = folder / "-".join((name, *more))
    assemble(functions_folder() / name, target, platform=HERE, cache=ROOT / ".holdfast" / "wheels", more=more)
    return target


def runtime(folder: Path) -> Path:
    """Return a folder with links to what Lambda's Python runtime has, and to nothing else."""
    target = folder / "runtime"
    target.mkdir(exist_ok=True)
    for each in PROVIDED_BY_LAMBDA:
        found = distribution(each)
        for top in {Path(str(file)).parts[0] for file in found.files or ()}:
            source = Path(str(found.locate_file(top)))
            if not top.startswith("..") and not top.endswith((".dist-info", "__pycache__")) and source.exists():
                link = target / top
                if not link.exists():
                    link.symlink_to(source)
    return target


def started(code: Path, provided: Path) -> Start:
    """Load a function's handler as Lambda would, several times, and return the least disturbed start."""
    starts, baselines = [], []
    for _ in range(ROUNDS):
        # They take turns, so that load hits both.
        baselines.append(float(_printed(_BASELINE)))
        starts.append(Start(**json.loads(_printed(_START, str(code), str(provided), _BOTO))))
    least = min(starts, key=lambda each: each.own_s)
    return replace(least, boto_s=min(each.boto_s for each in starts), asyncio_s=min(baselines))


def signature(code: Path, provided: Path, pem: str) -> str:
    """Have a zip's code sign a path, in a bare interpreter."""
    return _printed(_SIGN, str(code), str(provided), pem)


def has_unchecked_byte_code(module: Path) -> bool:
    """Return whether a module's byte code lies beside it, and is of the kind that is used without looking further."""
    compiled = Path(cache_from_source(str(module)))
    # https://peps.python.org/pep-0552/: magic number, then flags: by hash, and whether to check it.
    return compiled.exists() and compiled.read_bytes()[:8] == MAGIC_NUMBER + (1).to_bytes(4, "little")


def is_never_imported(module: Path) -> bool:
    """Return whether a file is no module of this Python: what cannot be compiled is not imported either."""
    try:
        compile(module.read_bytes(), str(module), "exec")
    except SyntaxError:
        return True
    return False


def _printed(code: str, *arguments: str) -> str:
    environment = {f"{PREFIX}{name.upper()}": name for name in REQUIRED}
    # Credentials and region are in every function's environment; no request is made while it starts.
    environment |= {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1]
