"""The headers of an attempt, the same over every transport."""

from __future__ import annotations

from urllib.parse import quote

from holdfast_engine.registry import Endpoint
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.versions import invocation_media_type

# They belong to the connection and to the body that is sent; an additional header must not contradict them.
_OWN_HEADERS = frozenset({"connection", "content-length", "keep-alive", "te", "transfer-encoding", "upgrade"})

# The trace context travels on; everything else in an invocation's headers is the handler's input, inside the frames.
_FORWARDED_HEADERS = ("traceparent", "tracestate")


def additional_headers(endpoint: Endpoint) -> dict[str, str]:
    """Return the endpoint's configured headers by lower-case name, without those that the transport sets."""
    named = ((name.lower(), value) for name, value in endpoint.additional_headers)
    return {name: value for name, value in named if name not in _OWN_HEADERS}


def attempt_headers(endpoint: Endpoint, request: AttemptRequest) -> dict[str, str]:
    """Return the headers that an attempt is sent with."""
    media_type = invocation_media_type(request.protocol_version)
    headers = additional_headers(endpoint)
    headers |= {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
    headers["content-type"] = headers["accept"] = media_type
    headers["x-restate-invocation-id"] = request.start.debug_id
    if request.start.key:
        headers["x-restate-service-key"] = quote(request.start.key, safe="")
    return headers
