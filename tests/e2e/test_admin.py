"""The admin API over real HTTP, in front of the real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.demo.processes import DevServer, ServerProcess, free_ports
from tests.support.site import Site, eventually


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with handlers that wait, sleep and fail."""
    server = DevServer(["tests.support.services.ingress"], folder=tmp_path_factory.mktemp("admin"))
    server.start()
    with Site(server.ingress_url, server.admin_url) as site:
        yield site
    assert server.stop() == 0
    assert "Traceback" not in server.output(bytes_max=1_000_000)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The URI of an endpoint in a process of its own, which speaks HTTP/1.1 only."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.support.serve", "--port", str(port), "tests.support.services.counter"]
    log = {"HOLDFAST_TEST_LOG": str(tmp_path / "steps.log")}
    uri = f"http://127.0.0.1:{port}"
    process = ServerProcess(command, ready_urls=[f"{uri}/health"], log_path=tmp_path / "endpoint.log", env=log)
    process.start()
    yield uri
    process.stop()


def get(site: Site, path: str) -> Any:
    """Return the JSON of a path that is there."""
    answer = site.admin.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_registered(site: Site) -> None:
    """The services of the process are there, with the kinds and schemas of their handlers."""
    kinds = {service["name"]: service["ty"] for service in get(site, "/services")["services"]}
    assert kinds.items() >= {"Echo": "Service", "Gate": "VirtualObject", "SignupFlow": "Workflow"}.items()
    assert get(site, "/services/Echo/handlers/nap")["input_json_schema"] == {"type": "number"}
    assert get(site, "/services/Gate/handlers/awakeable")["ty"] == "Shared"
    assert get(site, "/version")["ingress_endpoint"] == str(site.ingress.base_url).rstrip("/")


def test_registering_an_endpoint(site: Site, endpoint: str) -> None:
    """An endpoint is registered by its URI, whichever HTTP it speaks, and its handlers can be called."""
    before = get(site, "/deployments")["deployments"]
    answer = site.admin.post("/v3/deployments", json={"uri": endpoint, "dry_run": True})
    assert answer.status_code == 201, answer.text
    assert get(site, "/deployments")["deployments"] == before
    answer = site.admin.post("/v3/deployments", json={"uri": endpoint, "metadata": {"git": "abc"}})
    assert answer.status_code == 201, answer.text
    deployment = get(site, answer.headers["location"])
    assert deployment == answer.json()
    assert (deployment["http_version"], deployment["metadata"]) == ("HTTP/1.1", {"git": "abc"})
    assert site.admin.post("/v3/deployments", json={"uri": endpoint}).status_code == 200
    assert site.admin.post("/v2/deployments", json={"uri": endpoint, "force": False}).status_code == 409
    assert site.call("/Counter/over-http/add", 2) == 2


def test_an_endpoint_that_is_not_there(site: Site) -> None:
    """An address where nobody answers is refused with the reason, and nothing is registered."""
    (port,) = free_ports(1)
    answer = site.admin.post("/deployments", json={"uri": f"http://127.0.0.1:{port}"})
    assert (answer.status_code, answer.json()["restate_code"]) == (502, "META0003")
    assert "cannot connect" in answer.json()["message"]


def test_an_address_that_is_no_endpoint(site: Site) -> None:
    """A server that is no endpoint is refused with what it answered."""
    answer = site.admin.post("/deployments", json={"uri": str(site.ingress.base_url)})
    assert not answer.is_success
    assert answer.json()["restate_code"] == "META0003"


def test_a_sleeping_invocation(site: Site) -> None:
    """An invocation that sleeps shows until when, and its journal says what it is at."""
    invocation_id = site.send("/Echo/nap", 600)
    shown = eventually(lambda: _with_status(site, invocation_id, "suspended"))
    assert shown is not None
    assert [entry["type"] for entry in shown["journal"]] == ["Command: Input", "Command: Sleep"]
    assert (shown["journal"][0]["value"], shown["journal"][1]["completed"]) == ("600", False)
    assert (shown["target"], shown["awaiting"]["completions"]) == ("Echo/nap", [1])


@pytest.mark.parametrize(("verb", "message"), [("cancel", "cancel"), ("kill", "killed")])
def test_ending_one(site: Site, verb: str, message: str) -> None:
    """A cancelled and a killed invocation end with a conflict that says so, and doing it again changes nothing."""
    invocation_id = site.send("/Echo/nap", 600)
    assert eventually(lambda: _with_status(site, invocation_id, "suspended"))
    answer = site.admin.patch(f"/invocations/{invocation_id}/{verb}")
    assert answer.json()["outcome"] == ("appended" if verb == "cancel" else "done")
    attached = site.attach(invocation_id)
    assert (attached.status_code, attached.json()["source"]) == (409, "invocation")
    assert message in attached.json()["message"]
    again = site.admin.patch(f"/invocations/{invocation_id}/{verb}")
    assert (again.status_code, "nothing changed" in again.json()["message"]) == (409, True)


def test_cancelling_one_that_has_not_begun(site: Site) -> None:
    """An invocation that is only scheduled ends at once, and never runs."""
    sent = site.ingress.post("/Echo/nap/send?delay=1h", json=0).json()
    answer = site.admin.patch(f"/invocations/{sent['invocationId']}/cancel")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "done")
    assert site.attach(sent["invocationId"]).status_code == 409


def test_the_older_spelling(site: Site) -> None:
    """An invocation is also ended by DELETE with a mode."""
    invocation_id = site.send("/Echo/nap", 600)
    assert site.admin.delete(f"/invocations/{invocation_id}?mode=kill").status_code == 202
    assert site.attach(invocation_id).status_code == 409


def test_the_command_line(site: Site) -> None:
    """The commands show the same and do the same."""

    def holdfast(*arguments: str) -> str:
        program = Path(sys.executable).with_name("holdfast")
        places = {"HOLDFAST_ADMIN_URL": str(site.admin.base_url), "HOLDFAST_INGRESS_URL": str(site.ingress.base_url)}
        env = {**os.environ, **places}
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=True, env=env).stdout

    invocation_id = holdfast("send", "Echo/nap", "600").strip()
    assert ["Echo", "Service"] in [line.split()[:2] for line in holdfast("services", "list").splitlines()]
    assert invocation_id in holdfast("invocations", "list", "--handler", "nap")
    assert "has been asked to end" in holdfast("invocations", "cancel", invocation_id)
    assert eventually(lambda: _with_status(site, invocation_id, "completed"))
    assert "failure: [409]" in holdfast("invocations", "describe", invocation_id)


def _with_status(site: Site, invocation_id: str, status: str) -> dict[str, Any] | None:
    shown = site.invocation(invocation_id)
    return shown if shown and shown["status"] == status else None
