"""The stacks as the stand-in takes them: this machine's Python and processor, nothing kept, quick to notice a death."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App, CliCredentialsStackSynthesizer, Duration, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_

from holdfast_cdk import HoldfastOptions, HoldfastService, HoldfastStack, ZipBundler
from holdfast_cdk.code import DEFAULT_PYTHON
from holdfast_cdk.wheels import Architecture

# ministack runs functions with the Python it runs on itself; LocalStack has the runtimes of AWS.
_HAS_RUNTIMES = os.environ.get("HOLDFAST_STANDIN") == "localstack"
PYTHON = DEFAULT_PYTHON if _HAS_RUNTIMES else f"{sys.version_info.major}.{sys.version_info.minor}"


def application() -> App:
    """Return an application whose stacks are deployed with the caller's own permissions.

    The stand-in looks at the permissions of functions only; the roles that `cdk bootstrap` makes for deployments are
    AWS's matter.
    """
    return App(default_stack_synthesizer=CliCredentialsStackSynthesizer())


def bundler() -> ZipBundler:
    """Return what makes zips that run on this machine."""
    architecture: Architecture = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    return ZipBundler(python=PYTHON, architecture=architecture)


# Short, so that what dies before it has begun is missed soon: nothing here runs for long.
ENGINE_TIMEOUT = Duration.minutes(1)
HANDLER_TIMEOUT = Duration.seconds(30)


def orchestrator(
    app: App,
    zips: ZipBundler,
    *,
    settings: dict[str, str],
    engine_timeout: Duration = ENGINE_TIMEOUT,
    max_dispatchers: int | None = None,
) -> HoldfastStack:
    """Return the orchestrator's stack."""
    options = HoldfastOptions(
        removal_policy=RemovalPolicy.DESTROY,
        engine_timeout=engine_timeout,
        max_dispatchers=max_dispatchers,
        settings=settings,
    )
    return HoldfastStack(app, "Holdfast", options=options, bundler=zips)


def python_service(
    stack: Stack,
    construct_id: str,
    *,
    orchestrator: HoldfastStack,
    zips: ZipBundler,
    folder: Path,
    services: Sequence[str],
    environment: dict[str, str],
    timeout: Duration = HANDLER_TIMEOUT,
) -> lambda_.Function:
    """Return a function made of a folder with a `zip.toml`, registered as a service."""
    function = lambda_.Function(
        stack,
        construct_id,
        runtime=lambda_.Runtime(f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON),
        handler="handler.handler",
        code=zips.code_of(folder),
        memory_size=512,
        timeout=timeout,
        environment=environment,
    )
    HoldfastService(
        stack, f"{construct_id}Service", holdfast=orchestrator.holdfast, function=function, services=services
    )
    return function
