"""Request identity: whether a request was signed by the server that this endpoint trusts."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from holdfast.errors import DefinitionError, HoldfastError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_KEY_PREFIX = "publickeyv1_"
_KEY_BYTES = 32
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SCHEME = "v1"
_SCHEME_HEADER = "x-restate-signature-scheme"
_TOKEN_HEADER = "x-restate-jwt-v1"


class NotAuthentic(HoldfastError):
    """A request is not signed, or not by a trusted key, or not for this path and time."""


class IdentityVerifier:
    """Checks requests against the public keys of trusted servers; the token covers path and time, not the body."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Read the keys.

        Raises:
            DefinitionError: a key is malformed, or the `cryptography` package is missing.
        """
        self._key_by_id: dict[str, Ed25519PublicKey] = {key: _public_key(key) for key in keys}

    def verify(self, headers: Mapping[str, str], path: str, now_s: float | None = None) -> None:
        """Check one request; without any keys everything is authentic.

        Raises:
            NotAuthentic: it is not to be answered.
        """
        if not self._key_by_id:
            return
        if headers.get(_SCHEME_HEADER) != _SCHEME:
            raise NotAuthentic(f"The request is not signed with scheme {_SCHEME}.")
        claims = self._claims(headers.get(_TOKEN_HEADER, ""))
        _check_claims(claims, path, time.time() if now_s is None else now_s)

    def _claims(self, token: str) -> dict[str, Any]:
        from cryptography.exceptions import InvalidSignature

        try:
            header_part, claims_part, signature_part = token.split(".")
            header, claims = _json_part(header_part), _json_part(claims_part)
            signature = _decode_part(signature_part)
        except ValueError as error:
            raise NotAuthentic("The request's token is malformed.") from error
        key = self._key_by_id.get(str(header.get("kid")))
        if header.get("alg") != "EdDSA" or key is None:
            raise NotAuthentic("The request is signed by a key that is not trusted here.")
        try:
            key.verify(signature, f"{header_part}.{claims_part}".encode())
        except InvalidSignature as error:
            raise NotAuthentic("The request's signature does not match.") from error
        return claims


def _check_claims(claims: Mapping[str, Any], path: str, now_s: float) -> None:
    times = [claims.get(name) for name in ("nbf", "exp", "iat")]
    if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in times):
        raise NotAuthentic("The request's token does not say for which time it is.")
    if claims.get("aud") != signed_path(path):
        raise NotAuthentic("The request's token is for another path.")
    if not claims["nbf"] <= now_s <= claims["exp"]:
        raise NotAuthentic("The request's token is for another time.")


def signed_path(path: str) -> str:
    """Return the part of a path that is signed: what the endpoint is mounted under is not."""
    if path.endswith("/discover"):
        return "/discover"
    parts = path.rsplit("/", 3)
    return "/" + "/".join(parts[1:]) if len(parts) == 4 and parts[1] == "invoke" else path


def _public_key(key: str) -> Ed25519PublicKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise DefinitionError(
            "identity_keys need the cryptography package; install holdfast with the extra [identity]."
        ) from error
    raw = _base58(key.removeprefix(_KEY_PREFIX)) if key.startswith(_KEY_PREFIX) else None
    if raw is None or len(raw) != _KEY_BYTES:
        raise DefinitionError(f"{key!r} is not an identity key; it looks like {_KEY_PREFIX}w7YHemBctH5Ck2….")
    return Ed25519PublicKey.from_public_bytes(raw)


def _base58(text: str) -> bytes | None:
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    leading_zeros = len(text) - len(text.lstrip("1"))
    return bytes(leading_zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _decode_part(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _json_part(part: str) -> dict[str, Any]:
    value = json.loads(_decode_part(part))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
