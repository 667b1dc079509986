"""Discovery on Lambda: what is asked, and the sentence for everything that can be wrong with the answer."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from holdfast_aws.lambda_discovery import LambdaDiscovery
from holdfast_aws.lambda_functions import Functions
from holdfast_engine.endpoints.manifests import PAUSES_S
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint
from holdfast_protocol.envelope import response_envelope
from holdfast_protocol.manifest import Manifest
from tests.support.fake_lambda import ARN, REGION, FakeLambda, answering
from tests.support.queues import client_error
from tests.unit.aws.functions import Hanging, Reporting

V4 = "application/vnd.restate.endpointmanifest.v4+json"


def manifest_json(**changes: Any) -> bytes:
    greeter = {"name": "Greeter", "ty": "SERVICE", "handlers": [{"name": "greet"}]}
    whole = {
        "protocolMode": "REQUEST_RESPONSE",
        "minProtocolVersion": 5,
        "maxProtocolVersion": 7,
        "services": [greeter],
    } | changes
    return json.dumps(whole).encode()


def described(status: int = 200, content: bytes | None = None, content_type: str = V4) -> dict[str, Any]:
    body = manifest_json() if content is None else content
    headers = {"content-type": content_type, "x-restate-server": "restate-sdk-holdfast/0.1.0"}
    return response_envelope(status=status, headers=headers, body=body)


async def discover_by(client: Any, *, address: str = ARN, timeout_s: float = 5) -> tuple[Manifest, str | None]:
    functions = Functions(client, sts=None)
    discovery = LambdaDiscovery(functions, pauses_s=[0.0] * len(PAUSES_S), timeout_s=timeout_s)
    try:
        endpoint = Endpoint(transport="lambda", address=address, additional_headers=(("X-Team", "a"),))
        return await discovery.discover(endpoint)
    finally:
        functions.close()


async def failure_by(client: Any, **options: Any) -> DiscoveryFailed:
    with pytest.raises(DiscoveryFailed) as caught:
        await discover_by(client, **options)
    return caught.value


class Scripted:
    """A client whose n-th call does the n-th thing; the last one for ever."""

    def __init__(self, *script: Any) -> None:
        self.meta = SimpleNamespace(region_name=REGION)
        self.calls = 0
        self._script = script

    def invoke(self, **options: Any) -> Any:
        step = self._script[min(self.calls, len(self._script) - 1)]
        self.calls += 1
        if isinstance(step, Exception):
            raise step
        return Reporting(json.dumps(step).encode(), has_failed=False).invoke(**options)


async def test_the_request_offers_every_manifest_version() -> None:
    """Discovery is a GET of /discover that accepts all versions, ascending, with configured headers."""
    with FakeLambda(answering(lambda event: described())) as client:
        manifest, sdk_version = await discover_by(client)
    (event,) = client.events
    assert (event["httpMethod"], event["path"], event["body"], event["isBase64Encoded"]) == (
        "GET",
        "/discover",
        "",
        True,
    )
    assert event["headers"] == {
        "accept": ", ".join(f"application/vnd.restate.endpointmanifest.v{version}+json" for version in (1, 2, 3, 4, 5)),
        "x-team": "a",
    }
    assert (manifest.services[0].name, sdk_version) == ("Greeter", "restate-sdk-holdfast/0.1.0")


@pytest.mark.parametrize(
    ("payload", "meta_code", "sentence"),
    [
        (described(404), "META0003", "answered 404: there is no SDK endpoint; is its handler that of an SDK?"),
        (described(403, b"no"), "META0003", "answered 403 instead of a manifest. It said: 'no'"),
        ("Hello from Lambda!", "META0003", "is no SDK endpoint"),
        ({"statusCode": "200"}, "META0003", "is no SDK endpoint"),
        (described(content_type="text/html"), "META0013", "content type 'text/html'"),
        (described(content=b"<html>"), "META0013", "cannot be used"),
        (described(content=manifest_json(services=[{"name": "x"}])), "META0013", "services[0]"),
        (described(content=manifest_json(maxProtocolVersion=4, minProtocolVersion=1)), "META0012", "update the SDK"),
        (described(content=manifest_json(protocolMode="BIDI_STREAM")), "META0015", "request/response mode"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(payload: Any, meta_code: str, sentence: str) -> None:
    """Every unusable answer is refused at once and for good, with its id and a sentence that names the function."""
    client = Scripted(payload)
    failure = await failure_by(client)
    assert (failure.meta_code, failure.is_retryable, client.calls) == (meta_code, False, 1)
    assert sentence in str(failure)
    assert ARN in str(failure)


async def test_a_function_that_fails_is_no_endpoint() -> None:
    """What a function raised while it was loaded is in the sentence."""
    report = json.dumps({"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named 'app'"}).encode()
    failure = await failure_by(Reporting(report))
    assert (failure.meta_code, failure.is_retryable) == ("META0003", False)
    assert "Runtime.ImportModuleError: No module named 'app'" in str(failure)


@pytest.mark.parametrize(
    "trouble",
    [
        described(503, b"starting"),
        client_error("TooManyRequestsException", status=429),
        client_error("ServiceException", status=500),
        client_error("ResourceConflictException", status=409),
        EndpointConnectionError(endpoint_url="u"),
    ],
)
async def test_a_passing_trouble_is_waited_out(trouble: Any) -> None:
    """After a trouble that may pass the function is asked again; when it lasts, that is said to be passing."""
    client = Scripted(trouble, trouble, described())
    manifest, _ = await discover_by(client)
    assert (manifest.services[0].name, client.calls) == ("Greeter", 3)
    client = Scripted(trouble)
    failure = await failure_by(client)
    assert (failure.is_retryable, client.calls) == (True, 1 + len(PAUSES_S))


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
async def test_a_lasting_trouble_is_told_at_once(code: str) -> None:
    """A function that is not there, or that may not be called, is not asked again."""
    client = Scripted(client_error(code, status=404))
    failure = await failure_by(client)
    assert (failure.meta_code, failure.is_retryable, client.calls) == ("META0003", False, 1)


async def test_a_function_that_hangs_is_given_up() -> None:
    """A function that does not answer in time is a failure that may pass."""
    client = Hanging()
    failure = await failure_by(client, timeout_s=0.02)
    client.gate.set()
    assert failure.is_retryable
    assert "did not answer within 0.02 s" in str(failure)


async def test_only_a_qualified_arn_is_an_address() -> None:
    """A function without a version is refused with an example of how to name one."""
    failure = await failure_by(Scripted(described()), address=ARN.removesuffix(":1"))
    assert (failure.meta_code, failure.is_retryable) == ("META0003", False)
    assert "version or an alias" in str(failure)


async def test_plain_text_answers_are_read() -> None:
    """An answer whose body is not base64 is read as what it is."""
    payload = {"statusCode": 200, "headers": {"Content-Type": V4}, "body": manifest_json().decode()}
    manifest, sdk_version = await discover_by(Scripted(payload))
    assert (manifest.services[0].name, sdk_version) == ("Greeter", None)


async def test_a_manifest_beyond_what_lambda_carries_is_said_to_be() -> None:
    """A manifest that is larger than Lambda's own limit is refused with it."""
    failure = await failure_by(Scripted(described(content=b"x" * 5_000_000)))
    assert failure.meta_code == "META0013"
    assert "too large for Lambda" in str(failure)
