"""What is sent to a function for an attempt: the envelope with headers and frames, within what Lambda carries."""

from __future__ import annotations

import json
from collections.abc import Mapping

from holdfast_aws.compression import compressed
from holdfast_aws.lambda_functions import PAYLOAD_BYTES_MAX
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.envelope import request_envelope
from holdfast_protocol.errors import FrameTooLargeError
from holdfast_protocol.messages import encode
from holdfast_protocol.schema_pb2 import Start

# From this size on a body is worth the processor's time; Restate's server uses the same.
_COMPRESSED_FROM_BYTES = 4 * 1024 * 1024


class RequestTooLarge(Exception):
    """An attempt does not fit through Lambda; the message is a sentence that names the limit."""


def attempt_path(request: AttemptRequest) -> str:
    """Return the path of the handler that an attempt is of."""
    return f"/invoke/{request.service}/{request.handler}"


def attempt_payload(request: AttemptRequest, headers: Mapping[str, str], *, takes_zstd: bool) -> bytes:
    """Return the payload of an attempt.

    When it does not fit with the state that goes along, it goes without: handlers then ask for what they need.

    Raises:
        RequestTooLarge: The journal alone does not fit.
    """
    size = 0
    for start in (request.start, _without_state(request.start)):
        try:
            body = b"".join((encode(start), *request.entries))
        except FrameTooLargeError:
            continue
        payload = _payload(request, headers, body, takes_zstd=takes_zstd)
        size = len(payload)
        if size <= PAYLOAD_BYTES_MAX:
            return payload
    raise RequestTooLarge(
        f"an attempt of {request.service}/{request.handler} with its journal of {len(request.entries)} entries makes a"
        f" request of {size} bytes, and Lambda carries {PAYLOAD_BYTES_MAX} (6 MB): keep what is large in a bucket, or"
        " split the work into several invocations"
    )


def _payload(request: AttemptRequest, headers: Mapping[str, str], body: bytes, *, takes_zstd: bool) -> bytes:
    headers = dict(headers)
    if takes_zstd and len(body) >= _COMPRESSED_FROM_BYTES:
        body = compressed(body)
        headers["content-encoding"] = "zstd"
    return json.dumps(request_envelope(path=attempt_path(request), headers=headers, body=body)).encode()


def _without_state(start: Start) -> Start:
    lean = Start()
    lean.CopyFrom(start)
    del lean.state_map[:]
    lean.partial_state = True
    return lean
