"""Requests made up from the OpenAPI document of the admin API, right and wrong ones, are answered as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.control import SkipTest
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from examples.demo.processes import DevServer

EXAMPLES = 2
ANSWERED_WITHIN_S = 20.0
# Addresses that were made up would be asked what they serve, and Kafka is refused with 501 whatever is sent.
LEFT_OUT = frozenset({("POST", "/deployments"), ("POST", "/subscriptions"), ("POST", "/kafka-clusters")})
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with services, whose queries are not asked for here."""
    server = DevServer(["tests.support.services.counter"], folder=tmp_path_factory.mktemp("fuzzed-admin"))
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_whatever_the_document_allows_and_what_it_does_not(server: DevServer, mode: GenerationMode) -> None:
    """Every operation answers in time, with no fault of ours, and with what the document says that it answers."""
    document = httpx.get(f"{server.admin_url}/openapi", trust_env=False).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(modes=[mode])
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    tried = 0
    for operation in operations:
        if (operation.method.upper(), operation.path) not in LEFT_OUT:
            tried += _tried(operation, server, mode)
    assert tried >= len(operations) / 2
    print(f"tried {tried} requests")
    assert server.is_running()
    assert "Traceback" not in server.output(bytes_max=1_000_000)


def _tried(operation: Any, server: DevServer, mode: GenerationMode) -> int:
    """Ask one operation for this and that; return how often, 0 when it asks for nothing that could be wrong."""
    tried = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def play(case: schemathesis.Case) -> None:
        nonlocal tried
        answer = case.call(base_url=server.admin_url, timeout=ANSWERED_WITHIN_S, allow_redirects=False)
        tried += 1
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        case.validate_response(answer, checks=CHECKS)

    try:
        play()
    except SkipTest:
        return 0
    return tried
