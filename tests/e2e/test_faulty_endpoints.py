"""Endpoints that are down, answer garbage or serve changed code: retried where people can see it, never corrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from examples.demo.processes import DevServer, ServerProcess, free_ports
from tests.e2e.stages import HandlerServer
from tests.support.garbled import GARBAGE
from tests.support.site import Site, eventually

CHANGING = "tests.support.services.changing"
COUNTER = "tests.support.services.counter"

# Serves CHANGING in the version given, in place of what was served before.
Serve = Callable[[str], Site]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be stopped at the end, last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def site(tmp_path: Path, stack: ExitStack) -> Site:
    """A server with no handlers of its own."""
    server = DevServer([], folder=tmp_path)
    server.start()
    stack.callback(server.stop)
    return stack.enter_context(Site(server.ingress_url, server.admin_url))


def test_an_endpoint_that_is_down_is_tried_again(site: Site, tmp_path: Path, stack: ExitStack) -> None:
    """While the endpoint is down the invocation backs off and says why; when it is back, it completes."""
    handlers = HandlerServer([COUNTER], sdk="holdfast", folder=tmp_path)
    handlers.start()
    site.register(handlers.uri)
    handlers.kill()
    invocation_id = site.send("/Counter/k/add", 7)
    failed = eventually(lambda: _last_failure(site, invocation_id))
    assert failed["status"] == "backing-off"
    assert handlers.uri.removeprefix("http://") in failed["last_failure"]["message"]
    assert "next_attempt_at" in failed
    handlers.start()
    stack.callback(handlers.stop)
    assert site.attach(invocation_id).json() == 7


def test_garbage_is_not_taken_for_an_answer(site: Site, tmp_path: Path, stack: ExitStack) -> None:
    """Every kind of garbage is a failed attempt; the first proper answer completes the invocation, once."""
    (port,) = free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    endpoint = ServerProcess(
        [sys.executable, "-m", "tests.support.garbled", str(port), COUNTER],
        ready_urls=[f"{uri}/health"],
        log_path=tmp_path / "garbled.log",
    )
    endpoint.start()
    stack.callback(endpoint.stop)
    site.register(uri)
    invocation_ids = [site.send(f"/Counter/{number}/add", 1) for number in range(len(GARBAGE))]
    assert all(eventually(partial(_last_failure, site, each)) for each in invocation_ids)
    assert [site.attach(each).json() for each in invocation_ids] == [1] * len(GARBAGE)


@pytest.fixture(params=["in-process", "over-http"])
def serve(request: pytest.FixtureRequest, tmp_path: Path, stack: ExitStack) -> Serve:
    """Serve the changing handlers in the server's process, or behind one URI that stays the same."""
    log = {"HOLDFAST_TEST_LOG": str(tmp_path / "tokens.log")}
    if request.param == "in-process":
        return _in_process(tmp_path, log, stack)
    return _over_http(tmp_path, log, stack, request.getfixturevalue("site"))


def _in_process(folder: Path, log: dict[str, str], stack: ExitStack) -> Serve:
    server = DevServer([CHANGING], folder=folder, env=log)
    stack.callback(server.kill)

    def serve(version: str) -> Site:
        server.kill()
        server.env["HOLDFAST_TEST_VERSION"] = version
        server.start()
        return stack.enter_context(Site(server.ingress_url, server.admin_url))

    return serve


def _over_http(folder: Path, log: dict[str, str], stack: ExitStack, site: Site) -> Serve:
    handlers = HandlerServer([CHANGING], sdk="holdfast", folder=folder)
    handlers.env.update(log)
    stack.callback(handlers.kill)

    def serve(version: str) -> Site:
        handlers.kill()
        handlers.env["HOLDFAST_TEST_VERSION"] = version
        handlers.start()
        site.register(handlers.uri)
        return site

    return serve


def test_changed_code_is_reported_with_both_sides_and_can_be_brought_back(serve: Serve, tmp_path: Path) -> None:
    """A journal mismatch names what was recorded and what was asked for, is retried, and ends with the old code."""
    site = serve("old")
    invocation_id = site.send("/Changing/patient", "it")
    token = _token(tmp_path)
    journal = _journal(site, invocation_id)
    site = serve("new")
    site.ingress.post(f"/restate/awakeables/{token}/resolve", json="thanks").raise_for_status()
    failed = eventually(
        lambda: (found := _last_failure(site, invocation_id)) and found["failed_attempts"] > 1 and found
    )
    assert failed["last_failure"]["code"] == 570
    for side in ("weigh", "measure"):
        assert side in failed["last_failure"]["message"]
    assert failed["journal"][: len(journal)] == journal
    assert serve("old").attach(invocation_id).json() == "it weighed, thanks"


def test_changed_code_pauses_when_its_attempts_are_used_up(serve: Serve, tmp_path: Path) -> None:
    """A mismatch that nobody mends ends in a pause with its journal untouched, and can be killed from there."""
    site = serve("old")
    invocation_id = site.send("/Changing/impatient", "it")
    token = _token(tmp_path)
    journal = _journal(site, invocation_id)
    site = serve("new")
    site.ingress.post(f"/restate/awakeables/{token}/resolve", json="thanks").raise_for_status()
    assert _journal(site, invocation_id, status="paused")[: len(journal)] == journal
    assert site.admin.patch(f"/invocations/{invocation_id}/kill").status_code == 200
    assert site.attach(invocation_id).status_code == 409


def _token(folder: Path) -> str:
    log = folder / "tokens.log"
    line = eventually(lambda: log.exists() and log.read_text())
    return str(line).split()[-1]


def _described(site: Site, invocation_id: str) -> dict[str, Any]:
    found = site.invocation(invocation_id)
    assert found is not None
    return found


def _last_failure(site: Site, invocation_id: str, *, attempts: int = 1) -> dict[str, Any]:
    """Return the invocation as the admin API shows it once that many attempts have failed, else nothing."""
    found = _described(site, invocation_id)
    return found if "last_failure" in found and found["failed_attempts"] >= attempts else {}


def _status(site: Site, invocation_id: str) -> str:
    return str(_described(site, invocation_id)["status"])


def _journal(site: Site, invocation_id: str, *, status: str = "suspended") -> list[dict[str, Any]]:
    """Return the journal once the invocation has that status, so that nothing is still being added."""
    assert eventually(lambda: _status(site, invocation_id) == status)
    return list(_described(site, invocation_id)["journal"])
