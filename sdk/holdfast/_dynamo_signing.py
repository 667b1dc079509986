"""Signature version 4, as far as a POST to DynamoDB needs it: what is signed, by which key, for which time."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Final

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "dynamodb"
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_TARGET_PREFIX: Final = "DynamoDB_20120810."


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Who asks. The secret and the session token stay out of every text."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(repr=False)


class Signer:
    """Signs requests to one host of one region; the key of a day is derived once for each secret."""

    __slots__ = ("_host", "_key", "_key_of", "_region")

    def __init__(self, *, host: str, region: str) -> None:
        self._host = host
        self._region = region
        self._key_of: tuple[str, str] | None = None
        self._key = b""

    def headers(self, operation: str, body: bytes, *, credentials: Credentials, now_s: float) -> dict[str, str]:
        """Return the headers of a request for one operation, signed for that time."""
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        headers = {"content-type": _CONTENT_TYPE, "host": self._host, "x-amz-date": at}
        if credentials.session_token is not None:
            headers["x-amz-security-token"] = credentials.session_token
        headers["x-amz-target"] = _TARGET_PREFIX + operation
        # The names were added in their alphabetical order, which is the order they are signed in.
        names = ";".join(headers)
        lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        day = at[:8]
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        text = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key_for(credentials.secret, day), text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _key_for(self, secret: str, day: str) -> bytes:
        if self._key_of != (secret, day):
            key = ("AWS4" + secret).encode()
            for part in (day, self._region, _SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key_of, self._key = (secret, day), key
        return self._key
