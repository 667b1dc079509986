"""Where a Lambda function's credentials come from: its environment, or, after SnapStart, the address named there."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from holdfast._dynamo_signing import Credentials

_TIMEOUT_S: Final = 2.0
# Credentials are asked for again before they end: a request signed now may be tried for a while.
_REFRESH_BEFORE_S: Final = 300.0
# The answer is some hundred bytes.
_ANSWER_BYTES_MAX: Final = 64 * 1024


class NoCredentials(Exception):
    """The function has no credentials, or cannot get at them."""


class CredentialSource:
    """Reads the environment anew each time; what comes from an address is kept until shortly before it ends.

    A function restored from a SnapStart snapshot has no keys in its environment: they would be as old as the snapshot.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._fetched: Credentials | None = None
        self._fresh_until_s = 0.0

    def get(self, *, now_s: float) -> Credentials:
        """Return the credentials to sign with now.

        Raises:
            NoCredentials: there are none.
        """
        environ = self._environ
        uri = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if uri:
            return self._from_address(uri, environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""), now_s)
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if not key_id or not secret:
            raise NoCredentials("the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        return Credentials(key_id=key_id, secret=secret, session_token=environ.get("AWS_SESSION_TOKEN") or None)

    def forget(self) -> None:
        """Do not use what was fetched again: it was refused."""
        self._fetched = None

    def _from_address(self, uri: str, authorization: str, now_s: float) -> Credentials:
        if self._fetched is None or now_s >= self._fresh_until_s:
            try:
                answer = _fetch(uri, authorization)
                self._fetched = Credentials(
                    key_id=answer["AccessKeyId"], secret=answer["SecretAccessKey"], session_token=answer["Token"]
                )
                ends_s = datetime.fromisoformat(answer["Expiration"]).timestamp()
            except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
                self._fetched = None
                raise NoCredentials(f"the address that has this function's credentials gave none: {error!r}") from error
            self._fresh_until_s = ends_s - _REFRESH_BEFORE_S
        return self._fetched


def _fetch(uri: str, authorization: str) -> Mapping[str, Any]:
    parts = urlsplit(uri)
    if parts.scheme != "http" or parts.hostname is None:
        raise ValueError("the address is not of the form http://host:port/path")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"authorization": authorization})
        response = connection.getresponse()
        body = response.read(_ANSWER_BYTES_MAX)
    finally:
        connection.close()
    if response.status != 200:
        raise ValueError(f"status {response.status}")
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise TypeError("the answer is not an object")
    return answer
