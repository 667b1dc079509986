"""The ingress behind an HTTP API, where something in front of it asks for one."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from tests.e2e.aws.cloud import Cloud
from tests.e2e.aws.door import signing_door


def test_an_http_api_lets_in_who_has_signed(cloud: Cloud) -> None:
    """A signed request reaches a handler and its answer comes back; one that nobody has signed reaches nothing."""
    api_id = urlsplit(cloud.outputs["ApiUrl"]).netloc.partition(".")[0]
    url = f"{cloud.running.endpoint_url}/_aws/execute-api/{api_id}/$default"
    assert httpx.post(f"{url}/Work/twice", json=21, timeout=60).status_code == 403
    with signing_door(url, service="execute-api") as door, httpx.Client(base_url=door, timeout=60) as client:
        answer = client.post("/Work/twice", json=21)
        assert (answer.status_code, answer.json()) == (200, 42)
        assert client.post("/Ledger/ada/total").json() == 0
        assert client.post("/Work/whisper", json=21).status_code == 404
