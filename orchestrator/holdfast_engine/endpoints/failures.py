"""What went wrong with an attempt, whatever carried it: status codes, answers that are no answers, patience at its end.

`where` is the endpoint as messages name it.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from holdfast_engine.ports import AttemptFailure
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


def refused(where: str, status: int, *, retry_after: str | None, body: bytes, now_ms: int) -> AttemptFailure:
    """Return the failure that a status other than 200 stands for."""
    meaning, rt_code, is_counted = _MEANING_BY_STATUS.get(status, _UNEXPECTED)
    is_asking_for_patience = rt_code is RestateCode.RT0023
    return AttemptFailure(
        code=status,
        message=f"{where} answered {status}: {meaning}.{words(body)}",
        rt_code=rt_code,
        retry_after_ms=retry_after_ms(retry_after, now_ms) if is_asking_for_patience else None,
        is_counted=is_counted,
    )


def not_an_answer(where: str, what: str, *, wanted: str, body: bytes) -> AttemptFailure:
    """Return the failure of a 200 that carries something else than frames of the version that was asked for."""
    return _failure(f"{where} answered 200 with {what}, not {wanted!r}.{words(body)}", rt_code=RestateCode.RT0012)


def garbage(where: str, problem: Exception) -> AttemptFailure:
    """Return the failure of an answer that cannot be cut into frames."""
    return _failure(f"{where} sent something that is not frames: {problem}", rt_code=RestateCode.RT0012)


def truncated(where: str, problem: str) -> AttemptFailure:
    """Return the failure of an answer that stops before it says how the attempt ended."""
    return _failure(f"unexpected end of stream from {where}: {problem}", rt_code=RestateCode.RT0010)


def too_large(where: str, *, bytes_max: int) -> AttemptFailure:
    """Return the failure of an answer beyond the bound."""
    return _failure(f"{where} answered with more than {bytes_max} bytes, the limit", rt_code=RestateCode.RT0003)


def timed_out(where: str, *, timeout_ms: int) -> AttemptFailure:
    """Return the failure of an attempt that took too long."""
    return AttemptFailure(
        code=504,
        message=f"{where} did not end its answer within {timeout_ms} ms; the attempt was given up",
        rt_code=RestateCode.RT0001,
    )


def not_sent(problem: str, *, code: int = FailureCode.INTERNAL, rt_code: str = RestateCode.RT0010) -> AttemptFailure:
    """Return the failure of a request that never left."""
    return AttemptFailure(code=code, message=problem, rt_code=rt_code, is_counted=False)


def never_fits(problem: str) -> AttemptFailure:
    """Return the failure of a request that its carrier does not take for its size, now or later."""
    return AttemptFailure(code=413, message=problem, rt_code=RestateCode.RT0019, is_counted=False, is_final=True)


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
    text = " ".join(body[:EXCERPT_BYTES_MAX].decode("utf-8", errors="replace").split())
    return f" It said: {excerpt(text)}" if text else ""


def _failure(message: str, *, rt_code: str) -> AttemptFailure:
    return AttemptFailure(code=FailureCode.INTERNAL, message=message, rt_code=rt_code)
