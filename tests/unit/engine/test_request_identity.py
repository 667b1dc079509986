"""Signed requests: what the signer makes the SDK's verifier lets in, and nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from holdfast._identity import IdentityVerifier, NotAuthentic
from holdfast_engine.endpoints.identity import BadIdentityKey, RequestSigner, signed
from tests.support.attempts import NOW_MS, FixedClock

PATH = "/invoke/Greeter/greet"
NOW_S = NOW_MS / 1000


def _pem(key: Ed25519PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = RequestSigner(_pem(KEY), clock=FixedClock())


def test_a_signed_request_is_let_in() -> None:
    """An endpoint that trusts the public key answers, also when it trusts others as well."""
    other = RequestSigner(_pem(Ed25519PrivateKey.generate()), clock=FixedClock())
    for trusted in ([SIGNER.public_key], [other.public_key, SIGNER.public_key]):
        IdentityVerifier(trusted).verify(SIGNER.headers(PATH), PATH, NOW_S)


def test_the_public_key_is_written_as_sdks_take_it() -> None:
    """The public key has the prefix and the alphabet that SDKs expect."""
    assert SIGNER.public_key == "publickeyv1_FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"


@pytest.mark.parametrize(("path", "now_s"), [("/invoke/Greeter/other", NOW_S), (PATH, NOW_S + 61), (PATH, NOW_S - 61)])
def test_a_signature_is_for_one_path_and_one_time(path: str, now_s: float) -> None:
    """Headers that somebody recorded open no other path and no later minute."""
    with pytest.raises(NotAuthentic):
        IdentityVerifier([SIGNER.public_key]).verify(SIGNER.headers(PATH), path, now_s)


def test_without_a_signer_nothing_is_signed() -> None:
    """Both headers are left out, because SDKs refuse a scheme they do not know."""
    assert signed(None, PATH) == {}
    assert set(signed(SIGNER, PATH)) == {"x-restate-signature-scheme", "x-restate-jwt-v1"}


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"nonsense",
        _pem(KEY, BestAvailableEncryption(b"secret")),
        generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "nonsense", "password", "rsa"],
)
def test_another_key_is_refused(pem: bytes) -> None:
    """What is no unencrypted Ed25519 key says how to make one."""
    with pytest.raises(BadIdentityKey, match="openssl genpkey -algorithm ed25519"):
        RequestSigner(pem, clock=FixedClock())
