"""What a function answers: status, headers and body as Lambda carries them, within what it can carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from holdfast._version import SDK_VERSION
from holdfast_protocol.envelope import response_envelope

# Lambda carries 6 MB of JSON; base64 makes four bytes of three, and the headers need some.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_BODY_BYTES_MAX: Final = (6 * 1024 * 1024 - 16 * 1024) * 3 // 4
_CODE_TOO_LARGE: Final = 413
# Where there is no context there is no deadline: longer than any function runs.
_NO_DEADLINE_MS: Final = 24 * 60 * 60 * 1000


class LambdaAnswer:
    """One answer, which names the SDK as every answer does."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = {"content-type": content_type, "x-restate-server": SDK_VERSION, **(headers or {})}

    @classmethod
    def of_text(cls, status: int, text: str) -> LambdaAnswer:
        """Return an answer for people."""
        return cls(status, text.encode(), "text/plain")

    @classmethod
    def of_frames(cls, frames: Sequence[bytes], media_type: str, headers: Mapping[str, str]) -> LambdaAnswer:
        """Return an attempt's answer; one that Lambda would not carry becomes an error that says so."""
        body = b"".join(frames)
        if len(body) > _BODY_BYTES_MAX:
            body = _too_large(len(body))
        return cls(200, body, media_type, headers)

    def envelope(self) -> dict[str, Any]:
        """Return what the function returns."""
        return response_envelope(status=self.status, headers=self.headers, body=self.body)


def remaining_ms_of(context: Any) -> Callable[[], int]:
    """Return how to ask a Lambda context for the time left, in milliseconds."""
    ask: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    return ask if ask is not None else lambda: _NO_DEADLINE_MS


def _too_large(size: int) -> bytes:
    from holdfast_protocol.messages import encode
    from holdfast_protocol.schema_pb2 import Error

    return encode(
        Error(
            code=_CODE_TOO_LARGE,
            message=(
                f"The attempt's answer has {size} bytes, and Lambda carries {_BODY_BYTES_MAX}: let steps and handlers"
                " return less, and keep what is large in a bucket."
            ),
        )
    )
