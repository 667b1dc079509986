"""What went wrong over HTTP, as attempt failures: status codes, the network, answers that are no answers."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx

from holdfast_engine.ports import AttemptFailure
from holdfast_local.http_address import Address, Mode
from holdfast_local.http_exchange import Exchange
from holdfast_protocol.codes import FailureCode, RestateCode
from holdfast_protocol.errors import excerpt

# An endpoint may ask for patience, not for ever: a day, as long as a result is kept by default.
RETRY_AFTER_MS_MAX = 24 * 60 * 60 * 1000

# Enough of a body to recognise a proxy's error page or an SDK's own words.
EXCERPT_BYTES_MAX = 4096

# What a status says, its id, and whether user code may have run before it was sent. Where it cannot have, the failure
# uses up no retry of a `ctx.run` that is under way; it is an attempt of the invocation like any other.
_MEANING_BY_STATUS: dict[int, tuple[str, RestateCode, bool]] = {
    401: ("it does not accept the identity of this server", RestateCode.RT0012, False),
    404: ("this deployment does not serve the handler", RestateCode.RT0012, False),
    413: ("the request is too large for it", RestateCode.RT0019, False),
    415: ("it does not accept the protocol version", RestateCode.RT0015, False),
    429: ("it limits the rate of requests", RestateCode.RT0023, False),
    503: ("it limits the rate of requests, or is not up", RestateCode.RT0023, False),
    502: ("what stands in front of it cannot reach it", RestateCode.RT0010, True),
    504: ("what stands in front of it gave up waiting", RestateCode.RT0010, True),
}
_UNEXPECTED = ("only 200 is an answer", RestateCode.RT0012, True)


async def refused(exchange: Exchange, address: Address, *, now_ms: int) -> AttemptFailure:
    """Return the failure that a status other than 200 stands for."""
    status = exchange.status
    meaning, rt_code, is_counted = _MEANING_BY_STATUS.get(status, _UNEXPECTED)
    is_asking_for_patience = rt_code is RestateCode.RT0023
    return AttemptFailure(
        code=status,
        message=f"{address} answered {status}: {meaning}.{await _words_of(exchange)}",
        rt_code=rt_code,
        retry_after_ms=retry_after_ms(exchange.headers.get("retry-after"), now_ms) if is_asking_for_patience else None,
        is_counted=is_counted,
    )


async def not_an_answer(exchange: Exchange, address: Address, *, wanted: str) -> AttemptFailure:
    """Return the failure of a 200 that carries something else than frames of the version that was asked for."""
    encoding = exchange.headers.get("content-encoding")
    what = f"content type {exchange.headers.get('content-type')!r}"
    if exchange.media_type == wanted:
        what = f"content encoding {encoding!r}, which nobody asked for"
    return _failure(
        f"{address} answered 200 with {what}, not {wanted!r}.{await _words_of(exchange)}", rt_code=RestateCode.RT0012
    )


def is_answer(exchange: Exchange, wanted: str) -> bool:
    """Return whether the body is what its reader understands."""
    return exchange.media_type == wanted and exchange.headers.get("content-encoding", "identity") == "identity"


def garbage(address: Address, problem: Exception) -> AttemptFailure:
    """Return the failure of an answer that cannot be cut into frames."""
    return _failure(f"{address} sent something that is not frames: {problem}", rt_code=RestateCode.RT0012)


def truncated(address: Address, problem: str) -> AttemptFailure:
    """Return the failure of an answer that stops before it says how the attempt ended."""
    return _failure(f"unexpected end of stream from {address}: {problem}", rt_code=RestateCode.RT0010)


def too_large(address: Address, *, bytes_max: int) -> AttemptFailure:
    """Return the failure of an answer beyond the bound."""
    return _failure(f"{address} answered with more than {bytes_max} bytes, the limit", rt_code=RestateCode.RT0003)


def timed_out(address: Address, *, timeout_ms: int) -> AttemptFailure:
    """Return the failure of an attempt that took too long."""
    return AttemptFailure(
        code=504,
        message=f"{address} did not end its answer within {timeout_ms} ms; the attempt was given up",
        rt_code=RestateCode.RT0001,
    )


def not_sent(problem: str, *, code: int = FailureCode.INTERNAL, rt_code: str = RestateCode.RT0010) -> AttemptFailure:
    """Return the failure of a request that never left."""
    return AttemptFailure(code=code, message=problem, rt_code=rt_code, is_counted=False)


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


def retry_after_ms(header: str | None, now_ms: int) -> int | None:
    """Return the pause a `retry-after` header asks for, in seconds or as a date; None when it says nothing usable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Cut before the conversion: a number of a million digits is somebody's joke.
        pause_ms = int(text[:12]) * 1000
    else:
        try:
            pause_ms = round(parsedate_to_datetime(text).timestamp() * 1000) - now_ms
        except (ValueError, OverflowError):
            return None
    return min(max(pause_ms, 0), RETRY_AFTER_MS_MAX)


def words(body: bytes) -> str:
    """Return the beginning of a body as a sentence to append; nothing for an empty body."""
    text = " ".join(body.decode("utf-8", errors="replace").split())
    return f" It said: {excerpt(text)}" if text else ""


async def _words_of(exchange: Exchange) -> str:
    return words(await exchange.head(bytes_max=EXCERPT_BYTES_MAX))


def _failure(message: str, *, rt_code: str) -> AttemptFailure:
    return AttemptFailure(code=FailureCode.INTERNAL, message=message, rt_code=rt_code)
