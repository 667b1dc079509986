"""Connection pools: sharing, giving up, closing."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from holdfast_endpoints import http_lanes
from holdfast_endpoints.http_address import Address, Mode, address_of
from holdfast_endpoints.http_exchange import ResponseTooLarge
from holdfast_endpoints.http_lanes import WIDTH_BY_MODE, Width
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.registry import Endpoint


class FakeTransport(httpx.AsyncBaseTransport):
    """Answers once it is let, and remembers what was done to it."""

    def __init__(self, *, is_let: bool = True) -> None:
        self.let = asyncio.Event()
        if is_let:
            self.let.set()
        self.is_closed = False
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await request.aread()
        await self.let.wait()
        return httpx.Response(200, stream=httpx.ByteStream(b"x" * 100))

    async def aclose(self) -> None:
        self.is_closed = True


class Opened:
    """Opens fake transports and keeps them."""

    def __init__(self, *, is_let: bool = True) -> None:
        self.transports: list[FakeTransport] = []
        self._is_let = is_let

    def let(self) -> None:
        for transport in self.transports:
            transport.let.set()

    def __call__(self, address: Address, *, connections_max: int) -> FakeTransport:
        self.transports.append(FakeTransport(is_let=self._is_let))
        return self.transports[-1]


def _address(uri: str = "http://h", *, use_http_11: bool = False) -> Address:
    return address_of(Endpoint(transport="http", address=uri, use_http_11=use_http_11))


async def _post(pool: HttpPool, address: Address, *, bytes_max: int = 1000, content: bytes = b"body") -> None:
    async with pool.exchange(address, method="POST", headers={}, content=content) as exchange:
        async for _ in exchange.chunks(bytes_max=bytes_max):
            pass


async def test_one_transport_serves_an_origin() -> None:
    """Requests to one origin in one mode share a transport; another mode or origin has its own."""
    opened = Opened()
    pool = HttpPool(opened)
    for _ in range(3):
        await _post(pool, _address("http://h/a"))
        await _post(pool, _address("http://h/b"))
    assert len(opened.transports) == 1
    await _post(pool, _address("http://h/a", use_http_11=True))
    await _post(pool, _address("http://other"))
    assert len(opened.transports) == 3


@pytest.mark.parametrize(("use_http_11", "count", "lanes"), [(False, 100, 1), (False, 101, 2), (True, 7, 7)])
async def test_no_attempt_waits_behind_another(use_http_11: bool, count: int, lanes: int) -> None:
    """Over HTTP/2 one more request than a connection carries opens another; over HTTP/1.1 each has its own."""
    opened = Opened(is_let=False)
    await _post_together(opened, _address(use_http_11=use_http_11), count)
    assert len(opened.transports) == lanes


async def test_the_number_of_requests_at_a_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond as many requests as all lanes carry the others wait for their turn, and get it."""
    monkeypatch.setitem(WIDTH_BY_MODE, Mode.H2C, Width(lanes_max=2, requests_max=2))
    opened = Opened(is_let=False)
    await _post_together(opened, _address(), 11)
    assert len(opened.transports) == 2
    assert sum(len(transport.requests) for transport in opened.transports) == 11


async def test_a_turn_that_never_comes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long for its turn fails with the limit, and leaves no trace."""
    monkeypatch.setitem(WIDTH_BY_MODE, Mode.H2C, Width(lanes_max=1, requests_max=1))
    monkeypatch.setattr(http_lanes, "TURN_TIMEOUT_S", 0.01)
    opened = Opened(is_let=False)
    pool = HttpPool(opened)
    under_way = asyncio.create_task(_post(pool, _address()))
    await asyncio.sleep(0)
    with pytest.raises(httpx.PoolTimeout, match="1 attempts are under way there"):
        await _post(pool, _address())
    opened.let()
    await under_way
    await _post(pool, _address())
    assert len(opened.transports) == 1


async def test_a_connection_that_is_not_needed_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a burst the connections that later requests do without are closed one by one."""
    monkeypatch.setattr(http_lanes, "KEEPALIVE_EXPIRY_S", 0.0)
    opened = Opened(is_let=False)
    address = _address(use_http_11=True)
    pool = await _post_together(opened, address, 3)
    for _ in range(4):
        await _post(pool, address)
    assert [transport.is_closed for transport in opened.transports] == [False, True, True]


async def _post_together(opened: Opened, address: Address, count: int) -> HttpPool:
    pool = HttpPool(opened)
    tasks = [asyncio.create_task(_post(pool, address)) for _ in range(count)]
    await asyncio.sleep(0)
    opened.let()
    await asyncio.gather(*tasks)
    return pool


async def test_a_given_up_request_retires_its_connection() -> None:
    """After a cancelled HTTP/2 request its connection takes no new one, and closes when its last has ended."""
    opened = Opened()
    pool = HttpPool(opened)
    await _post(pool, _address())
    first = opened.transports[0]
    first.let.clear()
    given_up, patient = (asyncio.create_task(_post(pool, _address())) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await _post(pool, _address())
    assert len(opened.transports) == 2
    assert not first.is_closed
    first.let.set()
    await patient
    assert first.is_closed


async def test_an_unread_response_retires_an_http_2_connection_only() -> None:
    """A response beyond its bound retires an HTTP/2 connection; over HTTP/1.1 the transport closes that one itself."""
    for use_http_11, is_closed in ((False, True), (True, False)):
        opened = Opened()
        pool = HttpPool(opened)
        with pytest.raises(ResponseTooLarge):
            await _post(pool, _address(use_http_11=use_http_11), bytes_max=99)
        assert opened.transports[0].is_closed is is_closed


async def test_a_network_error_does_not_retire_the_pool() -> None:
    """A transport that raised a network error has dropped what broke, and goes on."""
    calls = []

    def handle(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise httpx.ConnectError("refused")

    transports = []

    def open_transport(address: Address, *, connections_max: int) -> httpx.MockTransport:
        transports.append(httpx.MockTransport(handle))
        return transports[-1]

    pool = HttpPool(open_transport)
    for _ in range(3):
        with pytest.raises(httpx.ConnectError):
            await _post(pool, _address())
    assert (len(calls), len(transports)) == (3, 1)


async def test_closing_closes_every_transport() -> None:
    """Closing the pool closes what it opened."""
    opened = Opened()
    pool = HttpPool(opened)
    await _post(pool, _address("http://a"))
    await _post(pool, _address("http://b"))
    await pool.close()
    assert all(transport.is_closed for transport in opened.transports)


async def test_a_long_body_goes_out_in_pieces_with_its_length() -> None:
    """A long body arrives whole and announces its length, so that HTTP/1.1 endpoints need not take chunks."""
    opened = Opened()
    pool = HttpPool(opened)
    content = bytes(range(256)) * 4096
    await _post(pool, _address(), content=content)
    request = opened.transports[0].requests[0]
    assert request.content == content
    assert request.headers["content-length"] == str(len(content))
    assert "transfer-encoding" not in request.headers
