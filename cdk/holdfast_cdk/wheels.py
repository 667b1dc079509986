"""The third-party packages of a zip: which distributions it takes, and their files for the platform it runs on.

The versions are those installed here, so that what is deployed is what was tested; only the files are fetched anew,
because a function runs on another processor or another Python than the machine that deploys it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from shutil import copy2, rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holdfast_cdk.bytecode import byte_code_of, compile_folder, interpreter_of

Architecture = Literal["arm64", "x86_64"]

# What every Python runtime of Lambda brings along; a zip with its own copy would start later and go stale.
PROVIDED_BY_LAMBDA = frozenset(("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"))

_MACHINE: dict[Architecture, str] = {"arm64": "aarch64", "x86_64": "x86_64"}
# Amazon Linux 2023 has glibc 2.34; wheels for an older one run there as well.
_GLIBC_MINORS = (34, 28, 17)


class BundleError(Exception):
    """A zip cannot be put together; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What a function runs on."""

    python: str
    architecture: Architecture

    @property
    def tags(self) -> tuple[str, ...]:
        """The wheel tags that run there."""
        machine = _MACHINE[self.architecture]
        return (*(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS), f"manylinux2014_{machine}")

    def needs(self, requirement: Requirement, *, extras: Iterable[str]) -> bool:
        """Return whether a requirement holds there, for a distribution that is wanted with some extras."""
        environment = {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "platform_system": "Linux",
            "sys_platform": "linux",
            "platform_machine": _MACHINE[self.architecture],
        }
        marker = requirement.marker
        return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def closure(requirements: Iterable[str], platform: Platform) -> dict[str, str]:
    """Return the version by name of everything the requirements need and Lambda does not provide.

    Raises:
        BundleError: One of them is not installed here.
    """
    found: dict[str, str] = {}
    waiting = [each for each in map(Requirement, requirements) if platform.needs(each, extras=())]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if str(requirement) in seen or name in PROVIDED_BY_LAMBDA:
            continue
        seen.add(str(requirement))
        try:
            installed = distribution(name)
        except PackageNotFoundError as error:
            message = f"{name} is not installed here, so its tested version is unknown: pip install 'holdfast[cdk]'"
            raise BundleError(message) from error
        found[name] = installed.version
        theirs = [Requirement(text) for text in installed.requires or ()]
        waiting.extend(each for each in theirs if platform.needs(each, extras=requirement.extras))
    return dict(sorted(found.items()))


def fetched(versions: dict[str, str], platform: Platform, cache: Path) -> list[Path]:
    """Return the folders with the distributions' files and their byte code; what is there already is not fetched.

    Raises:
        BundleError: pip did not find them for that platform.
    """
    folder_by_name = {name: cache / _key(name, version, platform) for name, version in versions.items()}
    missing = [f"{name}=={versions[name]}" for name, folder in folder_by_name.items() if not folder.exists()]
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as fresh:
            _install(missing, platform, Path(fresh))
            compile_folder(Path(fresh), python=platform.python)
            for info in Path(fresh).glob("*.dist-info"):
                found = Distribution.at(info)
                _keep(found, Path(fresh), folder_by_name[canonicalize_name(found.metadata["Name"])], platform)
    return list(folder_by_name.values())


def _key(name: str, version: str, platform: Platform) -> str:
    byte_code = "compiled" if interpreter_of(platform.python) else "sources"
    what = "\n".join((byte_code, platform.python, *platform.tags))
    return f"{name}-{version}-{sha256(what.encode()).hexdigest()[:12]}"


def _keep(found: Distribution, fresh: Path, folder: Path, platform: Platform) -> None:
    """Give the files of one distribution a folder of their own."""
    # Made beside its place and moved there whole, so that two deployments at once and a broken one do no harm.
    unfinished = Path(mkdtemp(dir=folder.parent))
    for file in map(Path, map(str, found.files or ())):
        for each in (file, byte_code_of(file, python=platform.python)):
            if ".." not in each.parts and (fresh / each).is_file():
                (unfinished / each).parent.mkdir(parents=True, exist_ok=True)
                copy2(fresh / each, unfinished / each)
    unfinished.chmod(0o755)
    try:
        unfinished.rename(folder)
    except OSError:
        rmtree(unfinished)
        if not folder.exists():
            raise


def _install(pinned: list[str], platform: Platform, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={platform.python}"]
    command += [f"--platform={tag}" for tag in platform.tags]
    ran = subprocess.run(
        [*command, f"--target={folder}", *pinned], check=False, capture_output=True, text=True, timeout=600
    )
    if ran.returncode != 0:
        what = f"Python {platform.python} on {platform.architecture}"
        raise BundleError(f"pip found no wheels for {what}:\n{ran.stderr.strip()}")
