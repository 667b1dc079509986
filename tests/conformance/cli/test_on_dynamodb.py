"""Restate's own command line over a store on DynamoDB: what it lists and describes there is what it does elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import holdfast
from tests.conformance.cli.conftest import Cli, populate
from tests.support.dynamo_admin import dynamo_admin
from tests.support.dynoxide import Dynoxide
from tests.support.services.shopping import services
from tests.support.site import Site


@pytest.fixture(scope="module")
def on_dynamodb(command: Path, dynoxide: Dynoxide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command on an admin API over DynamoDB, with the same things to see."""
    folder = tmp_path_factory.mktemp("on-dynamodb")
    endpoints = {"shopping": holdfast.Endpoint(services)}
    with dynamo_admin(dynoxide.url, endpoints) as (ingress_url, admin_url), Site(ingress_url, admin_url) as site:
        populate(site)
        yield Cli(site, command=command, folder=folder, endpoint="", is_restate=False)


def test_invocations_are_listed_and_described(on_dynamodb: Cli) -> None:
    """All of them are listed, what has ended included, and each is described with its journal."""
    listed = on_dynamodb.run("invocations", "list", "--all")
    for words in (("/buy", "completed"), ("/hold", "suspended"), ("/approve", "suspended"), ("/broken", "backing-off")):
        assert all(word in listed for word in words), listed
    described = on_dynamodb.run("invocations", "describe", on_dynamodb.newest("target_handler_name = 'buy'"))
    assert "completed with success" in described
    assert "Command: Run [reserve]" in described


def test_services_and_keys_are_shown(on_dynamodb: Cli) -> None:
    """Services are described with the keys that are held, and who waits for one is in the inbox."""
    assert "Cart" in on_dynamodb.run("services", "list")
    assert "VirtualObject" in on_dynamodb.run("services", "describe", "Cart")
    assert "bob" in on_dynamodb.run("services", "status")
    waiting = on_dynamodb.sql("SELECT service_key, COUNT(*) AS n FROM sys_inbox GROUP BY service_key")
    assert waiting == [{"service_key": "bob", "n": 1}]
    assert "milk" in on_dynamodb.run("kv", "get", "Cart", "ada")
