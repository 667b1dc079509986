"""`python -m localstack up` and `down`: the whole stack on this machine, by the real `cdk deploy`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from localstack import docker
from localstack.deploy import DeployFailed, deploy, install_cdk
from localstack.processes import NotReady
from localstack.standin import ROOT, PortTaken, Running, StandIn
from localstack.tools import NotInstalled
from localstack.welcome import welcome

DEFAULT_PORT = 4566
_FOLDER = ROOT / ".holdfast" / "standin"


def up(port: int) -> None:
    """Start the stand-in, deploy onto it, and print where everything is; one that runs already is replaced."""
    began = time.monotonic()
    install_cdk()
    stand_in = StandIn(_FOLDER)
    running = stand_in.start(port=port)
    print(
        f"The stand-in for AWS answers on {running.endpoint_url}, its DynamoDB on {running.dynamodb_url}.", flush=True
    )
    try:
        outputs = _deploy(running.endpoint_url, began, _FOLDER, {})
    except BaseException:
        # Half a deployment is of no use to anybody; the logs stay.
        stand_in.stop()
        raise
    ingress, admin = (door(running, outputs[name]) for name in ("IngressUrl", "AdminUrl"))
    print(welcome(running.endpoint_url, ingress=ingress, admin=admin, sends=outputs["SendsQueueUrl"]))


def up_on_localstack(port: int) -> None:
    """The same in Docker, with the runtimes that AWS has."""
    began = time.monotonic()
    install_cdk()
    endpoint_url = docker.start(port=port)
    print(f"LocalStack answers on {endpoint_url}.", flush=True)
    outputs = _deploy(endpoint_url, began, _FOLDER, {"HOLDFAST_STANDIN": "localstack"})
    ingress, admin = (outputs[name].rstrip("/") for name in ("IngressUrl", "AdminUrl"))
    print(welcome(endpoint_url, ingress=ingress, admin=admin, sends=outputs["SendsQueueUrl"]))


def down() -> None:
    """Stop the stand-in; what it held is gone, and so is what it wrote."""
    print("The stand-in is gone." if StandIn(_FOLDER).remove() else "There was no stand-in to stop.")


def down_on_localstack() -> None:
    """Remove LocalStack with all it holds."""
    docker.stop()
    StandIn(_FOLDER).remove()
    print("LocalStack is gone.")


def door(running: Running, function_url: str) -> str:
    """Return where a function URL of the stand-in answers; its own host name means nothing outside of it."""
    return f"{running.endpoint_url}/_aws/lambda-url/{function_url.split('/')[2].split('.')[0]}"


def _deploy(endpoint_url: str, began: float, folder: Path, env: dict[str, str]) -> dict[str, str]:
    print("Deploying with cdk, which takes a minute ...", flush=True)
    outputs = deploy(app="localstack.app", endpoint_url=endpoint_url, folder=folder, env=env)
    print(f"Deployed in {time.monotonic() - began:.0f} s.\n")
    return outputs


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m localstack", description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--localstack", action="store_true", help="LocalStack in Docker instead of the stand-in")
    arguments = parser.parse_args()
    try:
        match arguments.command, arguments.localstack:
            case "up", True:
                up_on_localstack(arguments.port)
            case "up", _:
                up(arguments.port)
            case _, True:
                down_on_localstack()
            case _:
                down()
    except (DeployFailed, NotInstalled, NotReady, PortTaken, docker.NoDocker) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
