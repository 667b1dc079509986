"""Zips: equal contents give equal bytes, and byte code comes along where the Python that makes it is here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import holdfast_cdk
from holdfast_cdk.archive import write_zip
from holdfast_cdk.bytecode import byte_code_of, compile_folder, interpreter_of

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
NOWHERE = "3.99"


def _package(folder: Path, *, source: str = "answer = 42\n") -> Path:
    package = folder / "package"
    package.mkdir(parents=True)
    (package / "module.py").write_text(source)
    (package / "broken.py").write_text("this is { a template }\n")
    compile_folder(folder, python=HERE)
    return folder


def test_equal_contents_give_equal_zips(tmp_path: Path) -> None:
    """Neither the place nor the time of its making shows in a zip, and every change does."""
    sources = {"one": "answer = 42\n", "two": "answer = 42\n", "other": "answer = 43\n"}
    for name, source in sources.items():
        write_zip(_package(tmp_path / name, source=source), tmp_path / f"{name}.zip")
    one, two, other = ((tmp_path / f"{name}.zip").read_bytes() for name in sources)
    assert one == two != other


def test_a_zip_holds_what_the_folder_does(tmp_path: Path) -> None:
    """Unpacked, a zip is the folder again: sources, byte code, and what could not be compiled."""
    folder = _package(tmp_path / "in")
    write_zip(folder, tmp_path / "it.zip")
    with zipfile.ZipFile(tmp_path / "it.zip") as archive:
        archive.extractall(tmp_path / "out")
    contents = [
        {path.relative_to(each): path.read_bytes() for path in each.rglob("*") if path.is_file()}
        for each in (folder, tmp_path / "out")
    ]
    assert contents[0] == contents[1]
    assert byte_code_of(Path("package/module.py"), python=HERE) in contents[0]
    assert byte_code_of(Path("package/broken.py"), python=HERE) not in contents[0]


def test_a_python_that_is_not_here_makes_no_byte_code(tmp_path: Path) -> None:
    """Without the interpreter there are sources alone, and whoever bundles for it is told."""
    (tmp_path / "module.py").write_text("answer = 42\n")
    compile_folder(tmp_path, python=NOWHERE)
    assert interpreter_of(NOWHERE) is None
    assert [path.name for path in tmp_path.rglob("*")] == ["module.py"]


def test_putting_a_zip_together_starts_no_node() -> None:
    """The modules that make zips do not import the CDK, and the package gives all its names when they are asked for."""
    script = "import sys, holdfast_cdk.bundle, holdfast_cdk.archive; sys.exit('aws_cdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    for name in holdfast_cdk.__all__:
        assert getattr(holdfast_cdk, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = holdfast_cdk.Nothing
