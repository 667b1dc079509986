"""What people see of a deployed stack: lists, pages and commands, through the admin function and its role."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from holdfast_cli.main import main
from tests.e2e.aws.cloud import Cloud
from tests.support.site import eventually

_SERVICE = "PythonTour"


def test_what_has_ended_is_listed(cloud: Cloud) -> None:
    """An invocation that has ended is in the list of its service, in that of everything, and in the overview."""
    invocation_id = cloud.site.send(f"/{_SERVICE}/visit", 1)
    cloud.site.attach(invocation_id)
    for query in (f"service={_SERVICE}&status=completed", "limit=1000"):
        assert eventually(lambda: invocation_id in _listed(cloud, query)), query  # noqa: B023 - called at once
    overview = cloud.site.admin.get("/overview").json()
    assert overview["services"][_SERVICE]["completed"] >= 1


def test_pages_and_commands_work(cloud: Cloud) -> None:
    """The web UI's page comes, the command line lists and describes, and SQL says how it is deployed."""
    invocation_id = cloud.site.send(f"/{_SERVICE}/visit", 1)
    cloud.site.attach(invocation_id)
    assert "<html" in cloud.site.admin.get("/ui/").text
    listed = json.loads(_printed(cloud, "invocations", "list", "--service", _SERVICE, "--json"))
    assert invocation_id in str(listed)
    assert _SERVICE in _printed(cloud, "invocations", "describe", invocation_id)
    answer = cloud.site.admin.post("/query", json={"query": "SELECT 1"}, headers={"accept": "application/json"})
    assert answer.status_code == 501
    assert "sql=True" in answer.text


def _listed(cloud: Cloud, query: str) -> str:
    answer = cloud.site.admin.get(f"/invocations?{query}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["invocations"])


def _printed(cloud: Cloud, *arguments: str) -> str:
    options: dict[str, Any] = {"catch_exceptions": False}
    ran = CliRunner().invoke(main, [*arguments, "--admin-url", str(cloud.site.admin.base_url)], **options)
    assert ran.exit_code == 0, ran.output
    return str(ran.output)
