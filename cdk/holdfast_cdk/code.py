"""Where the code of Holdfast's functions comes from: a bundler makes it for one platform."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from aws_cdk import aws_lambda as lambda_

from holdfast_cdk.archive import write_zip
from holdfast_cdk.bundle import assemble, functions_folder
from holdfast_cdk.bytecode import interpreter_of
from holdfast_cdk.wheels import Architecture, Platform

_ZIP = "function.zip"

DEFAULT_PYTHON = "3.13"
DEFAULT_ARCHITECTURE: Architecture = "arm64"


class Bundler(Protocol):
    """Makes the code of the functions; every function it makes runs on its platform."""

    @property
    def platform(self) -> Platform:
        """What the code runs on."""
        ...

    def code(self, name: str, *, more: Sequence[str] = ()) -> lambda_.Code:
        """Return the code of one of the functions under `lambdas/`, with more distributions than its manifest names."""
        ...


class ZipBundler:
    """Puts together each function's zip; wheels are fetched once per machine."""

    def __init__(
        self,
        *,
        python: str = DEFAULT_PYTHON,
        architecture: Architecture = DEFAULT_ARCHITECTURE,
        cache: Path | None = None,
    ) -> None:
        if interpreter_of(python) is None:
            warnings.warn(
                f"There is no python{python} here to make byte code with, so each cold start of a function will do"
                f" it. Install that Python, or name one that is here: ZipBundler(python=...).",
                stacklevel=2,
            )
        self._platform = Platform(python=python, architecture=architecture)
        self._cache = cache or _default_cache()
        self._folder_by_contents: dict[tuple[Path, tuple[str, ...]], TemporaryDirectory[str]] = {}

    @property
    def platform(self) -> Platform:
        """What the code runs on."""
        return self._platform

    def code(self, name: str, *, more: Sequence[str] = ()) -> lambda_.Code:
        """Return the code of one of the functions under `lambdas/`, with more distributions than its manifest names."""
        return self.code_of(functions_folder() / name, more=more)

    def code_of(self, source: Path, *, more: Sequence[str] = ()) -> lambda_.Code:
        """Return the code of any folder that has a `zip.toml`: a handler's own, for instance; it is bundled once."""
        # CDK copies the asset into its output when the function is made, so the zip may go with this object. An asset
        # belongs to one stack; the file may be many.
        what = (source, tuple(more))
        if what not in self._folder_by_contents:
            self._folder_by_contents[what] = self._bundled(*what)
        return lambda_.Code.from_asset(str(Path(self._folder_by_contents[what].name) / _ZIP))

    def _bundled(self, source: Path, more: tuple[str, ...]) -> TemporaryDirectory[str]:
        folder = TemporaryDirectory(prefix="holdfast-zip-")
        contents = Path(folder.name) / "contents"
        assemble(source, contents, platform=self._platform, cache=self._cache, more=more)
        write_zip(contents, Path(folder.name) / _ZIP)
        return folder


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "holdfast" / "wheels"
