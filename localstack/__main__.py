"""`python -m localstack up` and `down`: the whole stack on this machine, by the real `cdk deploy`."""

from __future__ import annotations

import argparse
import sys
import time

from holdfast_cdk.code import DEFAULT_PYTHON
from localstack import docker
from localstack.deploy import DeployFailed, deploy, install_cdk
from localstack.processes import NotReady
from localstack.standin import REGION, ROOT, Running, StandIn

DEFAULT_PORT = 4566
_DOORS = ("IngressUrl", "AdminUrl")
_FOLDER = ROOT / ".holdfast" / "standin"


def up(port: int) -> None:
    """Start the stand-in, deploy onto it, and print where everything is."""
    began = time.monotonic()
    install_cdk()
    running = StandIn(_FOLDER).start(port=port)
    print(
        f"The stand-in for AWS answers on {running.endpoint_url}, its DynamoDB on {running.dynamodb_url}.", flush=True
    )
    outputs = _deploy(running.endpoint_url, began, {})
    ingress, admin = (door(running, outputs[name]) for name in _DOORS)
    print(_welcome(running.endpoint_url, ingress, admin, outputs["SendsQueueUrl"]))


def up_on_localstack(port: int) -> None:
    """The same in Docker, with the runtimes that AWS has."""
    began = time.monotonic()
    install_cdk()
    endpoint_url = docker.start(port=port)
    print(f"LocalStack answers on {endpoint_url}.", flush=True)
    outputs = _deploy(endpoint_url, began, {"HOLDFAST_STANDIN_PYTHON": DEFAULT_PYTHON})
    ingress, admin = (outputs[name].rstrip("/") for name in _DOORS)
    print(_welcome(endpoint_url, ingress, admin, outputs["SendsQueueUrl"]))


def down() -> None:
    """Stop the stand-in; what it held is gone."""
    print("The stand-in is gone." if StandIn(_FOLDER).stop() else "There was no stand-in to stop.")


def _deploy(endpoint_url: str, began: float, env: dict[str, str]) -> dict[str, str]:
    print("Deploying with cdk ...", flush=True)
    outputs = deploy(app="localstack.app", endpoint_url=endpoint_url, folder=_FOLDER, env=env)
    print(f"Deployed in {time.monotonic() - began:.0f} s.\n")
    return outputs


def door(running: Running, function_url: str) -> str:
    """Return where a function URL of the stand-in answers; its own host name means nothing outside of it."""
    return f"{running.endpoint_url}/_aws/lambda-url/{function_url.split('/')[2].split('.')[0]}"


def _welcome(endpoint_url: str, ingress: str, admin: str, sends: str) -> str:
    curl = f"curl --aws-sigv4 aws:amz:{REGION}:lambda --user test:test"
    aws = f"aws --endpoint-url {endpoint_url} sqs send-message --queue-url {sends}"
    send = '{"service": "EmailService", "handler": "send_ticket", "body": {"ticket": "T1", "email": "ada@example.com"}}'
    return "\n".join(
        (
            f"Ingress      {ingress}",
            f"Admin        {admin}",
            f"Sends queue  {sends}",
            "",
            "Call a handler:",
            f"  {curl} {ingress}/UserAccount/ada/update_balance --json 100",
            "See what is registered:",
            f"  {curl} {admin}/services",
            "Start an invocation with a message, as any producer could:",
            f"  {aws} --message-body '{send}'",
            "",
            "Remove it all: make down",
        )
    )


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
                docker.stop()
            case _:
                down()
    except (DeployFailed, NotReady, docker.NoDocker) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
