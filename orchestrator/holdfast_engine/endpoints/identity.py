"""Request identity: requests to endpoints are signed, so that handlers can tell their orchestrator from anybody else.

The token covers the path and the time, not the body. To change the key, let the endpoints trust the new public key as
well, then start the orchestrator with the new private one, then let them forget the old.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from holdfast_engine.ports import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_KEY_PREFIX = "publickeyv1_"
# Clocks may differ by this much; the SDKs allow for nothing themselves.
_VALID_S = 60


class BadIdentityKey(ValueError):
    """A private key cannot be used; the message is one sentence that says what would be."""


class RequestSigner:
    """Signs requests with one private key."""

    def __init__(self, pem: bytes, *, clock: Clock) -> None:
        """Read an Ed25519 private key.

        Raises:
            BadIdentityKey: It is none, or the cryptography package is missing.
        """
        self._key = _private_key(pem)
        self._clock = clock
        self.public_key = _KEY_PREFIX + _base58(self._key.public_key().public_bytes_raw())
        self._header = _part({"typ": "JWT", "alg": "EdDSA", "kid": self.public_key})

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers that sign a request, given its path without what the endpoint is mounted under."""
        now_s = self._clock.now_ms() // 1000
        claims = _part({"aud": path, "nbf": now_s - _VALID_S, "iat": now_s, "exp": now_s + _VALID_S})
        signed = f"{self._header}.{claims}"
        token = f"{signed}.{_encoded(self._key.sign(signed.encode()))}"
        return {"x-restate-signature-scheme": "v1", "x-restate-jwt-v1": token}


def signed(signer: RequestSigner | None, path: str) -> dict[str, str]:
    """Return the headers that sign a request; none when nobody signs."""
    return {} if signer is None else signer.headers(path)


def _private_key(pem: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise BadIdentityKey(
            "signing requests needs the cryptography package: install holdfast with the extra [identity]"
        ) from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise BadIdentityKey(
            f"it holds no private key in PEM without a password ({error});"
            " make one with: openssl genpkey -algorithm ed25519"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadIdentityKey("its key is not an Ed25519 key; make one with: openssl genpkey -algorithm ed25519")
    return key


def _base58(raw: bytes) -> str:
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return _ALPHABET[0] * (len(raw) - len(raw.lstrip(b"\0"))) + text


def _part(content: dict[str, object]) -> str:
    return _encoded(json.dumps(content, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
