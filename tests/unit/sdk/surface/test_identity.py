"""Request identity: who is let in, and that everybody else is turned away for a reason."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import holdfast
from holdfast._identity import IdentityVerifier, NotAuthentic, signed_path

NOW_S = 1_800_000_000
PATH = "/invoke/Greeter/greet"
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(raw: bytes) -> str:
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


KEY = "publickeyv1_" + _base58(PRIVATE_KEY.public_key().public_bytes_raw())
CLAIMS = {"aud": PATH, "nbf": NOW_S - 60, "iat": NOW_S, "exp": NOW_S + 60}


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _headers(
    claims: Mapping[str, Any], *, kid: str = KEY, alg: str = "EdDSA", signer: Ed25519PrivateKey = PRIVATE_KEY
) -> dict[str, str]:
    signed = f"{_part({'typ': 'JWT', 'alg': alg, 'kid': kid})}.{_part(claims)}"
    return {
        "x-restate-signature-scheme": "v1",
        "x-restate-jwt-v1": f"{signed}.{_part(signer.sign(signed.encode()))}",
    }


VERIFIER = IdentityVerifier(["publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f", KEY])


@pytest.mark.parametrize("path", [PATH, "/mounted/below" + PATH])
def test_a_signed_request_is_let_in(path: str) -> None:
    """A token of a trusted key for this path and time is enough, whatever the endpoint is mounted under."""
    VERIFIER.verify(_headers(CLAIMS), path, NOW_S)


def test_without_keys_everybody_is_let_in() -> None:
    """An endpoint that names no keys checks nothing."""
    IdentityVerifier([]).verify({}, PATH)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-restate-signature-scheme": "unsigned"},
        {"x-restate-signature-scheme": "v1"},
        {"x-restate-signature-scheme": "v1", "x-restate-jwt-v1": "a.b"},
        {"x-restate-signature-scheme": "v1", "x-restate-jwt-v1": "a.b.c"},
        {"x-restate-signature-scheme": "v1", "x-restate-jwt-v1": f"{_part([])}.{_part({})}.{_part(b'')}"},
        _headers(CLAIMS, kid="publickeyv1_unknown"),
        _headers(CLAIMS, alg="none"),
        _headers(CLAIMS, signer=Ed25519PrivateKey.generate()),
        _headers({**CLAIMS, "aud": "/invoke/Greeter/other"}),
        _headers({**CLAIMS, "aud": "/discover"}),
        _headers({**CLAIMS, "exp": NOW_S - 1}),
        _headers({**CLAIMS, "nbf": NOW_S + 1}),
        _headers({**CLAIMS, "nbf": True}),
        _headers({key: value for key, value in CLAIMS.items() if key != "iat"}),
        _headers({key: value for key, value in CLAIMS.items() if key != "exp"}),
    ],
    ids=lambda headers: str(len(str(headers))),
)
def test_everybody_else_is_turned_away(headers: dict[str, str]) -> None:
    """No token, a malformed one, a foreign key, another path or another time: not authentic."""
    with pytest.raises(NotAuthentic):
        VERIFIER.verify(headers, PATH, NOW_S)


def test_a_changed_claim_breaks_the_signature() -> None:
    """The signature covers the claims, so changing one is noticed."""
    headers = _headers({**CLAIMS, "aud": "/invoke/Greeter/other"})
    header, _, signature = headers["x-restate-jwt-v1"].split(".")
    with pytest.raises(NotAuthentic, match="signature does not match"):
        VERIFIER.verify({**headers, "x-restate-jwt-v1": f"{header}.{_part(CLAIMS)}.{signature}"}, PATH, NOW_S)


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("/discover", "/discover"),
        ("/a/b/discover", "/discover"),
        ("/invoke/S/h", "/invoke/S/h"),
        ("/a/invoke/S/h", "/invoke/S/h"),
        ("/other", "/other"),
    ],
)
def test_the_mount_point_is_not_signed(path: str, signed: str) -> None:
    """What is compared with the token is the path without what the endpoint is mounted under."""
    assert signed_path(path) == signed


@pytest.mark.parametrize(
    "key", ["", "publickeyv1_", "publickeyv1_0OIl", "publickeyv1_abc", "w7YHemBctH5Ck2nQRQ47iBBqhNHy"]
)
def test_a_malformed_key_is_refused_at_definition(key: str) -> None:
    """A key that is none is named when the application is made, not when a request arrives."""
    with pytest.raises(holdfast.DefinitionError, match="is not an identity key"):
        holdfast.app([], identity_keys=[key])


def test_the_crypto_library_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys without the library they need say which extra to install."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(holdfast.DefinitionError, match=r"extra \[identity\]"):
        IdentityVerifier([KEY])
