"""The client of Lambda under the invoker: real requests of botocore, answered before they leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import UnknownServiceError

from holdfast_aws.clients import lambda_client, make_clients, new_session
from holdfast_engine.ports import Answer
from tests.support.attempts import END, OUTPUT
from tests.support.dynamo_stores import aws_session
from tests.support.fake_lambda import ARN, REGION
from tests.unit.aws.functions import failure_of, invoke_by, ok


class Raw(BytesIO):
    """A body as the HTTP library hands it out."""

    def stream(self, **_: Any) -> Any:
        while chunk := self.read():
            yield chunk


class Wire:
    """A client whose requests are kept and answered here."""

    def __init__(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        self.requests: list[AWSPreparedRequest] = []
        self._status, self._content = status, json.dumps(content).encode()
        self._headers = {"content-length": str(len(self._content)), **(headers or {})}
        self.client = lambda_client(aws_session(), region_name=REGION)
        self.client.meta.events.register("before-send.lambda.Invoke", self._answer)

    async def invoke(self) -> Answer:
        return await invoke_by(self.client)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.requests.append(request)
        return AWSResponse(request.url, self._status, self._headers, Raw(self._content))


async def test_a_request_names_the_version_and_begins_a_trace() -> None:
    """The whole ARN is called and waited for, and each call begins a trace of its own."""
    wire = Wire(200, ok())
    for _ in range(2):
        answer = await wire.invoke()
        assert (list(answer.frames), answer.failure) == ([OUTPUT, END], None)
    first, second = wire.requests
    assert first.method == "POST"
    assert unquote(first.url).endswith(f"/functions/{ARN}/invocations")
    assert first.headers["X-Amz-Invocation-Type"] in ("RequestResponse", b"RequestResponse")
    traces = {str(request.headers["X-Amzn-Trace-Id"]) for request in (first, second)}
    assert len(traces) == 2
    assert json.loads(first.body)["path"] == "/invoke/Greeter/greet"


async def test_a_failed_function_is_told_by_its_header() -> None:
    """An answer of 200 with the header of a function error is a failure, whatever its payload looks like."""
    report = {"errorType": "ValueError", "errorMessage": "no such planet"}
    wire = Wire(200, report, {"X-Amz-Function-Error": "Unhandled"})
    assert "ValueError: no such planet" in failure_of(await wire.invoke()).message


@pytest.mark.parametrize(
    ("status", "kind", "code", "is_counted"),
    [
        (429, "TooManyRequestsException", 429, False),
        (500, "ServiceException", 500, True),
        (413, "RequestTooLargeException", 413, False),
        (404, "ResourceNotFoundException", 404, False),
    ],
)
async def test_a_refused_call_is_not_repeated(status: int, kind: str, code: int, is_counted: bool) -> None:
    """Lambda's refusals come through as they are, after one try: attempts are counted by the invocation's policy."""
    headers = {"x-amzn-ErrorType": kind, "Retry-After": "3"}
    wire = Wire(status, {"Type": "User", "message": "because of that"}, headers)
    failure = failure_of(await wire.invoke())
    assert (failure.code, failure.is_counted, len(wire.requests)) == (code, is_counted, 1)
    assert "because of that" in failure.message
    assert failure.retry_after_ms == (3000 if status == 429 else None)


def test_a_client_is_made_when_it_is_used() -> None:
    """Clients that few events need are not made before one does, and then once, however many threads ask at a time."""
    session = aws_session()
    made: list[str] = []
    make = session.create_client

    def create_client(service: str, **options: Any) -> Any:
        made.append(service)
        return make(service, **options)

    session.create_client = create_client
    clients = make_clients(session, calls_functions=False)
    assert made == ["dynamodb", "sqs"]
    with ThreadPoolExecutor(max_workers=8) as threads:
        assert len(set(threads.map(lambda _: clients.functions.meta.region_name, range(32)))) == 1
    assert made == ["dynamodb", "sqs", "lambda"]
    assert clients.sts.meta.service_model.service_name == "sts"
    assert clients.s3.meta.service_model.service_name == "s3"


def test_a_session_knows_the_services_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our session makes clients of all the services there are clients of, and calls any other one unknown."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    session = new_session()
    for service in ("dynamodb", "lambda", "s3", "sqs", "sts"):
        assert session.create_client(service).meta.service_model.api_version
    with pytest.raises(UnknownServiceError):
        session.create_client("dynamite")
