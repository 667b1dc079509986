"""Credentials: from the environment, or from the address it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from holdfast._dynamo_credentials import CredentialSource, NoCredentials
from holdfast._dynamo_signing import Credentials
from tests.support.scripted_server import Play, ScriptedServer, answer, hang_up, raw, scripted_server

NOW_S = 1_785_000_000.0


def _content(number: int, *, valid_s: float) -> dict[str, str]:
    ends_at = datetime.fromtimestamp(NOW_S + valid_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": f"ASIA{number}", "SecretAccessKey": "secret", "Token": "token", "Expiration": ends_at}


@contextmanager
def serving(*script: Play) -> Iterator[tuple[ScriptedServer, CredentialSource]]:
    with scripted_server(*script) as server:
        uri = f"{server.url}/2021-08-23/credentials?x=1"
        yield (
            server,
            CredentialSource(
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me"}
            ),
        )


def test_the_environment_is_read_each_time() -> None:
    """Credentials that are replaced in the environment are the next ones."""
    environ = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "one", "AWS_SESSION_TOKEN": "token"}
    source = CredentialSource(environ)
    assert source.get(now_s=NOW_S) == Credentials(key_id="ASIA1", secret="one", session_token="token")
    environ |= {"AWS_ACCESS_KEY_ID": "AKIA2", "AWS_SECRET_ACCESS_KEY": "two", "AWS_SESSION_TOKEN": ""}
    assert source.get(now_s=NOW_S) == Credentials(key_id="AKIA2", secret="two", session_token=None)


def test_a_restored_function_asks_an_address() -> None:
    """Behind SnapStart the credentials come from an address, with the key to it, and are kept until they nearly end."""
    with serving(answer(200, _content(1, valid_s=3600)), answer(200, _content(2, valid_s=7200))) as (server, source):
        assert source.get(now_s=NOW_S).key_id == "ASIA1"
        assert source.get(now_s=NOW_S + 3200).key_id == "ASIA1"
        assert source.get(now_s=NOW_S + 3400).key_id == "ASIA2"
        assert [received.head for received in server.received] == ["GET /2021-08-23/credentials?x=1 HTTP/1.1"] * 2
        assert server.received[0].headers["authorization"] == "let me"


def test_refused_credentials_are_asked_for_again() -> None:
    """Credentials that the server refused are not used again."""
    with serving(answer(200, _content(1, valid_s=3600)), answer(200, _content(2, valid_s=3600))) as (_, source):
        assert source.get(now_s=NOW_S).key_id == "ASIA1"
        source.forget()
        assert source.get(now_s=NOW_S).key_id == "ASIA2"


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(answer(404, {}), id="404"),
        pytest.param(answer(200, []), id="no object"),
        pytest.param(answer(200, {"AccessKeyId": "A"}), id="half"),
        pytest.param(answer(200, {**_content(1, valid_s=1), "Expiration": "soon"}), id="no time"),
        pytest.param(answer(200, {**_content(1, valid_s=1), "Expiration": 7}), id="a number for a time"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{"), id="no JSON"),
        pytest.param(hang_up, id="hung up"),
    ],
)
def test_an_address_without_credentials(play: Play) -> None:
    """An address that gives none is an error of its own, whatever it does instead; the next time it is asked again."""
    with serving(play, answer(200, _content(1, valid_s=3600))) as (_, source):
        with pytest.raises(NoCredentials, match="gave none"):
            source.get(now_s=NOW_S)
        assert source.get(now_s=NOW_S).key_id == "ASIA1"


@pytest.mark.parametrize("uri", ["https://host/", "file:///etc/passwd", "nonsense"])
def test_other_addresses_are_not_asked(uri: str) -> None:
    """Credentials come over plain HTTP from beside the function, and from nowhere else."""
    with pytest.raises(NoCredentials, match="gave none"):
        CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}).get(now_s=NOW_S)


def test_a_function_without_credentials() -> None:
    """An environment without keys is an error that names them."""
    with pytest.raises(NoCredentials, match="AWS_ACCESS_KEY_ID"):
        CredentialSource({"AWS_ACCESS_KEY_ID": "A"}).get(now_s=NOW_S)
