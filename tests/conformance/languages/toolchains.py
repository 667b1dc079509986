"""Building and starting the examples of each language, or saying what is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.demo.processes import free_ports
from tests.support.ports import PortProcess

_HERE = Path(__file__).parent
_BUILD_WITHIN_S = 480


class ToolsMissing(Exception):
    """A language cannot be played here; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its tools, how to build it, and how a handler is spelled there."""

    name: str
    tools: tuple[str, ...]
    build: tuple[str, ...]
    run: tuple[str, ...]
    has_capitals: bool

    def spelled(self, handler: str) -> str:
        """Return a handler's name as this language's SDK gives it."""
        return handler[0].upper() + handler[1:] if self.has_capitals else handler


GO = Language(
    name="go",
    tools=("go",),
    build=("go", "build", "-o", "{out}/examples", "."),
    run=("{out}/examples",),
    has_capitals=True,
)
JAVA = Language(
    name="java",
    tools=("java", "mvn"),
    build=("mvn", "-q", "-B", "package", "-DbuildDirectory={out}"),
    run=("java", "-cp", "{out}/classes:{out}/lib/*", "languages.Main"),
    has_capitals=False,
)
KOTLIN = Language(name="kotlin", tools=("java", "gradle"), build=(), run=(), has_capitals=False)


class Endpoint(PortProcess):
    """The examples in one language, over HTTP/2 without TLS."""

    def __init__(self, language: Language, *, out: Path, log: Path) -> None:
        [self.port] = free_ports(1)
        self.uri = f"http://127.0.0.1:{self.port}"
        super().__init__(
            [*_filled(language.run, out), str(self.port)],
            ready_urls=[],
            log_path=out / f"{language.name}.log",
            env={"HOLDFAST_EXAMPLES_LOG": str(log)},
        )


def build(language: Language, *, out: Path) -> None:
    """Build the examples of a language.

    Raises:
        ToolsMissing: A tool is not installed, or what it needs from its registry cannot be fetched.
    """
    missing = [tool for tool in language.tools if shutil.which(tool) is None]
    if missing or not language.build:
        raise ToolsMissing(f"{language.name} needs {' and '.join(missing or language.tools)}, not on this machine")
    command = _filled(language.build, out)
    folder = _HERE / language.name
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_BUILD_WITHIN_S, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2_000:]
        if any(word in said for word in _FETCHING_FAILED):
            raise ToolsMissing(f"{language.name} could not fetch its SDK from its registry")
        raise AssertionError(f"building the {language.name} examples failed:\n{said}")


_FETCHING_FAILED = ("Could not transfer artifact", "Could not resolve dependencies", "dial tcp", "no such host")


def _filled(command: Sequence[str], out: Path) -> list[str]:
    return [part.replace("{out}", str(out)) for part in command]
