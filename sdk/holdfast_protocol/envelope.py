"""The Lambda envelope: an HTTP request or response as the JSON of one `Invoke`.

Writers follow what the strictest SDK expects; readers take what the most careless one sends.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast_protocol.errors import DecodeError, excerpt


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaRequest:
    """What an SDK was asked. Header names are lower-case; the body is still in its content encoding."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_encoding(self) -> str | None:
        """The encoding the body is in, such as `zstd`."""
        return _content_encoding(self.headers)


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaResponse:
    """What an SDK answered. Header names are lower-case; the body is still in its content encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_encoding(self) -> str | None:
        """The encoding the body is in, such as `zstd`."""
        return _content_encoding(self.headers)


def request_envelope(
    *, path: str, headers: Mapping[str, str], body: bytes = b"", method: str = "POST"
) -> dict[str, Any]:
    """Return the payload of a request to an SDK."""
    return {
        "path": path,
        "httpMethod": method,
        # One SDK looks names up in lower case only.
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": b64encode(body).decode("ascii"),
        # Even for the empty body: one SDK asserts it, another requires the field.
        "isBase64Encoded": True,
    }


def parse_request(event: Mapping[str, object]) -> LambdaRequest:
    """Return the request in the event that a Lambda function was invoked with.

    The newer gateway spelling (`rawPath`, `requestContext.http.method`) is read as well.

    Raises:
        DecodeError: The event is not an HTTP request.
    """
    path = event.get("path")
    if path is None:
        path = event.get("rawPath")
    method = event.get("httpMethod")
    if method is None:
        method = _gateway_method(event)
    if not isinstance(path, str) or not isinstance(method, str):
        raise DecodeError("the Lambda event is not an HTTP request: it needs the strings path and httpMethod")
    return LambdaRequest(method=method.upper(), path=path, headers=_headers(event), body=_body(event))


def response_envelope(*, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the payload of a response to a server."""
    return {
        "statusCode": status,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": b64encode(body).decode("ascii"),
        "isBase64Encoded": True,
    }


def parse_response(payload: bytes | Mapping[str, object]) -> LambdaResponse:
    """Return the response in the payload that a Lambda function returned.

    Raises:
        DecodeError: The payload is not an HTTP response. A failed function's is not: look at `FunctionError` first.
    """
    answer = payload if isinstance(payload, Mapping) else _parse_object(payload)
    status = answer.get("statusCode")
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise DecodeError(f"statusCode of the Lambda response must be an HTTP status, not {excerpt(status)}")
    return LambdaResponse(status=status, headers=_headers(answer), body=_body(answer))


def _parse_object(payload: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the Lambda response is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise DecodeError(f"the Lambda response must be an object, not {excerpt(answer)}")
    return answer


def _headers(envelope: Mapping[str, object]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for field in ("headers", "multiValueHeaders"):
        values = envelope.get(field)
        if values is None:
            continue
        if not isinstance(values, Mapping):
            raise DecodeError(f"{field} of the Lambda envelope must be an object, not {excerpt(values)}")
        for name, value in values.items():
            if isinstance(name, str) and value is not None:
                headers.setdefault(name.lower(), _header_value(name, value))
    return headers


def _header_value(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"header {excerpt(name)} of the Lambda envelope must be a string, not {excerpt(value)}")


def _body(envelope: Mapping[str, object]) -> bytes:
    body = envelope.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise DecodeError(f"body of the Lambda envelope must be a string, not {excerpt(body)}")
    is_base64 = envelope.get("isBase64Encoded")
    if is_base64 is not None and not isinstance(is_base64, bool):
        raise DecodeError(f"isBase64Encoded of the Lambda envelope must be true or false, not {excerpt(is_base64)}")
    try:
        return b64decode(body, validate=True) if is_base64 else body.encode()
    except (Base64Error, ValueError) as error:
        form = "base64" if is_base64 else "text"
        raise DecodeError(f"body of the Lambda envelope is not {form}: {error}") from error


def _gateway_method(event: Mapping[str, object]) -> object:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    return http.get("method") if isinstance(http, Mapping) else None


def _content_encoding(headers: Mapping[str, str]) -> str | None:
    encoding = headers.get("content-encoding", "").strip().lower()
    return encoding if encoding not in ("", "identity") else None
