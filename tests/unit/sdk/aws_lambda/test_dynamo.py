"""The least client of DynamoDB: what counts as an outcome, what is tried again, and what it says when it gives up."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast import _dynamo
from holdfast._dynamo import DynamoClient, Refused, Undecided
from holdfast._dynamo_credentials import CredentialSource
from holdfast._dynamo_http import Address
from tests.support.scripted_server import (
    Play,
    ScriptedServer,
    answer,
    break_off,
    error,
    hang_up,
    raw,
    reset,
    say_nothing,
    scripted_server,
)

UPDATE = {"TableName": "journal", "Key": {"p": {"S": "inv_1"}, "s": {"S": "h"}}}
ITEM = {"p": {"S": "inv_1"}, "n": {"N": "2"}}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


@dataclass
class Driven:
    """A client, the server it talks to, and how long it would have paused."""

    server: ScriptedServer
    environ: dict[str, str] = field(default_factory=lambda: dict(CREDENTIALS))
    pauses: list[float] = field(default_factory=list)
    now_s: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        address = Address.of("eu-central-1", {"AWS_ENDPOINT_URL": self.server.url})
        source = CredentialSource(self.environ)
        self.client = DynamoClient(address, source, sleep=self.pauses.append, now_s=lambda: self.now_s())

    def update(self, budget_s: float = 5.0) -> Refused | None:
        return self.client.update_item(UPDATE, budget_s=budget_s)

    @property
    def connections(self) -> list[int]:
        return [received.connection for received in self.server.received]


@contextmanager
def playing(*script: Play) -> Iterator[Driven]:
    with scripted_server(*script) as server:
        driven = Driven(server)
        try:
            yield driven
        finally:
            driven.client.close()


def test_a_request_is_what_dynamodb_wants() -> None:
    """An update is one signed POST with the whole request in it."""
    with playing(answer()) as driven:
        assert driven.update() is None
        (received,) = driven.server.received
        assert received.head == "POST / HTTP/1.1"
        assert received.content == UPDATE
        assert received.headers["x-amz-target"] == "DynamoDB_20120810.UpdateItem"
        assert received.headers["content-type"] == "application/x-amz-json-1.0"
        assert received.headers["x-amz-security-token"] == "token"
        assert received.headers["host"] == driven.server.url.removeprefix("http://")
        assert "/eu-central-1/dynamodb/aws4_request" in received.headers["authorization"]


def test_connections_are_kept() -> None:
    """Updates that follow one another go over one connection."""
    with playing(answer()) as driven:
        for _ in range(3):
            driven.update()
        assert driven.connections == [1, 1, 1]


def test_a_refused_condition_is_an_outcome() -> None:
    """A condition that does not hold is told with the item as it is, and is never tried again."""
    with playing(error("ConditionalCheckFailedException", item=ITEM)) as driven:
        assert driven.update() == Refused(item=ITEM, is_repeat=False)
        assert len(driven.server.received) == 1


def test_a_refusal_may_come_without_an_item() -> None:
    """Where there is no item, none is told."""
    with playing(error("ConditionalCheckFailedException")) as driven:
        assert driven.update() == Refused(item=None, is_repeat=False)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(error("ThrottlingException"), id="throttled"),
        pytest.param(error("ProvisionedThroughputExceededException"), id="throughput"),
        pytest.param(error("RequestLimitExceeded"), id="request limit"),
        pytest.param(error("TransactionConflictException"), id="transaction"),
        pytest.param(error("InternalServerError", status=500), id="500"),
        pytest.param(answer(503, "no JSON object"), id="503"),
        pytest.param(hang_up, id="hung up"),
        pytest.param(reset, id="reset"),
        pytest.param(break_off, id="broken off"),
        pytest.param(answer(200, x_amz_crc32="1"), id="damaged"),
        pytest.param(answer(200, x_amz_crc32="none"), id="without a number for a checksum"),
        pytest.param(raw(b"SMTP ready\r\n\r\n"), id="another protocol"),
    ],
)
def test_what_passes_is_tried_again(trouble: Play) -> None:
    """Trouble that may pass is not told: the same update is signed and sent until it is decided."""
    with playing(trouble, trouble, answer()) as driven:
        assert driven.update() is None
        first, second, third = driven.server.received
        assert first.body == second.body == third.body
        assert len(driven.pauses) == 2


def test_pauses_grow_and_are_random() -> None:
    """No two clients that were refused together come back together."""
    with (
        playing(*[error("ThrottlingException")] * 8, answer()) as driven,
        playing(*[error("ThrottlingException")] * 8, answer()) as other,
    ):
        for each in (driven, other):
            each.update()
            bounds = [min(1.0, 0.025 * 2**number) for number in range(8)]
            assert all(0 <= pause <= bound for pause, bound in zip(each.pauses, bounds, strict=True))
        assert driven.pauses != other.pauses


def test_tries_are_bounded() -> None:
    """An update that nobody ever decides is given up, with the last word of the server."""
    with playing(error("ThrottlingException")) as driven:
        with pytest.raises(Undecided, match=r"400 ThrottlingException \(request REQUEST\): said so") as raised:
            driven.update(budget_s=1000.0)
        assert raised.value.is_certain
        assert len(driven.server.received) == 20


def test_no_try_begins_behind_the_budget() -> None:
    """With no time left nothing is sent, and that is certain."""
    with playing(answer()) as driven:
        with pytest.raises(Undecided) as raised:
            driven.update(budget_s=0.0)
        assert raised.value.is_certain
        assert not driven.server.received


@pytest.mark.parametrize(
    ("trouble", "is_certain"),
    [
        pytest.param(error("ThrottlingException"), True, id="throttled"),
        pytest.param(error("InternalServerError", status=500), False, id="500"),
        pytest.param(hang_up, False, id="hung up"),
        pytest.param(break_off, False, id="broken off"),
        pytest.param(answer(200, x_amz_crc32="1"), False, id="damaged"),
    ],
)
def test_it_is_said_whether_it_may_have_taken_effect(trouble: Play, is_certain: bool) -> None:
    """Who gives an update up knows whether it is certain that nothing was written."""
    with playing(trouble) as driven:
        with pytest.raises(Undecided) as raised:
            driven.update()
        assert raised.value.is_certain is is_certain


def test_once_uncertain_always_uncertain() -> None:
    """A refusal for good behind a lost answer does not say what became of the lost one."""
    with playing(hang_up, error("ValidationException")) as driven:
        with pytest.raises(Undecided, match="ValidationException") as raised:
            driven.update()
        assert not raised.value.is_certain


def test_nobody_there_is_certain() -> None:
    """Where no connection can be made, nothing was written."""
    with playing(answer()) as driven:
        pass
    with pytest.raises(Undecided, match="Refused") as raised:
        driven.update()
    assert raised.value.is_certain


@pytest.mark.parametrize(
    "name", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException", "SerializationException"]
)
def test_what_does_not_pass_is_not_tried_again(name: str) -> None:
    """An update that is wrong in itself is sent once."""
    with playing(error(name)) as driven:
        with pytest.raises(Undecided, match=name):
            driven.update()
        assert len(driven.server.received) == 1


def test_redirects_are_not_followed() -> None:
    """A signed request goes to the address it was signed for and nowhere else."""
    with playing(answer(307, location="http://127.0.0.1:1/")) as driven:
        with pytest.raises(Undecided, match="307"):
            driven.update()
        assert len(driven.server.received) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begins_at = datetime.now(tz=UTC) - timedelta(days=1)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins_at)
        .not_valid_after(begins_at + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(pem) + private)
    return path


@pytest.mark.parametrize("is_trusted", [True, False])
def test_certificates_are_verified(certificate: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool) -> None:
    """A server is talked to over TLS if this machine trusts its certificate; to others nothing is sent."""
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with scripted_server(answer(), tls=tls) as server:
        driven = Driven(server)
        if is_trusted:
            assert driven.update() is None
        else:
            with pytest.raises(Undecided, match="CERTIFICATE_VERIFY_FAILED") as raised:
                driven.update(budget_s=0.5)
            assert raised.value.is_certain
        driven.client.close()
        assert len(server.received) == int(is_trusted)


def test_a_connection_that_does_not_come_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting has a time limit of its own, and what was never connected was never sent."""
    limits_s: list[float] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        limits_s.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr("holdfast._dynamo_http.socket.create_connection", connect)
    with scripted_server(answer()) as server, pytest.raises(Undecided, match="timed out") as raised:
        Driven(server).update()
    assert raised.value.is_certain
    assert max(limits_s) == _dynamo.CONNECT_S_MAX
    assert len(limits_s) > 1


def test_a_silent_server_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come is waited for only so long; what became of the update is then found out."""
    monkeypatch.setattr(_dynamo, "READ_S_MAX", 0.1)
    with playing(say_nothing, error("ConditionalCheckFailedException", item=ITEM)) as driven:
        assert driven.update() == Refused(item=ITEM, is_repeat=True)
        assert driven.connections == [1, 2]


def test_a_dead_connection_is_replaced_at_once() -> None:
    """A kept connection that turns out dead costs no pause: it died while the function was frozen."""
    with playing(answer(), hang_up, answer()) as driven:
        driven.update()
        assert driven.update() is None
        assert driven.connections == [1, 1, 2]
        assert not driven.pauses


def test_a_new_connection_that_dies_costs_a_pause() -> None:
    """Only the first dead connection is excused."""
    with playing(answer(), hang_up, hang_up, answer()) as driven:
        driven.update()
        driven.update()
        assert len(driven.pauses) == 1


def test_idle_connections_are_not_trusted() -> None:
    """Behind a freeze, or a clock that was set back, a new connection is made without trying the old one."""
    with playing(answer()) as driven:
        for at_s in (1_000.0, 1_004.0, 1_010.0, 900.0):
            driven.now_s = partial(float, at_s)
            driven.update()
        assert driven.connections == [1, 1, 2, 3]


def test_a_server_that_closes_is_believed() -> None:
    """Where the answer says that the connection ends, the next update makes a new one."""
    with playing(answer(connection="close")) as driven:
        driven.update()
        driven.update()
        assert driven.connections == [1, 2]


@pytest.mark.parametrize("name", ["RequestTimeTooSkewed", "InvalidSignatureException", "RequestExpired"])
def test_a_wrong_clock_is_set_by_the_servers(name: str) -> None:
    """A request signed for another time is signed again for the server's, at once and for good."""
    with playing(error(name, date_s=2_000_000_000), answer()) as driven:
        driven.now_s = lambda: 1_999_990_000.0
        assert driven.update() is None
        driven.update()
        signed_at = [received.headers["x-amz-date"] for received in driven.server.received]
        assert signed_at == ["20330518T004640Z", "20330518T033320Z", "20330518T033320Z"]
        assert not driven.pauses


def test_a_clock_is_set_once() -> None:
    """A signature that is wrong by any clock is not tried for ever."""
    with playing(error("InvalidSignatureException")) as driven:
        with pytest.raises(Undecided, match="InvalidSignatureException"):
            driven.update()
        assert len(driven.server.received) == 2


def test_a_server_without_a_clock_sets_none() -> None:
    """Where the answer has no date, there is nothing to set the clock by."""
    with playing(error("RequestTimeTooSkewed", date="today")) as driven:
        with pytest.raises(Undecided, match="RequestTimeTooSkewed"):
            driven.update()
        assert len(driven.server.received) == 1


def test_credentials_that_have_ended_are_read_anew() -> None:
    """New credentials in the environment are used for the next try, once."""
    with playing(error("ExpiredTokenException"), answer()) as driven:
        signer = driven.client.renew_credentials

        def renew() -> None:
            driven.environ["AWS_ACCESS_KEY_ID"] = "ASIA2"
            signer()

        driven.client.renew_credentials = renew  # type: ignore[method-assign]  # rotates them at that very moment
        assert driven.update() is None
        who = [received.headers["authorization"].split("/")[0] for received in driven.server.received]
        assert who == ["AWS4-HMAC-SHA256 Credential=ASIA1", "AWS4-HMAC-SHA256 Credential=ASIA2"]


def test_credentials_that_stay_ended_are_an_end() -> None:
    """A function that has lost its role says so after the second try."""
    with playing(error("UnrecognizedClientException")) as driven:
        with pytest.raises(Undecided, match="UnrecognizedClientException"):
            driven.update()
        assert len(driven.server.received) == 2


def test_without_credentials_nothing_is_sent() -> None:
    """A function without credentials is told what is missing."""
    with playing(answer()) as driven:
        del driven.environ["AWS_SECRET_ACCESS_KEY"]
        with pytest.raises(Undecided, match="AWS_SECRET_ACCESS_KEY") as raised:
            driven.update()
        assert raised.value.is_certain
        assert not driven.server.received


def test_an_error_may_have_any_form() -> None:
    """Answers that are no error of DynamoDB's are errors all the same."""
    contents: list[object] = [[], {"__type": None}, "text"]
    for content in contents:
        with playing(answer(400, content)) as driven, pytest.raises(Undecided, match="DynamoDB answered 400"):
            driven.update()


@pytest.mark.parametrize(
    ("region", "environ", "address"),
    [
        ("eu-central-1", {}, (True, "dynamodb.eu-central-1.amazonaws.com", 443, "dynamodb.eu-central-1.amazonaws.com")),
        ("cn-north-1", {}, (True, "dynamodb.cn-north-1.amazonaws.com.cn", 443, "dynamodb.cn-north-1.amazonaws.com.cn")),
        ("x", {"AWS_ENDPOINT_URL": "http://localhost:4566"}, (False, "localhost", 4566, "localhost:4566")),
        ("x", {"AWS_ENDPOINT_URL": "http://[::1]:1"}, (False, "::1", 1, "[::1]:1")),
        (
            "x",
            {"AWS_ENDPOINT_URL": "http://other", "AWS_ENDPOINT_URL_DYNAMODB": "https://host/"},
            (True, "host", 443, "host"),
        ),
    ],
)
def test_where_dynamodb_is(region: str, environ: dict[str, str], address: tuple[bool, str, int, str]) -> None:
    """The environment may name another address, as for every client of AWS."""
    found = Address.of(region, environ)
    assert (found.is_tls, found.host, found.port, found.host_header) == address


@pytest.mark.parametrize("url", ["localhost:4566", "ftp://host", "https://", "https://host/path"])
def test_other_addresses_are_refused(url: str) -> None:
    """An address that is none is an error that shows it."""
    with pytest.raises(ValueError, match="is no address of DynamoDB"):
        Address.of("x", {"AWS_ENDPOINT_URL": url})
