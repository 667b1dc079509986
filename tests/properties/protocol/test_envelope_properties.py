"""The Lambda envelope: reading undoes writing, and nothing raises anything but the one error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol.envelope import parse_request, parse_response, request_envelope, response_envelope
from holdfast_protocol.errors import DecodeError

texts = st.text(max_size=10)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True)
headers = st.dictionaries(names, texts, max_size=4).filter(lambda d: len({name.lower() for name in d}) == len(d))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(100, 599) | json_values,
        "path": texts | json_values,
        "rawPath": json_values,
        "requestContext": json_values | st.just({"http": {"method": "GET"}}),
        "httpMethod": st.just("POST") | json_values,
        "headers": headers | json_values,
        "multiValueHeaders": json_values,
        "body": texts | json_values,
        "isBase64Encoded": st.booleans() | json_values,
    },
)


@given(texts, headers, st.binary(max_size=200))
def test_requests_survive(path: str, sent: dict[str, str], body: bytes) -> None:
    """Path, headers and body come back as they were, through real JSON."""
    event = json.loads(json.dumps(request_envelope(path=path, headers=sent, body=body)))
    request = parse_request(event)
    assert (request.path, request.body, request.method) == (path, body, "POST")
    assert request.headers == {name.lower(): value for name, value in sent.items()}


@given(st.integers(100, 599), headers, st.binary(max_size=200))
def test_responses_survive(status: int, sent: dict[str, str], body: bytes) -> None:
    """Status, headers and body come back as they were, through real JSON bytes."""
    response = parse_response(json.dumps(response_envelope(status=status, headers=sent, body=body)).encode())
    assert (response.status, response.body) == (status, body)
    assert response.headers == {name.lower(): value for name, value in sent.items()}


@given(envelopes)
def test_no_envelope_raises_anything_but_the_one_error(envelope: dict[str, object]) -> None:
    """Envelopes with any value anywhere are read or refused in one short sentence."""
    for read in (parse_request, parse_response):
        assert len(_refusal(read, envelope)) < 500


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_payload_raises_anything_but_the_one_error(payload: bytes) -> None:
    """Arbitrary bytes and arbitrary JSON are read or refused in one short sentence."""
    assert len(_refusal(parse_response, payload)) < 500


def _refusal(read: Callable[[Any], object], data: object) -> str:
    """Return the reason for which data was refused, or nothing."""
    try:
        read(data)
    except DecodeError as error:
        return str(error)
    return ""
