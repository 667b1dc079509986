"""From `module:attribute` to services, and one sentence for everything that can go wrong on the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast_cli.dev.check import REASON_MARK
from holdfast_cli.dev.loading import load
from holdfast_cli.problems import UsageProblem

GREETER = """
import holdfast

greeter = holdfast.Service("Greeter")

@greeter.handler()
async def greet(ctx: holdfast.Context, name: str) -> str:
    return f"Hello {name}"
"""
LISTED = GREETER + "services = [greeter]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write(folder: Path, **sources: str) -> None:
    """Write modules."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)


@pytest.mark.parametrize(
    "attribute",
    ["services", "greeter", "(greeter,)", "holdfast.Endpoint([greeter])", "holdfast.app([greeter])"],
)
def test_what_an_attribute_may_be(folder: Path, attribute: str) -> None:
    """A service, a list of services, an endpoint and an app all give their services."""
    write(folder, shop=LISTED + f"chosen = {attribute}\n")
    loaded = load(["shop:chosen"])
    assert list(loaded.endpoint.service_by_name) == ["Greeter"]
    assert loaded.folders == (folder,)


def test_several_modules(folder: Path) -> None:
    """Services of several modules are served together, one that is named twice once, and all their folders matter."""
    (folder / "pack").mkdir()
    write(folder, shop=LISTED, helper="import pack.part\n")
    write(folder / "pack", part=GREETER.replace("Greeter", "Other") + "services = [greeter]\n")
    write(folder, again="import helper\nfrom shop import services\n")
    loaded = load(["again", "shop:greeter", "pack.part"])
    assert sorted(loaded.endpoint.service_by_name) == ["Greeter", "Other"]
    assert loaded.folders == (folder, folder / "pack")


def test_nothing(folder: Path) -> None:
    """Without references there are no services, and nothing to watch."""
    loaded = load([])
    assert (loaded.endpoint.service_by_name, loaded.folders) == ({}, ())


@pytest.mark.parametrize(
    ("source", "reference", "words"),
    [
        ("x = = 1", "shop", "does not import: shop.py, line 1: SyntaxError: invalid syntax."),
        ("\n\n1/0", "shop", "does not import: shop.py, line 3: ZeroDivisionError: division by zero."),
        ("import nothing_there", "shop", "line 1: ModuleNotFoundError: No module named 'nothing_there'."),
        ("import json\n\njson.loads('{')", "shop", "shop.py, line 3: json.decoder.JSONDecodeError"),
        ("raise SystemExit(3)", "shop", "shop.py, line 1: SystemExit: 3."),
        ("", "shop", "The module 'shop' has no 'services': give it a list of services under that name."),
        (GREETER, "shop", "has no 'services': name a service as shop:greeter, or add 'services = [greeter]'."),
        (GREETER, "shop:other", "The module 'shop' has no 'other': name a service as shop:greeter"),
        ("services = {}", "shop", "shop:services is neither a service, nor a list of services"),
        ("services = [5]", "shop", "shop:services is neither a service"),
        ("services = 5", "shop", "but a int."),
        ("import restate\nservices = [restate.Service('X')]", "shop", "services of restate-sdk"),
        (LISTED, "shop.py", "'shop.py' is a file; name the module instead, such as 'shop'."),
        (LISTED, "./a/shop.py", "such as 'a.shop'."),
        (LISTED, "nobody", "There is no module 'nobody' in "),
        (LISTED, "shop.part", "There is no module 'shop.part' in "),
        ("import holdfast\nservices = [holdfast.Service('Empty')]", "shop", "Empty has no handlers"),
        ("import holdfast\nholdfast.Service('restate-x')", "shop", "shop.py, line 2"),
    ],
)
def test_what_cannot_be_loaded(folder: Path, source: str, reference: str, words: str) -> None:
    """Each way to fail is one sentence that names the place and the reason."""
    write(folder, shop=source)
    with pytest.raises(UsageProblem) as problem:
        load([reference])
    assert words in problem.value.message
    assert "\n" not in problem.value.message
    assert problem.value.exit_code == 2


def test_an_error_in_a_module_behind(folder: Path) -> None:
    """The place is where the error is, not where the import of it stands."""
    write(folder, shop="import helper\n" + LISTED, helper="x = 1\nraise ValueError('no\\nway')")
    with pytest.raises(UsageProblem, match=r"helper.py, line 2: ValueError"):
        load(["shop"])


def test_two_services_of_one_name(folder: Path) -> None:
    """Two services of one name are refused, wherever they come from."""
    write(folder, shop=LISTED, other=LISTED)
    with pytest.raises(UsageProblem, match="Two services are named 'Greeter'"):
        load(["shop", "other"])


def test_the_check_in_a_child(folder: Path) -> None:
    """The check before a reload says by its exit code and one marked line whether the code imports."""

    def check(reference: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "holdfast_cli.dev.check", reference]
        child = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        return child.returncode, [line for line in child.stderr.splitlines() if line.startswith(REASON_MARK)]

    write(folder, good=LISTED, bad="import sys\nprint('noise', file=sys.stderr)\n1/0")
    assert check("good") == (0, [])
    code, reasons = check("bad")
    assert code == 2
    assert reasons == [
        f"{REASON_MARK}The module 'bad' does not import: bad.py, line 3: ZeroDivisionError: division by zero."
    ]
