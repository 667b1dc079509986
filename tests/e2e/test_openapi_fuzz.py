"""Requests made up from our own OpenAPI documents, right and wrong ones, are answered, and without a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.control import SkipTest
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from examples.demo.processes import DevServer

SERVICES = """
import holdfast
from pydantic import BaseModel

class Order(BaseModel):
    item: str
    count: int
    tags: list[str] = []

shop = holdfast.Service("Shop")
basket = holdfast.VirtualObject("Basket")
checkout = holdfast.Workflow("Checkout")

@shop.handler()
async def place(ctx: holdfast.Context, order: Order) -> Order:
    return order

@shop.handler()
async def ping(ctx: holdfast.Context) -> str:
    return "pong"

@basket.handler()
async def put(ctx: holdfast.ObjectContext, order: Order) -> str:
    ctx.set("order", order.item)
    return ctx.key()

@basket.handler(kind="shared")
async def peek(ctx: holdfast.ObjectSharedContext) -> str | None:
    return await ctx.get("order", type_hint=str)

@checkout.main()
async def run(ctx: holdfast.WorkflowContext, order: Order) -> str:
    return ctx.key()

services = [shop, basket, checkout]
"""
NAMES = ["Shop", "Basket", "Checkout"]
EXAMPLES = 25
ANSWERED_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with a service, an object and a workflow that take a structured input."""
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "fuzzed.py").write_text(SERVICES)
    server = DevServer(["fuzzed"], folder=folder, env={"PYTHONPATH": str(folder)})
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_document_allows_and_what_it_does_not(server: DevServer, name: str, mode: GenerationMode) -> None:
    """Every operation answers in time and with no status of 500 or more, whatever the document says of the request."""
    document = httpx.get(f"{server.admin_url}/services/{name}/openapi", trust_env=False).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(modes=[mode])
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert operations
    with httpx.Client(base_url=server.ingress_url, timeout=ANSWERED_WITHIN_S, trust_env=False) as client:
        played = [_played(operation, server, client, mode) for operation in operations]
    statuses = [each for each in played if each is not None]
    assert min(len(each) for each in statuses) >= EXAMPLES / 2
    # What we did not name in the query is passed over, so not all that is wrong is refused.
    refused = sum(status >= 400 for each in statuses for status in each)
    assert mode is GenerationMode.POSITIVE or refused >= EXAMPLES / 2
    # Those that follow the document or break it, and as many broken bodies; the page on reliability reads this.
    print(f"tried {2 * sum(len(each) for each in statuses)} requests")
    assert server.is_running()


def _played(operation: Any, server: DevServer, client: httpx.Client, mode: GenerationMode) -> list[int] | None:
    """Ask one operation for this and that; return the statuses, None when it asks for nothing that could be wrong."""
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), garbage=st.binary(max_size=60))
    def play(case: schemathesis.Case, garbage: bytes) -> None:
        made_up = case.call(base_url=server.ingress_url, timeout=ANSWERED_WITHIN_S)
        statuses.append(made_up.status_code)
        assert made_up.status_code < 500, (case.as_curl_command(), made_up.text)
        broken = client.post(case.formatted_path, content=garbage, headers={"content-type": "application/json"})
        assert broken.status_code < 500, (case.formatted_path, garbage, broken.text)

    try:
        play()
    except SkipTest:
        return None
    return statuses
