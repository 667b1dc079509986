"""The zip of one function: its handler, the whole packages of ours that its manifest names, and third-party wheels."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import Distribution
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns

from holdfast_cdk.bytecode import byte_code_of, compile_folder
from holdfast_cdk.wheels import BundleError, Platform, closure, fetched

_SKIPPED = ("__pycache__", "*.pyc", "*.pyi", "*.md", "*.proto", "py.typed")
_MANIFEST = "zip.toml"
# What a function that signs requests carries besides; four megabytes.
SIGNING = ("cryptography",)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_BYTES_MAX = 250 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipManifest:
    """What one function's zip carries: packages of ours by import name, and requirements as pip reads them.

    `left_out` are patterns of files that the distributions have and nobody here needs.
    """

    packages: tuple[str, ...]
    distributions: tuple[str, ...]
    left_out: tuple[str, ...]

    def leaves_out(self, file: Path) -> bool:
        """Return whether a file of a distribution is left out."""
        return any(fnmatchcase(file.as_posix(), pattern) for pattern in self.left_out)


def functions_folder() -> Path:
    """Return the folder with one folder per function: inside this package when installed, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "lambdas"
    return installed if installed.is_dir() else here.parents[1] / "lambdas"


def read_manifest(source: Path) -> ZipManifest:
    """Return the manifest of a function's folder."""
    content = tomllib.loads((source / _MANIFEST).read_text(encoding="utf-8"))
    return ZipManifest(
        packages=tuple(content["packages"]),
        distributions=tuple(content["distributions"]),
        left_out=tuple(content.get("left_out", ())),
    )


def assemble(source: Path, target: Path, *, platform: Platform, cache: Path, more: Iterable[str] = ()) -> None:
    """Fill `target` with what the zip of the function in `source` contains, and with `more` distributions.

    Raises:
        BundleError: Something it carries is not installed, or there are no wheels for the platform.
    """
    manifest = read_manifest(source)
    copytree(source, target, ignore=ignore_patterns(*_SKIPPED, _MANIFEST), dirs_exist_ok=True)
    for package in manifest.packages:
        copytree(_package_folder(package), target / package, ignore=ignore_patterns(*_SKIPPED), dirs_exist_ok=True)
    # Only ours so far: the wheels' byte code was made when they were fetched.
    compile_folder(target, python=platform.python)
    for wheel in fetched(closure((*manifest.distributions, *more), platform), platform, cache):
        copy_distributions(wheel, target, manifest, python=platform.python)
    _check_size(target)


def copy_distributions(wheels: Path, target: Path, manifest: ZipManifest, *, python: str) -> None:
    """Copy what the wheels install and its byte code, without what only tools read, or what a manifest leaves out."""
    for info in sorted(wheels.glob("*.dist-info")):
        for file in files_of(Distribution.at(info), manifest):
            _copy(wheels, file, target)
            if file.suffix == ".py":
                _copy(wheels, byte_code_of(file, python=python), target)


def files_of(found: Distribution, manifest: ZipManifest) -> Iterator[Path]:
    """Yield those files of a distribution that a zip carries."""
    for file in found.files or ():
        path = Path(file)
        is_data = path.is_absolute() or ".." in path.parts or path.parts[0].endswith(".data") or path.parts[0] == "bin"
        # Some packages ask for their own version at run time, so the metadata stays; the rest of dist-info does not.
        is_kept_info = path.name in ("METADATA", "entry_points.txt")
        if is_data or manifest.leaves_out(path) or (path.parts[0].endswith(".dist-info") and not is_kept_info):
            continue
        if path.suffix not in (".pyi", ".pyc") and path.name != "py.typed":
            yield path


def _check_size(folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > UNZIPPED_BYTES_MAX:
        raise BundleError(
            f"the zip would have {size} bytes unzipped, and Lambda takes {UNZIPPED_BYTES_MAX}: leave out more in its"
            f" {_MANIFEST}"
        )


def _copy(wheels: Path, file: Path, target: Path) -> None:
    if (wheels / file).is_file():
        destination = target / file
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Thousands of files that nobody changes any more.
            destination.hardlink_to(wheels / file)
        except OSError:
            # Across file systems, and where a package has put the same file before.
            copy2(wheels / file, destination)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BundleError(f"the package {package} is not installed here: pip install 'holdfast[cdk]'")
    return Path(next(iter(spec.submodule_search_locations)))
