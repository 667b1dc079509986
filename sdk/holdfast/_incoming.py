"""What a server asks of an endpoint, however it is carried: to say what is served, and to run an attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping

from holdfast._endpoint import Endpoint
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.errors import DecodeError


def discovery(endpoint: Endpoint, accept: str) -> tuple[int, bytes, str]:
    """Return status, body and media type of the answer to who wants to know what an endpoint serves."""
    from holdfast_protocol.manifest import ManifestError, manifest_media_type, manifest_to_json, negotiate

    version = negotiate(accept)
    if version is None:
        return 415, f"No manifest version of {accept!r} is known here.".encode(), "text/plain"
    try:
        manifest = manifest_to_json(endpoint.manifest(), version)
    except ManifestError as error:
        return 500, str(error).encode(), "text/plain"
    return 200, json.dumps(manifest).encode(), manifest_media_type(version)


def attempt_request(
    service: str, handler: str, version: int, headers: Mapping[str, str], body: bytes
) -> AttemptRequest:
    """Return the attempt that a request's body holds.

    Raises:
        DecodeError: it holds none, or not all of it.
    """
    from holdfast_protocol.frames import split_frames
    from holdfast_protocol.messages import decode
    from holdfast_protocol.schema_pb2 import Start

    frames = split_frames(body)
    start = decode(frames[0]) if frames else None
    if not isinstance(start, Start):
        raise DecodeError("it does not begin with a Start message")
    if start.known_entries < 1 or len(frames) <= start.known_entries:
        raise DecodeError(f"its journal of {start.known_entries} entries is not complete")
    return AttemptRequest(
        service=service,
        handler=handler,
        protocol_version=version,
        headers=headers,
        start=start,
        entries=frames[1:],
    )
