"""CDK constructs: an orchestrator in your account, and your functions as its services.

Each name is imported when it is first asked for: importing the CDK starts Node, and whoever only puts a zip together
needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_cdk.code import Bundler, ZipBundler
    from holdfast_cdk.front_door import Door
    from holdfast_cdk.holdfast import Holdfast, HoldfastOptions
    from holdfast_cdk.service import HoldfastService
    from holdfast_cdk.stack import HoldfastStack

__all__ = ["Bundler", "Door", "Holdfast", "HoldfastOptions", "HoldfastService", "HoldfastStack", "ZipBundler"]

_MODULE_BY_NAME = {
    "Bundler": "code",
    "Door": "front_door",
    "Holdfast": "holdfast",
    "HoldfastOptions": "holdfast",
    "HoldfastService": "service",
    "HoldfastStack": "stack",
    "ZipBundler": "code",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_BY_NAME[name]}"), name)
