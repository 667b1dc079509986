"""What the README says of the constructs runs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.tree import ROOT

TEXT = (ROOT / "cdk" / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_application_can_be_synthesised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The application of the README, with the folder it speaks of, makes both stacks and registers the service."""
    import aws_cdk

    import holdfast_cdk
    import holdfast_cdk.holdfast
    from tests.unit.cdk.handlers_only import HandlersOnly

    application, handler = _blocks("python")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "handler.py").write_text(handler)

    class NoWheels(HandlersOnly):
        def code_of(self, source: Path) -> Any:
            assert (source / "handler.py").is_file()
            return self.code("sends")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(holdfast_cdk, "ZipBundler", NoWheels)
    monkeypatch.setattr(holdfast_cdk.holdfast, "ZipBundler", NoWheels)
    monkeypatch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(tmp_path / "cdk.out")))
    exec(compile(application, "cdk/README.md", "exec"), {})
    template = (tmp_path / "cdk.out" / "Orders.template.json").read_text()
    assert "Custom::HoldfastRegistration" in template
    assert (tmp_path / "cdk.out" / "Holdfast.template.json").is_file()


def test_the_zip_carries_what_the_handler_imports() -> None:
    """The handler's imports are among the packages that the zip's manifest names."""
    _, handler = _blocks("python")
    (manifest,) = map(tomllib.loads, _blocks("toml"))
    imported = {name.partition(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", handler, re.MULTILINE)}
    assert imported <= set(manifest["packages"])
    names: dict[str, Any] = {}
    exec(compile(handler, "handler.py", "exec"), names)
    assert callable(names["handler"])


def test_every_option_is_explained() -> None:
    """The table of options names each one, and none that there is not."""
    from holdfast_cdk import HoldfastOptions

    table = TEXT.partition("## Options")[2].partition("## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == {each.name for each in fields(HoldfastOptions)}
