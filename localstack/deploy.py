"""The real `cdk bootstrap` and `cdk deploy`, towards a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from localstack.standin import ACCOUNT, REGION, ROOT
from localstack.tools import HERE, npm_installed

_QUIET = ("--no-color", "--no-notices", "--progress=events")
# Far more than any of it takes on a busy machine.
_PATIENCE_S = 600
_CDK = HERE / "node_modules" / ".bin" / "cdk"


class DeployFailed(Exception):
    """`cdk` ended with an error; the message holds the end of what it said."""


def install_cdk() -> None:
    """Install what comes from npm, unless it is there.

    Raises:
        NotInstalled: It cannot be had.
    """
    npm_installed(HERE, "the CDK's command")


def deploy(
    *,
    app: str,
    endpoint_url: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    stacks: Sequence[str] = ("--all",),
) -> dict[str, str]:
    """Deploy stacks of the CDK application in a module to a new account; return their outputs by name.

    Raises:
        DeployFailed: It could not be deployed.
    """
    environment = {**os.environ, **_aws(endpoint_url), **(env or {})}
    assembly = _assembly(folder)
    shutil.rmtree(assembly, ignore_errors=True)
    # The application says what to deploy while the command prepares the account for it.
    begun = {
        "the application": _begun([sys.executable, "-m", app], {**environment, "CDK_OUTDIR": str(assembly)}),
        "cdk bootstrap": _begun([str(_CDK), "bootstrap", f"aws://{ACCOUNT}/{REGION}", *_QUIET], environment),
    }
    for what, process in begun.items():
        _ended(what, process)
    return deploy_more(stacks, endpoint_url=endpoint_url, folder=folder)


def deploy_more(stacks: Sequence[str], *, endpoint_url: str, folder: Path) -> dict[str, str]:
    """Deploy stacks of the application that was deployed from a folder before; return their outputs by name.

    Raises:
        DeployFailed: They could not be deployed.
    """
    outputs = folder / "outputs.json"
    command = [str(_CDK), "deploy", *stacks, "--require-approval=never", f"--app={_assembly(folder)}", *_QUIET]
    environment = {**os.environ, **_aws(endpoint_url)}
    _ended("cdk deploy", _begun([*command, f"--outputs-file={outputs}"], environment))
    by_stack: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return {name: value for stack in by_stack.values() for name, value in stack.items()}


def _assembly(folder: Path) -> Path:
    return folder / "cdk.out"


def _aws(endpoint_url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22",
    }


def _begun(command: list[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    # In this folder the command finds no application of its own to synthesise before it does what it is told.
    cwd = HERE if command[0] == str(_CDK) else ROOT
    return subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _ended(what: str, process: subprocess.Popen[str]) -> None:
    try:
        said, _ = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    if process.returncode != 0:
        raise DeployFailed(f"{what} failed:\n{said[-6000:]}")
