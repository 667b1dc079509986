"""Signatures: as AWS's own client makes them, for the time and the credentials they are for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from holdfast._dynamo_signing import Credentials, Signer

NOW_S = 1_785_000_000.0
BODY = json.dumps({"TableName": "journal", "Key": {"p": {"S": "inv_1"}}}).encode()
CREDENTIALS = Credentials(key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token=None)
IN_SESSION = Credentials(key_id="ASIAEXAMPLE", secret="secret", session_token="token/with+signs==")


def _signer() -> Signer:
    return Signer(host="dynamodb.eu-central-1.amazonaws.com", region="eu-central-1")


@pytest.mark.parametrize("credentials", [CREDENTIALS, IN_SESSION], ids=["user", "session"])
@pytest.mark.parametrize("host", ["dynamodb.eu-central-1.amazonaws.com", "127.0.0.1:8000"])
def test_botocore_signs_the_same(credentials: Credentials, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the same request, time and credentials, AWS's own signer comes to the same signature."""
    request = AWSRequest(
        method="POST",
        url=f"http://{host}/",
        data=BODY,
        headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.UpdateItem"},
    )
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(NOW_S, tz=UTC))
    theirs = BotoCredentials(credentials.key_id, credentials.secret, credentials.session_token)
    SigV4Auth(theirs, "dynamodb", "eu-central-1").add_auth(request)
    ours = Signer(host=host, region="eu-central-1").headers("UpdateItem", BODY, credentials=credentials, now_s=NOW_S)
    assert request.headers["X-Amz-Date"] == ours["x-amz-date"]
    assert request.headers["Authorization"] == ours["authorization"]


def test_a_session_is_part_of_what_is_signed() -> None:
    """A session's token is sent and signed; without a session there is none."""
    headers = _signer().headers("UpdateItem", BODY, credentials=IN_SESSION, now_s=NOW_S)
    assert headers["x-amz-security-token"] == IN_SESSION.session_token
    assert "x-amz-security-token" in headers["authorization"]
    plain = _signer().headers("UpdateItem", BODY, credentials=CREDENTIALS, now_s=NOW_S)
    assert "x-amz-security-token" not in str(plain)


def test_the_key_follows_day_and_secret() -> None:
    """A signer that has signed signs like a new one, on another day and after a rotation of the secret as well."""
    used = _signer()
    for credentials in (CREDENTIALS, IN_SESSION):
        for now_s in (NOW_S, NOW_S + 86_400):
            headers = used.headers("UpdateItem", BODY, credentials=credentials, now_s=now_s)
            assert headers == _signer().headers("UpdateItem", BODY, credentials=credentials, now_s=now_s)


def test_secrets_are_not_shown() -> None:
    """Neither the secret nor the session token gets into a log by way of the record."""
    shown = repr(IN_SESSION)
    assert "ASIAEXAMPLE" in shown
    assert "secret'" not in shown
    assert "token/" not in shown
