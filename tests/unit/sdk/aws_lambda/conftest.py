"""A function and the DynamoDB it talks to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scripted_server import Play, answer, scripted_server
from tests.unit.sdk.aws_lambda.functions import Function, lambda_environment


@pytest.fixture
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """A function whose DynamoDB accepts everything, or plays the script of a `dynamodb` mark."""
    script: tuple[Play, ...] = getattr(request, "param", (answer(),))
    with scripted_server(*script) as server:
        lambda_environment(monkeypatch, server.url)
        function = Function(server)
        yield function
        del function.handler
