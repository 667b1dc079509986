"""Requests that cannot be served get one clear sentence, and nothing is lost by them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.demo.processes import DevServer
from tests.support.site import Site, eventually

UNKNOWN_INVOCATION = "inv_1cQoxYXlyYXn22EFTsuYAGBvyUGFHQfW6l"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with handlers to be called wrongly; after all of it, it must still serve."""
    folder = tmp_path_factory.mktemp("bad-input")
    environment = {"HOLDFAST_TEST_LOG": str(folder / "steps.log")}
    modules = ["tests.support.services.counter", "tests.support.services.odd"]
    server = DevServer(modules, folder=folder, env=environment)
    server.start()
    with Site(server.ingress_url, server.admin_url) as site:
        yield site
        assert site.call("/Counter/after-all/add", 1) == 1
    assert server.stop() == 0
    assert "Traceback" not in server.output(bytes_max=1_000_000)


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        pytest.param("/Nobody/size", b'"x"', JSON, 404, ["Nobody"], id="unknown-service"),
        pytest.param("/Odd/nothing", b'"x"', JSON, 404, ["Odd", "nothing"], id="unknown-handler"),
        pytest.param("/Counter/add", b"1", JSON, 400, ["Counter", "key"], id="missing-key"),
        pytest.param("/Odd/a-key/size", b'"x"', JSON, 400, ["Odd", "key"], id="key-of-a-plain-service"),
        pytest.param("/Odd/size", b"{not json", JSON, 400, ["Odd/size", "JSON"], id="not-json"),
        pytest.param("/Odd/size", b"5", JSON, 400, ["Odd/size"], id="json-of-another-type"),
        pytest.param("/Odd/size", b"", JSON, 400, ["Odd/size", "body"], id="no-body"),
        pytest.param("/Odd/size", b"x", {"content-type": "text/plain"}, 400, ["application/json"], id="content-type"),
        pytest.param("/Odd/size", b'"' + b"x" * 40_000_000 + b'"', JSON, 413, ["32", "MiB"], id="forty-megabytes"),
        pytest.param("/Odd/private", b"", {}, 400, ["private"], id="private-handler"),
        pytest.param("/Odd/size/send?delay=soon", b'"x"', JSON, 400, ["delay"], id="delay-that-is-none"),
        pytest.param("/a/b/c/d/e", b"", {}, 404, [], id="no-such-path"),
    ],
)
def test_refused(site: Site, path: str, body: bytes, headers: dict[str, str], status: int, words: list[str]) -> None:
    """The status says whose fault it is, and the message names what was wrong with it."""
    answer = site.ingress.post(path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == status
    assert problem["source"] == "ingress"
    for word in words:
        assert word in problem["message"]


@pytest.mark.parametrize("verb", ["attach", "output"])
def test_unknown_invocation(site: Site, verb: str) -> None:
    """Asking for an invocation that does not exist is a 404, and for no id at all a 400, at once."""
    answer = site.ingress.get(f"/restate/invocation/{UNKNOWN_INVOCATION}/{verb}")
    assert (answer.status_code, UNKNOWN_INVOCATION in answer.json()["message"]) == (404, True)
    assert site.ingress.get(f"/restate/invocation/inv_nonsense/{verb}").status_code == 400


def test_unknown_invocation_in_the_admin_api(site: Site) -> None:
    """The admin API says so too, whether one wants to see it or to end it."""
    for answer in (
        site.admin.get(f"/invocations/{UNKNOWN_INVOCATION}"),
        site.admin.patch(f"/invocations/{UNKNOWN_INVOCATION}/cancel"),
        site.admin.patch(f"/invocations/{UNKNOWN_INVOCATION}/kill"),
    ):
        assert answer.status_code == 404
        assert UNKNOWN_INVOCATION in answer.json()["message"]


def test_a_result_that_cannot_be_serialised_is_a_terminal_error(site: Site) -> None:
    """A result that no serde can write ends the invocation with an error that names handler and type."""
    answer = site.ingress.post("/Odd/unserialisable_result")
    assert answer.status_code == 500, answer.text
    problem = answer.json()
    assert problem["source"] == "invocation"
    assert "Odd/unserialisable_result" in problem["message"]
    assert "object" in problem["message"]


def test_a_step_whose_result_cannot_be_serialised_is_tried_again_in_sight(site: Site) -> None:
    """A bug in a step is mended by new code, so the invocation is kept: it backs off and names step and type."""
    invocation_id = site.send("/Odd/unserialisable_step")
    failed = eventually(lambda: (site.invocation(invocation_id) or {}).get("last_failure"))
    assert failed is not None
    assert failed["command_name"] == "odd step"
    assert "object" in failed["message"]
    assert site.admin.patch(f"/invocations/{invocation_id}/kill").status_code == 200
