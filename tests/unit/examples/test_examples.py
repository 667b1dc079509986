"""The examples as a reader finds them: documented, served by name, callable as their docstrings say."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

import examples
import holdfast

FOLDER = Path(next(iter(examples.__path__)))
HELPERS = {"__init__", "account_client", "outside", "reservation_client"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)

CALL = re.compile(r"localhost:8080/((?!restate/)[^\s'\"?]+)")


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest) -> ModuleType:
    """Each example, imported."""
    return importlib.import_module(f"examples.{request.param}")


def _targets(services: list[holdfast.Service]) -> set[tuple[str, str]]:
    return {(service.name, handler) for service in services for handler in service.handlers}


def test_an_example_serves_what_it_says(example: ModuleType) -> None:
    """Each example has services that can be served together, and its docstring gives the command that does."""
    assert holdfast.Endpoint(example.services).manifest().services
    assert f"holdfast dev {example.__name__}:services" in (example.__doc__ or "")


def test_every_curl_command_has_its_handler(example: ModuleType) -> None:
    """Every URL in an example's docstring names a handler that the example serves."""
    targets = _targets(example.services)
    calls = CALL.findall(example.__doc__ or "")
    assert calls or example.__name__ == "examples.everything"
    for call in calls:
        parts = call.removesuffix("/send").split("/")
        assert (parts[0], parts[-1]) in targets, call


def test_every_example_is_listed() -> None:
    """The README of the folder names every example, and everything.py serves every example."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.py`" in readme for name in NAMES)
    everything = importlib.import_module("examples.everything")
    others = [importlib.import_module(f"examples.{name}") for name in NAMES if name != "everything"]
    assert _targets(everything.services) == set().union(*(_targets(other.services) for other in others))


def test_examples_import_the_sdk_in_one_line() -> None:
    """Each example imports holdfast by the one line that makes it run with Restate's SDK when it is replaced."""
    for name in NAMES:
        imports = re.findall(r"^.*\bholdfast\b.*import.*$|^.*import.*\bholdfast\b.*$", _source(name), re.MULTILINE)
        assert imports == ([] if name == "everything" else ["import holdfast as restate"])


def _source(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")
