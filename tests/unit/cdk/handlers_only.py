"""A bundler that packs only the handler's own folder: templates do not depend on what is in a zip."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_

from holdfast_cdk.bundle import functions_folder
from holdfast_cdk.wheels import Platform


class HandlersOnly:
    """Makes code that could not run, at once; `more` is what was asked for beside what manifests name, by function."""

    def __init__(self) -> None:
        self.more: dict[str, tuple[str, ...]] = {}

    @property
    def platform(self) -> Platform:
        return Platform(python="3.13", architecture="arm64")

    def code(self, name: str, *, more: Sequence[str] = ()) -> lambda_.Code:
        self.more[name] = tuple(more)
        return lambda_.Code.from_asset(str(functions_folder() / name))
