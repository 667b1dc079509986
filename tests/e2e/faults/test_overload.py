"""A table that limits the rate of requests: whoever asks the ingress is asked to come back, and loses nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_http.ingress.on_lambda import LambdaIngress
from holdfast_http.powertools import function_url_resolver_for
from tests.e2e.faults.test_every_call import Site
from tests.support.small_cloud.cloud import Cloud, context, url_event
from tests.support.small_cloud.wire import Fault


@pytest.mark.parametrize("cloud", [None], indirect=True)
def test_a_throttled_table_is_said_by_429(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """While DynamoDB throttles all that it is asked, callers get 429 and when to come back; then they are served."""
    with cloud.process() as own:
        Site(cloud, own).register_versions(monkeypatch, "1")
        ingress = own.handler(function_url_resolver_for(LambdaIngress(own)).resolve_async, looks_first=False)

        def ask(path: str) -> dict[str, Any]:
            answer: dict[str, Any] = ingress(url_event(path, "x", {"idempotency-key": path}, method="POST"), context())
            return answer

        assert ask("/Flow/leaf")["statusCode"] == 200
        cloud.faults.always = {"dynamodb": Fault.THROTTLED}
        for path in ("/Flow/tree", "/Flow/tree/send"):
            answer = ask(path)
            assert (answer["statusCode"], answer["headers"]["retry-after"]) == (429, "1")
            assert json.loads(answer["body"])["holdfast_code"] == "HF-0512"
        cloud.faults.always = {}
        assert ask("/Flow/tree/send")["statusCode"] == 202
