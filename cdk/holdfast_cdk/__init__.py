"""CDK constructs: an orchestrator in your account, and your functions as its services."""

from __future__ import annotations

from holdfast_cdk.code import Bundler, ZipBundler
from holdfast_cdk.front_door import Door
from holdfast_cdk.holdfast import Holdfast, HoldfastOptions
from holdfast_cdk.service import HoldfastService
from holdfast_cdk.stack import HoldfastStack

__all__ = ["Bundler", "Door", "Holdfast", "HoldfastOptions", "HoldfastService", "HoldfastStack", "ZipBundler"]
