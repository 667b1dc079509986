"""What importing a part of the package costs: the light parts do without protobuf."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _modules_after(statement: str) -> set[str]:
    """Return the modules a fresh interpreter has loaded after one statement."""
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "module", ["frames", "ids", "errors", "codes", "names", "attempt", "envelope", "manifest", "items", "grants"]
)
def test_light_modules_do_not_import_protobuf(module: str) -> None:
    """Only messages, versions and the schema need protobuf; nothing else loads it on the side."""
    loaded = _modules_after(f"import holdfast_protocol.{module}")
    assert not {name for name in loaded if name.startswith("google.protobuf")}
    assert "holdfast_protocol.schema_pb2" not in loaded


def test_the_package_itself_imports_nothing() -> None:
    """Naming the package loads none of its modules."""
    loaded = _modules_after("import holdfast_protocol")
    assert [name for name in loaded if name.startswith("holdfast_protocol")] == ["holdfast_protocol"]


def test_frames_need_only_struct_and_typing() -> None:
    """Frames load nothing heavier than what they are made of."""
    loaded = _modules_after("import holdfast_protocol.frames")
    assert loaded.isdisjoint({"dataclasses", "inspect", "asyncio", "json", "enum"} - _modules_after("import typing"))
