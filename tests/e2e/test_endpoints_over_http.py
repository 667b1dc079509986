"""The HTTP invoker against real endpoints: official and own SDKs, under real servers, over both versions of HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from holdfast_endpoints.http_discovery import HttpDiscovery
from holdfast_endpoints.http_invoker import HttpInvoker
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.errors import DiscoveryFailed
from holdfast_protocol.messages import encode
from tests.e2e.endpoint_servers import KINDS, EndpointKind, EndpointProcess
from tests.support.attempts import FixedClock, attempt
from tests.support.drive import drive

# The exchange of section 4.3 of the protocol notes, as the official SDKs were seen to answer it.
GOLDEN_START = bytes.fromhex(
    "0000000000000025" + "0a18" + bytes(range(24)).hex() + "1205" + b"inv_x".hex() + "1801" + "2801"
)
GOLDEN_INPUT = bytes.fromhex("0400000000000005" + "72030a0131")
RUN = bytes.fromhex("0411000000000006" + "5801" + "62027330")
PROPOSE = bytes.fromhex("0005000000000005" + "0801720130")
PROPOSE_WANTING_ACK = bytes.fromhex("0005800000000005" + "0801720130")
SUSPENSION = bytes.fromhex("0001000000000006" + "0a0101" + "120101")
SUSPENSION_TREE = bytes.fromhex("000100000000000a" + "2208" + "0a0101" + "120101" + "2801")
AWAITING_ON = bytes.fromhex("0006")
GOLDEN_ANSWER_BY_VERSION = {
    5: [RUN, PROPOSE, SUSPENSION],
    6: [RUN, PROPOSE, SUSPENSION],
    7: [RUN, PROPOSE_WANTING_ACK, SUSPENSION_TREE],
}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointProcess]:
    """One running endpoint, shared by the tests of this module."""
    kind: EndpointKind = request.param
    process = EndpointProcess(kind, folder=tmp_path_factory.mktemp("endpoint"))
    process.start()
    yield process
    # Not kindly: the official SDKs finish attempts that nobody waits for any more, one of which takes 20 s.
    process.kill()


@pytest.fixture
async def pool() -> AsyncIterator[HttpPool]:
    """Connections that are closed after the test."""
    pool = HttpPool()
    yield pool
    await pool.close()


@pytest.fixture
def invoker(pool: HttpPool) -> HttpInvoker:
    """An invoker over these connections."""
    return HttpInvoker(pool, clock=FixedClock())


async def test_discovery_reads_the_manifest(endpoint: EndpointProcess, pool: HttpPool) -> None:
    """Every endpoint tells its services, its protocol versions and its SDK, whether it could stream or not."""
    manifest, sdk_version = await HttpDiscovery(pool).discover(endpoint.deployment.endpoint)
    kinds = {service.name: service.kind for service in manifest.services}
    assert kinds == {"Probe": "service", "Keyed": "object"}
    assert (manifest.min_protocol_version, manifest.max_protocol_version) == (5, 7)
    assert manifest.protocol_mode == endpoint.kind.mode
    assert (sdk_version or "").startswith(endpoint.kind.sdk_version)


@pytest.mark.parametrize("version", sorted(GOLDEN_ANSWER_BY_VERSION))
async def test_the_golden_exchange(endpoint: EndpointProcess, invoker: HttpInvoker, version: int) -> None:
    """One awaited run gives, byte for byte, the frames that the official SDKs are known to answer."""
    request = attempt(service="Probe", handler="one_run", version=version)
    assert encode(request.start) + b"".join(request.entries) == GOLDEN_START + GOLDEN_INPUT
    answer = await invoker.invoke(endpoint.deployment, request, checkpoint=None, timeout_ms=10_000)
    assert answer.failure is None
    # From V7 on an SDK that has not yet seen the end of its input tells what it awaits, as often as it looks.
    told = [frame for frame in answer.frames if not (version == 7 and frame.startswith(AWAITING_ON))]
    assert [frame.hex() for frame in told] == [frame.hex() for frame in GOLDEN_ANSWER_BY_VERSION[version]]


async def test_runs_one_after_the_other_take_an_attempt_each(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """Four awaited runs take five attempts over a growing journal, and the result adds up."""
    driven = await drive(invoker, endpoint.deployment, "steps", b"4")
    assert driven.output is not None
    assert (driven.output.value.content, driven.attempts) == (b"6", 5)


async def test_large_bodies_pass_both_ways(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """Megabytes, far beyond any window or buffer, arrive whole in both directions."""
    payload = json.dumps("0123456789abcdef" * 250_000).encode()
    driven = await drive(invoker, endpoint.deployment, "echo", payload)
    assert driven.output is not None
    assert driven.output.value.content == payload


async def test_many_attempts_at_once_share_the_endpoint(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """More attempts at once than one connection carries all come through, each with its own answer."""
    calls = [drive(invoker, endpoint.deployment, "echo", json.dumps(f"n{number}").encode()) for number in range(130)]
    outputs = [driven.output for driven in await asyncio.gather(*calls)]
    assert [json.loads(output.value.content) for output in outputs if output] == [f"n{n}" for n in range(130)]


async def test_a_key_reaches_the_handler(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """A key with characters that no header could carry arrives as it is."""
    key = "a/b ?ü\n"
    driven = await drive(invoker, endpoint.deployment, "who", b"", service="Keyed", key=key)
    assert driven.output is not None
    assert json.loads(driven.output.value.content) == key


async def test_a_handler_that_raises_ends_its_attempt_with_an_error(
    endpoint: EndpointProcess, invoker: HttpInvoker
) -> None:
    """An exception of user code is an Error frame in a good answer, not a failure of the transport."""
    driven = await drive(invoker, endpoint.deployment, "boom", b"")
    assert driven.error is not None
    assert driven.error.code == 500
    assert "no luck" in driven.error.message


async def test_a_terminal_error_is_the_outcome(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """A terminal error of user code is the invocation's output, with its code and message."""
    driven = await drive(invoker, endpoint.deployment, "refuse", b"")
    assert driven.output is not None
    assert (driven.output.failure.code, driven.output.failure.message) == (409, "not today")


async def test_an_unknown_handler_does_not_count(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """A handler that the endpoint does not serve is its 404, and no user code was reached."""
    request = attempt(service="Probe", handler="nobody")
    answer = await invoker.invoke(endpoint.deployment, request, checkpoint=None, timeout_ms=10_000)
    assert answer.failure is not None
    assert (answer.failure.code, answer.failure.is_counted) == (404, False)
    assert "does not serve the handler" in answer.failure.message


async def test_a_version_the_sdk_does_not_speak_is_a_failure(endpoint: EndpointProcess, invoker: HttpInvoker) -> None:
    """A protocol version from the future is refused by every SDK in its way, and never raises here."""
    request = attempt(service="Probe", handler="one_run", version=99)
    answer = await invoker.invoke(endpoint.deployment, request, checkpoint=None, timeout_ms=10_000)
    assert answer.failure is not None
    assert endpoint.uri in answer.failure.message


async def test_a_slow_handler_is_given_up_and_the_next_is_served(
    endpoint: EndpointProcess, invoker: HttpInvoker
) -> None:
    """An attempt beyond its timeout fails; attempts before, beside and after it on the same endpoint succeed."""
    request = attempt(service="Probe", handler="hang", payload=b"20000")
    await drive(invoker, endpoint.deployment, "steps", b"1")
    beside = asyncio.create_task(drive(invoker, endpoint.deployment, "hang", b"600"))
    answer = await invoker.invoke(endpoint.deployment, request, checkpoint=None, timeout_ms=200)
    assert answer.failure is not None
    assert (answer.failure.code, answer.failure.rt_code) == (504, "RT0001")
    after = await drive(invoker, endpoint.deployment, "steps", b"2")
    assert after.output is not None
    assert (await beside).output is not None


async def test_the_wrong_version_of_http_is_explained(endpoint: EndpointProcess, pool: HttpPool) -> None:
    """An endpoint registered for a version of HTTP that it lacks is refused with a sentence on how to register it."""
    if endpoint.kind.server == "hypercorn":
        # It speaks both, so there is no wrong version.
        return
    wrong = replace(endpoint.deployment.endpoint, use_http_11=not endpoint.kind.use_http_11)
    with pytest.raises(DiscoveryFailed, match=f"{endpoint.uri}.* use_http_11"):
        await HttpDiscovery(pool).discover(wrong)
