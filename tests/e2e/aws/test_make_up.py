"""What `make up` prints is true: each command that it tells of does what it says."""

from __future__ import annotations

import shutil
import subprocess

from localstack.__main__ import door
from localstack.welcome import welcome
from tests.e2e.aws.cloud import Cloud

TOOLS = ("curl", "aws")


def test_the_printed_commands_work(cloud: Cloud) -> None:
    """A handler is called, the services are listed, a message is taken: just as printed."""
    for command in _commands(cloud):
        missing = [tool for tool in TOOLS if f"{tool} " in command and shutil.which(tool) is None]
        if missing:
            print(f"not tried, for {missing[0]} is not here: {command}")
            continue
        ran = subprocess.run(command, shell=True, check=False, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
        expected = {"update_balance": "100.0", "/services": "UserAccount", "send-message": "MessageId"}
        assert any(word in command and answer in ran.stdout for word, answer in expected.items()), ran.stdout


def _commands(cloud: Cloud) -> list[str]:
    text = welcome(
        cloud.running.endpoint_url,
        ingress=door(cloud.running, cloud.outputs["IngressUrl"]),
        admin=door(cloud.running, cloud.outputs["AdminUrl"]),
        sends=cloud.outputs["SendsQueueUrl"],
    )
    commands = [line.strip() for line in text.splitlines() if line.startswith("  ")]
    assert len(commands) == 3
    return commands
