"""What the doctor finds, of a server and of an installation on AWS."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from holdfast_aws.stack import Stack
from holdfast_cli.admin_client import AdminClient
from holdfast_cli.clock import now_ms
from holdfast_cli.doctor.findings import Verdict
from holdfast_cli.doctor.server_checks import ServerChecks
from holdfast_cli.doctor.stack_checks import StackChecks
from tests.support.canned_aws import REGION, Refused
from tests.unit.cli.conftest import Shell
from tests.unit.cli.installation import Installation

MINUTE_MS = 60_000


@pytest.fixture
def installation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation whose admin API is that of the server."""
    found = Installation(
        admin_url=shell.admin_url, ingress_url=shell.ingress_url, version=version("holdfast"), now_ms=now_ms()
    )
    monkeypatch.setattr("botocore.session.get_session", lambda: found.aws)
    return found


def verdicts(shell: Shell, *arguments: str, exit_code: int) -> dict[str, list[tuple[str, str]]]:
    """Return what is found by check, the exit code being as it should."""
    result = shell.run("doctor", *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(result.stdout):
        found.setdefault(each["check"], []).append((each["verdict"], each["sentence"]))
    return found


def test_a_server_that_is_well(shell: Shell) -> None:
    """Each thing that was looked at is one line, and all being well is exit code 0."""
    result = shell.run("doctor")
    assert result.exit_code == 0, result.output
    assert f"ok       admin API: Version {version('holdfast')} answers at {shell.admin_url}." in result.stdout
    assert f"ok       ingress: It answers at {shell.ingress_url}." in result.stdout
    assert "ok       services: 3 registered: Echo, Gate, SignupFlow." in result.stdout


def test_a_server_that_is_not_there(shell: Shell) -> None:
    """Without a server there is one finding, and nothing else to look at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    found = verdicts(shell, "--admin-url", url, exit_code=1)
    assert list(found) == ["admin API"]
    assert "cannot be reached" in found["admin API"][0][1]


class Told:
    """An admin API that says what a test tells it to."""

    url = "http://127.0.0.1:1"

    def __init__(self, **answers: Any) -> None:
        self._answers: dict[str, Any] = {"services": [], "deployments": [], "invocations": {}, **answers}

    def request(self, _method: str, *path: str, body: object = None, query: Any = None) -> Any:
        match path:
            case ("version",):
                return {"version": "0.0.1", "ingress_endpoint": ""}
            case ("invocations",):
                lists = self._answers["invocations"]
                found = [
                    {**each, "status": status}
                    for status in query["status"].split(",")
                    for each in lists.get(status, [])
                ]
                return {"invocations": found, **self._answers.get("more", {})}
            case (_, name):
                return {name: self._answers[name]}
        raise AssertionError(path)


def found_in(told: Told) -> dict[str, tuple[Verdict, str]]:
    """Return the first finding of each check."""
    checks = ServerChecks(lambda: told, now_ms=10 * MINUTE_MS).all()  # type: ignore[arg-type, return-value]
    return {each.name: next(iter(each.find()), (Verdict.OK, "")) for each in checks}


def test_what_is_stuck() -> None:
    """What is paused, keeps failing or has not begun is counted and named, with the reason; what just began is not."""
    invocation = {"target": "S/h", "failed_attempts": 0, "modified_at": "1970-01-01T00:00:00Z", "why": "waits for X"}
    lists = {
        "paused": [{**invocation, "id": f"inv_{number}"} for number in range(5)],
        "backing-off": [
            {**invocation, "id": "inv_once", "failed_attempts": 1},
            {**invocation, "id": "inv_often", "failed_attempts": 3},
        ],
        "ready": [
            {**invocation, "id": "inv_new", "modified_at": "1970-01-01T00:09:00Z"},
            {**invocation, "id": "inv_old"},
        ],
    }
    found = found_in(Told(invocations=lists))
    paused, failing, unbegun = (found[name] for name in ("paused", "failing", "waiting to begin"))
    assert paused[1].startswith("5 are paused")
    assert paused[1].endswith("inv_2 of S/h waits for X; …")
    assert (failing[0], "inv_often" in failing[1], "inv_once" in failing[1]) == (Verdict.WARNING, True, False)
    assert (unbegun[0], "inv_old" in unbegun[1], "inv_new" in unbegun[1]) == (Verdict.FAILURE, True, False)


def test_more_than_can_be_looked_at() -> None:
    """Of a great many only the newest are looked at, and all that is said is said of those."""
    found = found_in(Told(more={"next": "0.x"}))
    assert found["paused"] == (Verdict.OK, "No invocation among the newest is paused.")


def test_what_is_missing() -> None:
    """Another version, no ingress and no services are warnings."""
    found = found_in(Told())
    assert {found[name][0] for name in ("admin API", "ingress", "services")} == {Verdict.WARNING}
    assert found["paused"] == (Verdict.OK, "No invocation is paused.")


def test_an_endpoint_that_is_gone(shell: Shell) -> None:
    """An endpoint that does not say what it serves is named with the reason."""

    class Gone(Told):
        def request(self, method: str, *path: str, body: object = None, query: Any = None) -> Any:
            if method == "POST":
                assert body == {"uri": "http://gone", "use_http_11": True, "dry_run": True, "force": True}
                return AdminClient(shell.admin_url).request(
                    method, *path, body={"uri": "http://127.0.0.1:1", "dry_run": True}
                )
            return super().request(method, *path, body=body, query=query)

    deployments = [
        {"id": "dp_1", "uri": "http://gone", "http_version": "HTTP/1.1"},
        {"id": "dp_2", "uri": "in-process:dev"},
        {"id": "dp_old", "uri": "http://old"},
    ]
    services = [{"name": name, "deployment_id": f"dp_{number}"} for number, name in enumerate("ABC")]
    verdict, sentence = found_in(Gone(deployments=deployments, services=services))["endpoints"]
    assert (verdict, sentence.startswith("http://gone does not say what it serves: ")) == (Verdict.FAILURE, True)


def test_an_installation_that_is_well(shell: Shell, installation: Installation) -> None:
    """Everything is looked at by read-only calls, and all is well."""
    found = verdicts(shell, "--stack", "Holdfast", exit_code=0)
    bad = {name: each for name, each in found.items() if any(verdict != "ok" for verdict, _ in each)}
    # Of the server's own invocations other tests may have left some to be warned of.
    assert not bad.keys() - {"paused", "failing"}
    assert found["functions"] == [("ok", f"6 of version {version('holdfast')}.")]
    assert {"stack", "consumers", "recursion", "tables", "sweeper", "parked messages", "alarms", "ingress"} <= set(
        found
    )
    assert all(each.startswith(("Describe", "List", "Get", "Head")) for each in installation.aws.asked)


Fault = Callable[[Installation], object]


def _set(**values: Any) -> Fault:
    return lambda installation: vars(installation).update(values)


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        pytest.param(_set(stack_status="UPDATE_ROLLBACK_COMPLETE"), "stack", "its last deployment failed", id="stack"),
        pytest.param(lambda i: i.descriptions.update({"Function-sends": ""}), "functions", "sends", id="missing"),
        pytest.param(lambda i: i.states.update({"Function-admin": "Failed"}), "functions", "it is broken", id="broken"),
        pytest.param(lambda i: i.versions.update({"Function-admin": "9"}), "functions", "several versions", id="mixed"),
        pytest.param(_set(mapping_state="Disabled"), "consumers", "not fed by its queue", id="mapping"),
        pytest.param(
            lambda i: i.recursion.update({"Function-ingress": "Terminate"}), "recursion", "RecursiveLoop", id="loop"
        ),
        pytest.param(_set(table_status="DELETING"), "tables", "is DELETING", id="table"),
        pytest.param(_set(swept_ms=0), "sweeper", "timers are late", id="sweeper"),
        pytest.param(lambda i: i.messages.update({"WakeupsDead": 3}), "parked messages", "3 in WakeupsDead", id="dead"),
        pytest.param(_set(oldest_s=3000.0), "queues", "the oldest waits for 50 minutes", id="age"),
        pytest.param(lambda i: i.alarm.update({"StateValue": "ALARM"}), "alarms", "Old rings: slow", id="alarm"),
    ],
)
def test_what_is_wrong_on_aws(shell: Shell, installation: Installation, fault: Fault, check: str, words: str) -> None:
    """Each fault is a failure of its check, in words that say what it is, and makes the exit code 1."""
    fault(installation)
    found = verdicts(shell, "--stack", "Holdfast", exit_code=1)
    assert [sentence for verdict, sentence in found[check] if verdict == "failure" and words in sentence], found[check]


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        pytest.param(_set(stack_status="UPDATE_IN_PROGRESS"), "stack", "look again", id="busy"),
        pytest.param(_set(swept_ms=None), "sweeper", "not run yet", id="unswept"),
        pytest.param(lambda i: i.alarm.pop("AlarmActions"), "alarms", "none tells anybody", id="silent"),
    ],
)
def test_what_may_be_wrong_on_aws(
    shell: Shell, installation: Installation, fault: Fault, check: str, words: str
) -> None:
    """What somebody has to judge is a warning, and no failure."""
    fault(installation)
    found = verdicts(shell, "--stack", "Holdfast", exit_code=0)
    assert [sentence for verdict, sentence in found[check] if verdict == "warning" and words in sentence], found[check]


def test_loops_of_handler_functions(installation: Installation) -> None:
    """The functions of services are looked at as well, each once however many versions of it are registered."""
    cart, shop = (f"arn:aws:lambda:{REGION}:123456789012:function:{name}" for name in ("cart", "shop"))
    installation.recursion |= {cart: "Allow", shop: "Terminate"}
    stack = Stack("Holdfast", installation.aws)
    checks = StackChecks(stack, now_ms=0, function_arns=lambda: [f"{cart}:1", f"{cart}:2", f"{shop}:1"])
    (check,) = checks.of_services()
    ((verdict, sentence),) = check.find()
    assert (verdict, sentence.endswith("Allow on shop.")) == (Verdict.FAILURE, True)
    assert installation.aws.asked == ["GetFunctionRecursionConfig"] * 2


def test_what_one_may_not_look_at(shell: Shell, installation: Installation) -> None:
    """A permission that is missing is a warning with AWS's own words, and holds up nothing else."""

    def refuse(_: Any) -> dict[str, Any]:
        raise Refused("AccessDeniedException", "not authorized to perform: dynamodb:DescribeTable")

    installation.aws.answers["DescribeTable"] = refuse
    found = verdicts(shell, "--stack", "Holdfast", exit_code=0)
    ((verdict, sentence),) = found["tables"]
    assert (verdict, "dynamodb:DescribeTable" in sentence) == ("warning", True)
    assert "sweeper" in found


def test_a_stack_that_is_not_there(shell: Shell, installation: Installation) -> None:
    """Of a stack that is not there nothing else is said."""

    def refuse(_: Any) -> dict[str, Any]:
        raise Refused("ValidationError", "Stack with id Nowhere does not exist")

    installation.aws.answers["DescribeStacks"] = refuse
    found = verdicts(shell, "--stack", "Nowhere", exit_code=1)
    assert list(found) == ["stack"]
    assert "does not exist" in found["stack"][0][1]


def test_nothing_to_recover(shell: Shell, installation: Installation) -> None:
    """A stack without a dispatcher has nothing to recover, which is one sentence."""
    installation.descriptions["Function-dispatcher"] = "somebody else's"
    result = shell.run("recover", "--stack", "Shop")
    assert (result.exit_code, "'Shop' has no Holdfast in it" in result.stderr) == (1, True)


def test_recovering_tells_how_far_it_is(
    shell: Shell, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who watches is told while it goes on, and how many there were is the result."""

    def recovered(found: Any, *, clock: Any, tell: Callable[[int], None]) -> int:
        assert found.tables.journal == "journal"
        for count in range(1, 251):
            tell(count)
        return 250

    monkeypatch.setattr("holdfast_aws.installation.recovered", recovered)
    quiet = shell.run("recover", "--stack", "Holdfast", "--json")
    assert (json.loads(quiet.stdout), quiet.stderr) == ({"woken": 250}, "")
    monkeypatch.setattr("holdfast_cli.recovering.somebody_is_watching", lambda: True)
    watched = shell.run("recover", "--stack", "Holdfast")
    assert watched.stdout.startswith("Invocations woken: 250.")
    assert watched.stderr.split("\r")[1:3] == ["Invocations woken so far: 100", "Invocations woken so far: 200"]


def test_commands_at_a_stack(shell: Shell, installation: Installation) -> None:
    """With --stack a command asks the installation's own APIs; a URL beside it is one too many."""
    assert "Echo" in shell.out("services", "list", "--stack", "Holdfast")
    result = shell.run("call", "Echo/nap", "0", "--stack", "Holdfast", env={"HOLDFAST_INGRESS_URL": "http://nowhere"})
    assert result.stdout == '"slept"\n'
    result = shell.run("services", "list", "--stack", "Holdfast", "--admin-url", shell.admin_url)
    assert (result.exit_code, "either --admin-url or --stack" in result.stderr) == (2, True)
    installation.descriptions["Function-admin"] = "no more"
    result = shell.run("services", "list", "--stack", "Holdfast")
    assert (result.exit_code, "has no Holdfast in it" in result.stderr) == (1, True)


def test_what_is_typed_goes_first(shell: Shell, installation: Installation) -> None:
    """A URL that is typed is asked, although the environment names a stack."""
    result = shell.run("services", "list", "--admin-url", shell.admin_url, env={"HOLDFAST_STACK": "Holdfast"})
    assert (result.exit_code, installation.aws.asked) == (0, [])
