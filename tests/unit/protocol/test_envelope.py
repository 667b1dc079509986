"""The Lambda envelope: strict when writing, liberal when reading."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_protocol.envelope import (
    LambdaRequest,
    LambdaResponse,
    parse_request,
    parse_response,
    request_envelope,
    response_envelope,
)
from holdfast_protocol.errors import DecodeError

V6 = "application/vnd.restate.invocation.v6"


def test_a_request_is_written_the_way_every_sdk_reads_it() -> None:
    """Path and method are always there, header names are lower-case, and the body is always base64."""
    envelope = request_envelope(
        path="/invoke/Greeter/greet", headers={"Content-Type": V6, "X-Restate-Invocation-Id": "inv_1"}, body=b"\x00\xff"
    )
    assert envelope == {
        "path": "/invoke/Greeter/greet",
        "httpMethod": "POST",
        "headers": {"content-type": V6, "x-restate-invocation-id": "inv_1"},
        "body": "AP8=",
        "isBase64Encoded": True,
    }


def test_a_discovery_request_has_an_empty_base64_body() -> None:
    """The empty body is marked as base64 too."""
    envelope = request_envelope(path="/discover", headers={"accept": "x"}, method="GET")
    assert (envelope["httpMethod"], envelope["body"], envelope["isBase64Encoded"]) == ("GET", "", True)


def test_a_request_can_be_read_again() -> None:
    """What the server writes is what the SDK's side reads."""
    envelope = request_envelope(path="/invoke/S/h", headers={"Accept": V6}, body=b"abc")
    assert parse_request(json.loads(json.dumps(envelope))) == LambdaRequest(
        method="POST", path="/invoke/S/h", headers={"accept": V6}, body=b"abc"
    )


def test_a_request_of_the_newer_gateway_format_is_read() -> None:
    """A function URL or HTTP API in front of the same function works as well."""
    event: dict[str, object] = {
        "rawPath": "/discover",
        "requestContext": {"http": {"method": "get"}},
        "headers": {"Accept": "x"},
    }
    assert parse_request(event) == LambdaRequest(method="GET", path="/discover", headers={"accept": "x"}, body=b"")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"path": "/x"},
        {"httpMethod": "POST"},
        {"path": 1, "httpMethod": "POST"},
        {"path": "/x", "httpMethod": ["POST"]},
        {"rawPath": "/x", "requestContext": "http"},
        {"rawPath": "/x", "requestContext": {"http": None}},
        {"Records": []},
    ],
)
def test_an_event_that_is_no_request_is_refused(event: dict[str, object]) -> None:
    """An event of another source is an error that says what a request needs."""
    with pytest.raises(DecodeError, match="not an HTTP request"):
        parse_request(event)


def test_a_response_is_written_in_base64() -> None:
    """Header names are lower-case and the body is always base64."""
    assert response_envelope(status=200, headers={"Content-Type": V6}, body=b"\x00\xff") == {
        "statusCode": 200,
        "headers": {"content-type": V6},
        "body": "AP8=",
        "isBase64Encoded": True,
    }


def response(**fields: object) -> bytes:
    """Return the payload of a response with these fields."""
    return json.dumps({"statusCode": 200, **fields}).encode()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(
            response(headers={"Content-Type": V6}, body="AP8=", isBase64Encoded=True),
            LambdaResponse(status=200, headers={"content-type": V6}, body=b"\x00\xff"),
            id="canonical-header-names",
        ),
        pytest.param(
            response(headers={"content-type": [V6], "x": ["a", "b"]}, body="", isBase64Encoded=True),
            LambdaResponse(status=200, headers={"content-type": V6, "x": "a, b"}, body=b""),
            id="header-values-as-lists",
        ),
        pytest.param(
            response(statusDescription="200 OK", headers=None, body=None),
            LambdaResponse(status=200, headers={}, body=b""),
            id="nulls-and-an-extra-field",
        ),
        pytest.param(response(), LambdaResponse(status=200, headers={}, body=b""), id="status-alone"),
        pytest.param(
            response(statusCode=415, headers={"content-type": "application/json"}, body='{"message":"ü"}'),
            LambdaResponse(status=415, headers={"content-type": "application/json"}, body='{"message":"ü"}'.encode()),
            id="plain-text-error",
        ),
        pytest.param(
            response(statusCode=404, body="", isBase64Encoded=True),
            LambdaResponse(status=404, headers={}, body=b""),
            id="empty-base64-error",
        ),
        pytest.param(
            response(headers={"a": "1", "b": None, "n": 5}, multiValueHeaders={"A": ["2"], "C": ["3"]}),
            LambdaResponse(status=200, headers={"a": "1", "n": "5", "c": "3"}, body=b""),
            id="multi-value-headers-fill-in",
        ),
        pytest.param(
            response(body="x", isBase64Encoded=None), LambdaResponse(status=200, headers={}, body=b"x"), id="null-flag"
        ),
    ],
)
def test_every_form_an_sdk_uses_is_read(payload: bytes, expected: LambdaResponse) -> None:
    """The reader takes what official SDKs send, in their several spellings."""
    assert parse_response(payload) == expected
    assert parse_response(json.loads(payload)) == expected


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "the Lambda response is not JSON"),
        (b"\xff\xff", "the Lambda response is not JSON"),
        (b"[" * 1_000_000, "the Lambda response is not JSON"),
        (b"null", "the Lambda response must be an object, not None"),
        (b'"ok"', "the Lambda response must be an object, not 'ok'"),
        (
            b'{"errorMessage":"boom","errorType":"E"}',
            "statusCode of the Lambda response must be an HTTP status, not None",
        ),
        (response(statusCode="200"), "statusCode of the Lambda response must be an HTTP status, not '200'"),
        (response(statusCode=True), "statusCode of the Lambda response must be an HTTP status, not True"),
        (response(statusCode=0), "statusCode of the Lambda response must be an HTTP status, not 0"),
        (response(statusCode=10**30), "statusCode of the Lambda response must be an HTTP status, not a number"),
        (response(headers=[]), "headers of the Lambda envelope must be an object"),
        (response(headers={"A": {}}), "header 'A' of the Lambda envelope must be a string"),
        (response(headers={"A": [1]}), "header 'A' of the Lambda envelope must be a string"),
        (response(headers={"A": True}), "header 'A' of the Lambda envelope must be a string, not True"),
        (response(body={}), "body of the Lambda envelope must be a string"),
        (response(body="A", isBase64Encoded=True), "body of the Lambda envelope is not base64"),
        (response(body="AP8", isBase64Encoded=True), "body of the Lambda envelope is not base64"),
        (response(body="AP8=\n", isBase64Encoded=True), "body of the Lambda envelope is not base64"),
        (response(body="ü===", isBase64Encoded=True), "body of the Lambda envelope is not base64"),
        (response(body="\ud800"), "body of the Lambda envelope is not text"),
        (response(body="", isBase64Encoded="true"), "isBase64Encoded of the Lambda envelope must be true or false"),
    ],
)
def test_a_bad_response_is_one_sentence(payload: bytes, sentence: str) -> None:
    """What cannot be a response is refused with the field that is wrong."""
    with pytest.raises(DecodeError) as caught:
        parse_response(payload)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("headers", "encoding"),
    [
        ({}, None),
        ({"Content-Encoding": "zstd"}, "zstd"),
        ({"content-encoding": " ZSTD "}, "zstd"),
        ({"content-encoding": "identity"}, None),
        ({"content-encoding": ""}, None),
    ],
)
def test_the_content_encoding_is_visible(headers: dict[str, str], encoding: str | None) -> None:
    """A compressed body stays as it came, and the record says how it is encoded."""
    answer = parse_response(response(headers=headers, body="KLUv/Q==", isBase64Encoded=True))
    assert (answer.content_encoding, answer.body) == (encoding, b"(\xb5/\xfd")
    event: dict[str, Any] = request_envelope(path="/x", headers=headers, body=b"(\xb5/\xfd")
    assert parse_request(event).content_encoding == encoding
