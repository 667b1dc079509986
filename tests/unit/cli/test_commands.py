"""The commands that ask a running server, against the admin API over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner, Result

from holdfast_cli.dev.http_server import HttpServer
from holdfast_cli.main import main
from holdfast_engine.engine import Description
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.records import Failure, Head, Kind, LastFailure, Outcome, Page, Status, Target
from holdfast_engine.registry import Endpoint
from holdfast_http.admin.app import Admin
from holdfast_http.ingress.app import Ingress
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.manifest import Options
from holdfast_protocol.messages import encode
from tests.support.fake_engine import NOW_MS, RESTARTED, FakeEngine
from tests.support.requests import header, post

DEPLOYMENT = "dp_10000000000000000000001"
UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


class Server:
    """An admin API in a thread of its own."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.invocation_id = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        admin = Admin(self.engine.as_engine, product_version="1", ingress_url="")
        server = HttpServer(admin, self._listener)
        await server.start()
        sent = header(
            await post(Ingress(self.engine.as_engine, now_ms=lambda: NOW_MS), "/Counter/k/add/send", "1"),
            "x-restate-id",
        )
        assert sent is not None
        self.invocation_id = sent
        self.engine.descriptions[sent] = _description(sent)
        self._is_up.set()
        await self._stop.wait()
        await server.stop()

    def start(self) -> None:
        self._thread.start()
        self._is_up.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._listener.close()


def _description(invocation_id: str) -> Description:
    head = Head(
        id=invocation_id,
        target=Target(service="Counter", key="k", handler="add"),
        kind=Kind.EXCLUSIVE,
        status=Status.BACKING_OFF,
        epoch=3,
        created_ms=NOW_MS,
        modified_ms=NOW_MS,
        page=Page(epoch=3, base=0, frames=()),
        nonce="",
        failed_attempts=2,
        last_failure=LastFailure(
            code=500,
            message="the shop is closed",
            command_index=1,
            command_name="buy",
            command_type=0x0411,
            at_ms=NOW_MS,
        ),
        outcome=Outcome(failure=Failure(code=409, message="cancelled")),
    )
    entries = (
        encode(pb.InputCommand(value=pb.Value(content=b"x" * 500))),
        encode(pb.RunCommand(name="buy", result_completion_id=1)),
    )
    return Description(head=head, entries=entries)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running admin API."""
    server = Server()
    server.start()
    yield server
    server.stop()


def run(server: Server, *arguments: str) -> Result:
    """Run a command against the server."""
    return CliRunner().invoke(main, [*arguments, "--admin-url", server.url])


def test_version() -> None:
    """The command says its version."""
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.strip() == f"holdfast, version {version('holdfast')}"


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _commands(each, (*path, name))


PATHS = list(_commands(main))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    """Every command explains itself and each of its options."""
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command.help
    assert all(each.help for each in command.params if isinstance(each, click.Option))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_answer_is_there_for_programs(path: tuple[str, ...]) -> None:
    """Every command that answers something has --json."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    # A server, and a text for the shell.
    without = {"dev", "completion"}
    options = {option for each in command.params for option in each.opts}
    assert isinstance(command, click.Group) or command.name in without or "--json" in options


def test_services(server: Server) -> None:
    """Services are listed with kind, revision and handlers."""
    result = run(server, "services", "list")
    assert result.exit_code == 0
    assert "Counter  VirtualObject  1         add, get" in result.output


def test_deployments(server: Server) -> None:
    """Deployments are listed with address and services."""
    result = run(server, "deployments", "list")
    assert "in-process:tests" in result.output
    assert "Greeter (revision 1)" in result.output


def test_registering(server: Server) -> None:
    """Registering shows what is served there, and a refusal its sentence and code."""
    result = run(server, "deployments", "register", "http://127.0.0.1:9080", "--force")
    assert "dp_10000000000000000000001 serves:" in result.output
    assert "It could be registered" in run(server, "deployments", "register", "http://x", "--dry-run").output
    server.engine.register_result = DiscoveryFailed("nobody answers", meta_code="META0003", is_retryable=False)
    result = run(server, "deployments", "register", "http://127.0.0.1:9080")
    server.engine.register_result = None
    assert (result.exit_code, result.stderr) == (1, "Error: nobody answers (META0003)\n")


def test_registering_in_detail(server: Server) -> None:
    """Headers, a function's ARN and the role to call it by are registered as they were given."""
    function = "arn:aws:lambda:eu-west-1:123456789012:function:cart:7"
    role = "arn:aws:iam::123456789012:role/caller"
    arguments = ("-H", "x-key: 1:2", "--metadata", "git=a=b", "--assume-role-arn", role)
    assert run(server, "deployments", "register", function, *arguments).exit_code == 0
    assert server.engine.registered[-1] == Endpoint(
        transport="lambda", address=function, additional_headers=(("x-key", "1:2"),), assume_role_arn=role
    )
    result = run(server, "deployments", "register", "http://x", "--metadata", "git")
    assert (result.exit_code, "--metadata takes NAME=VALUE" in result.stderr) == (2, True)


def test_one_deployment(server: Server) -> None:
    """A deployment is shown with what it serves, and whether something runs on it when that is asked for."""
    shown = run(server, "deployments", "describe", DEPLOYMENT)
    assert "protocol versions   5 to 7" in shown.output
    assert "Counter  VirtualObject  1         add, get" in shown.output
    assert "active" in run(server, "deployments", "list", "--status").output
    assert run(server, "deployments", "describe", "dp_none").exit_code == 1


def test_removing(server: Server) -> None:
    """A deployment is removed; against what runs on it only when somebody has said so."""
    assert run(server, "deployments", "remove", DEPLOYMENT).output == f"{DEPLOYMENT} is removed.\n"
    assert server.engine.operated[-1] == ("forget", DEPLOYMENT, False)
    assert run(server, "deployments", "remove", DEPLOYMENT, "--force").exit_code == 2
    assert server.engine.operated[-1] == ("forget", DEPLOYMENT, False)
    assert run(server, "deployments", "remove", DEPLOYMENT, "--force", "--yes").exit_code == 0
    assert server.engine.operated[-1] == ("forget", DEPLOYMENT, True)


def test_one_service(server: Server) -> None:
    """A service is shown with its options and what its handlers take."""
    result = run(server, "services", "describe", "Hidden")
    for words in ("Only for other handlers.", "public                         false", "1m 30s", "HANDLER  KIND"):
        assert words in result.output


def test_options_of_a_service(server: Server) -> None:
    """Only the options that are named are changed."""
    assert run(server, "services", "set", "Counter", "--private", "--journal-retention", "7d").exit_code == 0
    change = Options(ingress_private=True, journal_retention_ms=7 * 24 * 60 * 60 * 1000)
    assert server.engine.operated[-1] == ("configure", "Counter", change)
    result = run(server, "services", "set", "Counter")
    assert (result.exit_code, "Say what to change" in result.stderr) == (2, True)


def test_describing(server: Server) -> None:
    """An invocation is shown with its status, the reason it fails and its journal, on lines that fit a screen."""
    result = run(server, "invocations", "describe", server.invocation_id)
    for words in (
        "Target           Counter/k/add",
        "Status           backing-off",
        "Failed attempts  2",
        "Last failure     [500] the shop is closed",
        "while at Command: Run 'buy', command 1",
        "Outcome          failure: [409] cancelled",
        "1  Command: Run    waiting  buy  completion_id=1",
    ):
        assert words in result.output
    assert max(map(len, result.output.splitlines())) < 120


def test_ending(server: Server) -> None:
    """Cancelling and killing say what came of it."""
    result = run(server, "invocations", "cancel", server.invocation_id)
    assert result.output == f"{server.invocation_id} has been asked to end; its handler sees that at its next await.\n"
    result = run(server, "invocations", "kill", server.invocation_id)
    assert result.output == f"{server.invocation_id} has ended.\n"


@pytest.mark.parametrize(
    ("arguments", "operated", "sentence"),
    [
        (("pause",), (), "ID is paused; `holdfast invocations resume` lets it go on."),
        (("resume",), ("resume", "keep"), "ID goes on."),
        (("resume", "--deployment", "latest"), ("resume", "latest"), "ID goes on."),
        (("restart",), ("restart", 0, None), f"ID runs again as {RESTARTED}."),
        (("restart", "--from", "3", "--deployment", "keep"), ("restart", 3, "keep"), f"ID runs again as {RESTARTED}."),
        (("purge",), ("purge",), "ID is forgotten."),
        (("purge", "--journal"), ("purge journal",), "The journal of ID is forgotten."),
    ],
)
def test_operating(server: Server, arguments: tuple[str, ...], operated: tuple[object, ...], sentence: str) -> None:
    """The other operations do what they are called, with their options, and say so."""
    verb, *options = arguments
    result = run(server, "invocations", verb, server.invocation_id, *options)
    assert result.output == f"{sentence.replace('ID', server.invocation_id)}\n"
    assert not operated or server.engine.operated[-1] == operated


@pytest.mark.parametrize(
    "path",
    [
        ("services", "describe", "Counter"),
        ("services", "set", "Counter", "--public"),
        ("deployments", "describe", DEPLOYMENT),
        ("deployments", "remove", DEPLOYMENT),
        ("invocations", "pause", "ID", "ID"),
        ("services", "list"),
        ("deployments", "list"),
        ("invocations", "describe", "ID"),
        ("invocations", "cancel", "ID"),
    ],
)
def test_json(server: Server, path: tuple[str, ...]) -> None:
    """With --json the server's own answer is printed."""
    arguments = [server.invocation_id if each == "ID" else each for each in path]
    assert json.loads(run(server, *arguments, "--json").output)


@pytest.mark.parametrize("verb", ["describe", "cancel", "kill", "pause", "resume", "restart", "purge"])
def test_unknown(server: Server, verb: str) -> None:
    """An unknown id is one sentence on stderr and exit code 1."""
    result = run(server, "invocations", verb, UNKNOWN)
    assert result.exit_code == 1
    assert UNKNOWN in result.stderr
    assert result.stdout == ""


def test_nobody_there() -> None:
    """A server that is not there is one sentence that asks whether it runs; the environment may say where it is."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    result = CliRunner().invoke(main, ["services", "list"], env={"HOLDFAST_ADMIN_URL": url})
    assert result.exit_code == 1
    assert url in result.stderr
    assert "is `holdfast dev` running" in result.stderr


def test_a_url_that_is_none() -> None:
    """What is no URL is a usage problem."""
    result = CliRunner().invoke(main, ["services", "list", "--admin-url", "localhost:9070"])
    assert (result.exit_code, "takes a URL" in result.stderr) == (2, True)
