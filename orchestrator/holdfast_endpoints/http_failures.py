"""What went wrong over HTTP, as attempt failures: status codes, the network, answers that are no answers."""

from __future__ import annotations

import httpx

from holdfast_endpoints.http_address import Address, Mode
from holdfast_endpoints.http_exchange import Exchange
from holdfast_engine.endpoints import failures
from holdfast_engine.endpoints.failures import EXCERPT_BYTES_MAX
from holdfast_engine.ports import AttemptFailure
from holdfast_protocol.codes import FailureCode, RestateCode


async def refused(exchange: Exchange, address: Address, *, now_ms: int) -> AttemptFailure:
    """Return the failure that a status other than 200 stands for."""
    body = await exchange.head(bytes_max=EXCERPT_BYTES_MAX)
    retry_after = exchange.headers.get("retry-after")
    return failures.refused(str(address), exchange.status, retry_after=retry_after, body=body, now_ms=now_ms)


async def not_an_answer(exchange: Exchange, address: Address, *, wanted: str) -> AttemptFailure:
    """Return the failure of a 200 that carries something else than frames of the version that was asked for."""
    encoding = exchange.headers.get("content-encoding")
    what = f"content type {exchange.headers.get('content-type')!r}"
    if exchange.media_type == wanted:
        what = f"content encoding {encoding!r}, which nobody asked for"
    body = await exchange.head(bytes_max=EXCERPT_BYTES_MAX)
    return failures.not_an_answer(str(address), what, wanted=wanted, body=body)


def is_answer(exchange: Exchange, wanted: str) -> bool:
    """Return whether the body is what its reader understands."""
    return exchange.media_type == wanted and exchange.headers.get("content-encoding", "identity") == "identity"


def network_failed(error: Exception, address: Address, *, is_first_contact: bool = False) -> AttemptFailure:
    """Return the failure that an exception of the HTTP library stands for."""
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            problem, code, is_counted = f"cannot connect to {address.origin}: {said(error)}", 503, False
        case httpx.PoolTimeout():
            problem, code, is_counted = f"cannot reach {address.origin} now: {said(error)}", 503, False
        case httpx.LocalProtocolError():
            problem, code, is_counted = f"cannot talk to {address}: {said(error)}", FailureCode.INTERNAL, False
        case _:
            problem, code, is_counted = f"the connection to {address} broke: {said(error)}", FailureCode.INTERNAL, True
    problem += protocol_hint(error, address, is_first_contact=is_first_contact)
    return AttemptFailure(code=code, message=problem, rt_code=RestateCode.RT0010, is_counted=is_counted)


def protocol_hint(error: Exception, address: Address, *, is_first_contact: bool) -> str:
    """Return a clause about the version of HTTP, if that may be what is wrong; else nothing.

    Servers that do not know HTTP/2 say so in HTTP/1.1 or just hang up. Once an endpoint has been discovered, hanging up
    means something else.
    """
    is_suspect = isinstance(error, httpx.ProtocolError) or (
        is_first_contact and isinstance(error, (httpx.ReadError, httpx.WriteError))
    )
    if not is_suspect or address.mode is Mode.ALPN:
        return ""
    if address.mode is Mode.H2C:
        return "; it may not speak HTTP/2 without TLS: then register it with use_http_11"
    return "; it may not speak HTTP/1.1: then register it without use_http_11"


def said(error: Exception) -> str:
    """Return what an exception says, or its name when it says nothing."""
    return str(error) or type(error).__name__
