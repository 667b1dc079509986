"""Byte code for a zip: made once where the files come from, so that no cold start has to make it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@cache
def interpreter_of(python: str) -> str | None:
    """Return the command that is that version of Python; None when it is not installed here."""
    if python == _THIS_PYTHON:
        return sys.executable
    found = shutil.which(f"python{python}")
    # Version managers leave commands behind that only say which versions there are.
    if found is None or subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode != 0:
        return None
    return found


def compile_folder(folder: Path, *, python: str) -> None:
    """Compile every module below a folder, if that Python is installed here.

    /var/task is read-only: without byte code in the zip, every cold start compiles every module again. It is unchecked
    and without paths of this machine, so that equal sources give equal zips.
    """
    interpreter = interpreter_of(python)
    if interpreter is None:
        return
    command = [interpreter, "-m", "compileall", "-q", "-q", "--invalidation-mode=unchecked-hash", "-s", str(folder)]
    # What cannot be compiled, a template of a package for instance, is not imported either.
    subprocess.run([*command, str(folder)], check=False, capture_output=True)


def byte_code_of(module: Path, *, python: str) -> Path:
    """Return where the byte code of a module is, if there is any."""
    return module.parent / "__pycache__" / f"{module.stem}.cpython-{python.replace('.', '')}.pyc"
