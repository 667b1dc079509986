"""The real `cdk bootstrap` and `cdk deploy`, towards a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from localstack.standin import ACCOUNT, HERE, REGION, ROOT

_CDK = HERE / "node_modules" / ".bin" / "cdk"


class DeployFailed(Exception):
    """`cdk` ended with an error; the message holds the end of what it said."""


def install_cdk() -> None:
    """Install what comes from npm, unless it is there."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        print("Installing the CDK's command (once) ...", flush=True)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
        installed.touch()


def deploy(*, app: str, endpoint_url: str, folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Deploy every stack of the CDK application in a module; return their outputs by name.

    Raises:
        DeployFailed: It could not be deployed.
    """
    environment = {**os.environ, **_aws(endpoint_url), **(env or {})}
    output = folder / "cdk.out"
    outputs = folder / "outputs.json"
    _run("bootstrap", f"aws://{ACCOUNT}/{REGION}", app=app, output=output, env=environment)
    _run(
        "deploy",
        "--all",
        "--require-approval=never",
        f"--outputs-file={outputs}",
        app=app,
        output=output,
        env=environment,
    )
    by_stack: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return {name: value for stack in by_stack.values() for name, value in stack.items()}


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


def _run(*arguments: str, app: str, output: Path, env: Mapping[str, str]) -> None:
    command = [str(_CDK), *arguments, f"--app={sys.executable} -m {app}", f"--output={output}", "--no-color"]
    command += ["--no-notices", "--progress=events"]
    ran = subprocess.run(command, check=False, cwd=ROOT, env=dict(env), capture_output=True, text=True)
    if ran.returncode != 0:
        raise DeployFailed(f"cdk {arguments[0]} failed:\n{ran.stdout[-3000:]}\n{ran.stderr[-6000:]}")
