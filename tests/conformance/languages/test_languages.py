"""What the examples of the first pages do, in every language whose official SDK can be had here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.demo.processes import DevServer
from tests.conformance.languages.toolchains import GO, JAVA, KOTLIN, Endpoint, Language, ToolsMissing, build
from tests.support.site import Site

# Compiling, and fetching an SDK the first time, takes its time.
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True)
class Stage:
    """A server with the examples of one language registered, and the file in which they note their effects."""

    site: Site
    language: Language
    log: Path

    def path(self, service: str, handler: str, key: str | None = None) -> str:
        """Return the path of a handler."""
        middle = f"/{key}" if key is not None else ""
        return f"/{service}{middle}/{self.language.spelled(handler)}"

    def effects(self, word: str) -> list[str]:
        """Return the noted lines that hold a word, in order."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if word in line.split()]


@pytest.fixture(scope="module", params=[GO, JAVA, KOTLIN], ids=lambda language: language.name)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server with the examples of one language."""
    language: Language = request.param
    folder = tmp_path_factory.mktemp(language.name)
    try:
        build(language, out=folder)
    except ToolsMissing as missing:
        pytest.skip(str(missing))
    log = folder / "effects.log"
    server, endpoint = DevServer([], folder=folder), Endpoint(language, out=folder, log=log)
    try:
        server.start()
        endpoint.start(within_s=60.0)
        answer = httpx.post(f"{server.admin_url}/deployments", json={"uri": endpoint.uri}, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        with Site(server.ingress_url, server.admin_url) as site:
            yield Stage(site, language, log)
    finally:
        endpoint.kill()
        server.kill()


def test_an_order_is_processed_once(stage: Stage) -> None:
    """Each step of an order happens once, and its payment's id is the same in all of them."""
    order = {"creditCard": "card-1", "items": [{"id": "apple", "quantity": 2}, {"id": "pear", "quantity": 3}]}
    headers = {"idempotency-key": "order-1"}
    path = stage.path("OrderService", "process")
    result: dict[str, Any] = stage.site.call(path, order, headers=headers)
    assert result["success"] is True
    assert stage.site.call(path, order, headers=headers) == result
    assert stage.effects("card-1") == [
        f"charged card-1 {result['paymentId']}",
        "reserved card-1 apple 2",
        "reserved card-1 pear 3",
    ]


def test_an_account_has_one_balance(stage: Stage) -> None:
    """State is kept per key, and what would make it negative is refused for good."""
    update = stage.path("UserAccount", "updateBalance", "ada")
    assert stage.site.call(update, 100.0) == 100.0
    assert stage.site.call(update, -30.5) == 69.5
    refused = stage.site.post(update, -1000.0)
    assert (refused.status_code, json.loads(refused.content)["message"]) == (500, "insufficient funds")
    assert stage.site.call(stage.path("UserAccount", "getBalance", "ada")) == 69.5


def test_permissions_are_rolled_back(stage: Stage) -> None:
    """When a permission cannot be granted, those before it are taken back, and the caller gets the failure."""
    path = stage.path("RoleUpdate", "update")
    answer = stage.site.post(path, {"user": "bob", "permissions": ["read", "write", "root", "never"]})
    assert (answer.status_code, json.loads(answer.content)["message"]) == (403, "nobody may grant 'root'")
    assert stage.effects("bob") == ["granted bob read", "granted bob write", "revoked bob read", "revoked bob write"]
