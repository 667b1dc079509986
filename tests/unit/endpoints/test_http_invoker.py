"""The HTTP invoker: what it sends, and what it makes of everything that may come back."""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from holdfast_endpoints import http_invoker
from holdfast_endpoints.http_invoker import HttpInvoker
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.endpoints.failures import RETRY_AFTER_MS_MAX, retry_after_ms
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import encode
from tests.support.attempts import (
    END,
    NOW_MS,
    OUTPUT,
    FixedClock,
    attempt,
    http_deployment,
    ok_head,
    raw_server,
)

V7 = "application/vnd.restate.invocation.v7"


async def _invoke(pool: HttpPool, *, uri: str = "http://h", timeout_ms: int = 5000, **options: Any) -> Answer:
    try:
        return await HttpInvoker(pool, clock=FixedClock()).invoke(
            http_deployment(uri, headers=options.pop("additional", ())),
            attempt(**options),
            checkpoint=None,
            timeout_ms=timeout_ms,
        )
    finally:
        await pool.close()


def _failure(answer: Answer) -> AttemptFailure:
    assert answer.failure is not None
    return answer.failure


def _answering(status: int, headers: dict[str, str] | None = None, content: bytes = b"") -> HttpPool:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    return HttpPool(lambda address, connections_max: httpx.MockTransport(handle))


async def _request_of(**options: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"content-type": V7}, stream=httpx.ByteStream(OUTPUT + END))

    await _invoke(HttpPool(lambda address, connections_max: httpx.MockTransport(handle)), **options)
    return seen[0]


async def test_the_body_is_start_and_the_journal_as_it_is() -> None:
    """The body is the Start frame followed by the stored frames, byte for byte."""
    entry = bytes.fromhex("0411000000000009") + bytes.fromhex("58016202733092f401")[:9]
    request = attempt(entries=(entry,))
    sent = await _request_of(entries=(entry,))
    assert sent.content == encode(request.start) + b"".join(request.entries)
    assert (sent.method, str(sent.url)) == ("POST", "http://h/invoke/Greeter/greet")


@pytest.mark.parametrize("version", [5, 6, 7])
async def test_content_type_and_accept_name_the_version(version: int) -> None:
    """Both headers carry the media type of the invocation's protocol version."""
    sent = await _request_of(version=version)
    expected = f"application/vnd.restate.invocation.v{version}"
    assert (sent.headers["content-type"], sent.headers["accept"]) == (expected, expected)


async def test_the_headers_say_which_invocation_and_key() -> None:
    """The invocation's id travels as it is and its key percent-encoded."""
    sent = await _request_of(key="a/b ü")
    assert sent.headers["x-restate-invocation-id"] == "inv_x"
    assert sent.headers["x-restate-service-key"] == "a%2Fb%20%C3%BC"
    assert "x-restate-service-key" not in (await _request_of()).headers


async def test_only_the_trace_context_of_the_input_travels_as_headers() -> None:
    """The trace context goes on as headers; other headers of the input stay inside the frames."""
    sent = await _request_of(headers={"traceparent": "00-1", "tracestate": "a=1", "authorization": "secret"})
    assert (sent.headers["traceparent"], sent.headers["tracestate"]) == ("00-1", "a=1")
    assert "authorization" not in sent.headers


async def test_configured_headers_are_added_and_do_not_override_the_protocol() -> None:
    """The deployment's own headers are sent, but none can replace the content type."""
    sent = await _request_of(additional=(("X-Api-Key", "k"), ("Content-Type", "text/plain")))
    assert sent.headers["x-api-key"] == "k"
    assert sent.headers.get_list("content-type") == [V7]


async def test_nothing_is_sent_that_nobody_asked_for() -> None:
    """No cookie, no accept-encoding and no proxy credentials go along."""
    sent = await _request_of()
    assert set(sent.headers) == {"host", "content-length", "content-type", "accept", "x-restate-invocation-id"}


async def test_a_good_answer_has_its_frames_and_no_failure() -> None:
    """Status 200 with the requested content type gives the frames as they came."""
    answer = await _invoke(_answering(200, headers={"content-type": V7 + "; q=1"}, content=OUTPUT + END))
    assert (list(answer.frames), answer.failure) == ([OUTPUT, END], None)


@pytest.mark.parametrize(
    ("status", "rt_code", "is_counted"),
    [
        (400, "RT0012", True),
        (401, "RT0012", False),
        (404, "RT0012", False),
        (413, "RT0019", False),
        (415, "RT0015", False),
        (429, "RT0023", False),
        (500, "RT0012", True),
        (502, "RT0010", True),
        (503, "RT0023", False),
        (504, "RT0010", True),
        (204, "RT0012", True),
        (302, "RT0012", True),
    ],
)
async def test_every_status_but_200_is_a_failure(status: int, rt_code: str, is_counted: bool) -> None:
    """A status maps to its id, keeps its number, quotes the body and says whether user code may have run."""
    failure = _failure(
        await _invoke(
            _answering(status, content=b'{"message": "no\n such thing"}', headers={"location": "http://other"})
        )
    )
    assert (failure.code, failure.rt_code, failure.is_counted) == (status, rt_code, is_counted)
    assert f"http://h/invoke/Greeter/greet answered {status}" in failure.message
    assert "no such thing" in failure.message


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured_where_patience_is_asked_for(status: int) -> None:
    """The pause of a 429 or 503 is taken over."""
    assert _failure(await _invoke(_answering(status, headers={"retry-after": "7"}))).retry_after_ms == 7000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0", 0),
        (" 12 ", 12_000),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 5000, RETRY_AFTER_MS_MAX),
        (formatdate(NOW_MS / 1000 + 30, usegmt=True), 30_000),
        (formatdate(NOW_MS / 1000 - 30, usegmt=True), 0),
        ("Fri, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: int | None) -> None:
    """Seconds and dates become a bounded pause, and anything else is as if nothing was said."""
    assert retry_after_ms(header, NOW_MS) == expected


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"content-type": "text/html"}, "content type 'text/html'"),
        ({}, "content type None"),
        ({"content-type": "application/vnd.restate.invocation.v6"}, "content type 'application/vnd"),
        ({"content-type": V7, "content-encoding": "gzip"}, "content encoding 'gzip'"),
    ],
)
async def test_a_200_with_something_else_is_no_answer(headers: dict[str, str], sentence: str) -> None:
    """Status 200 counts only with the requested content type and no encoding; the failure quotes what came."""
    failure = _failure(await _invoke(_answering(200, headers=headers, content=b"<html>Hello</html>")))
    assert (failure.code, failure.rt_code) == (500, "RT0012")
    assert sentence in failure.message
    assert "<html>Hello</html>" in failure.message


async def test_a_huge_error_page_is_quoted_in_part() -> None:
    """Of a long body only the beginning is read and shown."""
    failure = _failure(await _invoke(_answering(500, content=b"x" * 10_000_000)))
    assert len(failure.message) < 500


async def test_garbage_with_the_right_content_type_is_a_failure() -> None:
    """Bytes that are no frames give a failure that says from where they came, and no frame."""
    answer = await _invoke(_answering(200, headers={"content-type": V7}, content=b"<html>I am a proxy</html>"))
    assert not answer.frames
    assert _failure(answer).rt_code == "RT0012"
    assert "http://h/invoke/Greeter/greet sent something that is not frames" in _failure(answer).message


async def test_frames_before_garbage_are_kept() -> None:
    """What was whole before the damage is a prefix of the journal like any other."""
    answer = await _invoke(_answering(200, headers={"content-type": V7}, content=OUTPUT + b"\xff" * 30))
    assert list(answer.frames) == [OUTPUT]
    assert "is not frames" in _failure(answer).message


async def test_an_answer_without_a_terminator_is_incomplete() -> None:
    """Whole frames without End, Suspension or Error are kept, and the attempt has failed."""
    answer = await _invoke(_answering(200, headers={"content-type": V7}, content=OUTPUT))
    assert list(answer.frames) == [OUTPUT]
    assert "unexpected end of stream" in _failure(answer).message
    assert _failure(answer).is_counted


async def test_an_empty_answer_is_incomplete() -> None:
    """Status 200 with no body at all is an unexpected end of stream."""
    answer = await _invoke(_answering(200, headers={"content-type": V7}))
    assert not answer.frames
    assert "unexpected end of stream" in _failure(answer).message


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound reading stops; the failure names the limit and the frames so far are kept."""
    monkeypatch.setattr(http_invoker, "RESPONSE_BYTES_MAX", 1000)
    sent = 0

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(ok_head() + OUTPUT)
        huge = encode(pb.OutputCommand(value=pb.Value(content=b"x" * 8_000_000)))
        while sent < 64:
            writer.write(huge)
            await writer.drain()
            sent += 1

    async with raw_server(respond) as uri:
        answer = await _invoke(HttpPool(), uri=uri)
    assert list(answer.frames) == [OUTPUT]
    assert "more than 1000 bytes" in _failure(answer).message
    assert sent < 64


async def test_a_connection_cut_in_a_frame_keeps_the_frames_before() -> None:
    """When the connection dies in the middle, whole frames are kept and the failure says that it broke."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok_head(length=1000) + OUTPUT + OUTPUT[:5])

    async with raw_server(respond) as uri:
        answer = await _invoke(HttpPool(), uri=uri)
    assert list(answer.frames) == [OUTPUT]
    assert _failure(answer).rt_code == "RT0010"
    assert "broke" in _failure(answer).message
    assert _failure(answer).is_counted


async def test_a_connection_cut_after_the_terminator_does_not_matter() -> None:
    """Once the endpoint has said how the attempt ended, a broken connection takes nothing back."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok_head(length=1000) + OUTPUT + END)

    async with raw_server(respond) as uri:
        answer = await _invoke(HttpPool(), uri=uri)
    assert (list(answer.frames), answer.failure) == ([OUTPUT, END], None)


async def test_a_server_that_hangs_up_without_a_word_counts() -> None:
    """A connection closed instead of a response counts, because the handler may have run."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with raw_server(respond) as uri:
        failure = _failure(await _invoke(HttpPool(), uri=uri))
    assert (failure.rt_code, failure.is_counted) == ("RT0010", True)


async def test_an_endpoint_that_is_down_does_not_count() -> None:
    """A refused connection names the origin and uses up no retry of a run, since no user code was reached."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
        failure = _failure(await _invoke(HttpPool(), uri=uri))
    assert (failure.code, failure.rt_code, failure.is_counted) == (503, "RT0010", False)
    assert f"cannot connect to {uri}" in failure.message


async def test_a_slow_endpoint_is_given_up() -> None:
    """After the timeout the attempt fails with the frames so far, and the connection is closed on the endpoint."""
    is_hung_up = asyncio.Event()

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok_head(length=1_000_000) + OUTPUT)
        try:
            while True:
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.write(OUTPUT)
        except ConnectionError:
            is_hung_up.set()

    async with raw_server(respond) as uri:
        answer = await _invoke(HttpPool(), uri=uri, timeout_ms=100)
        await asyncio.wait_for(is_hung_up.wait(), timeout=10)
    assert set(answer.frames) == {OUTPUT}
    assert (_failure(answer).code, _failure(answer).rt_code) == (504, "RT0001")
    assert "within 100 ms" in _failure(answer).message


async def test_cancelling_the_engine_cancels_the_request() -> None:
    """A cancelled invoke raises CancelledError and does not turn into an answer."""
    is_there = asyncio.Event()

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        is_there.set()
        await asyncio.sleep(30)

    async with raw_server(respond) as uri:
        task = asyncio.create_task(_invoke(HttpPool(), uri=uri))
        await is_there.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_something_that_is_not_http_is_a_failure() -> None:
    """An endpoint that answers in another protocol is a failure that names it, never an exception."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\x00\x01\x02")

    async with raw_server(respond) as uri:
        failure = _failure(await _invoke(HttpPool(), uri=uri))
    assert uri in failure.message
    assert "HTTP/1.1" in failure.message


@pytest.mark.parametrize(
    ("uri", "additional", "sentence"),
    [
        ("no-url", (), "'no-url' is not an absolute URL"),
        ("http://h:1", (("X-Bad", "a\r\nb"),), "cannot talk to"),
    ],
)
async def test_a_request_that_cannot_be_sent_is_a_failure(uri: str, additional: Any, sentence: str) -> None:
    """An unusable address or header is an uncounted failure with a sentence."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok_head() + END)

    async with raw_server(respond) as server:
        failure = _failure(await _invoke(HttpPool(), uri=uri.replace("http://h:1", server), additional=additional))
    assert sentence in failure.message
    assert not failure.is_counted


async def test_an_unforeseen_error_of_the_library_is_a_failure() -> None:
    """Even an exception that no table knows becomes a failure that names it."""

    def handle(request: httpx.Request) -> httpx.Response:
        raise KeyError("stream 7")

    failure = _failure(await _invoke(HttpPool(lambda address, connections_max: httpx.MockTransport(handle))))
    assert "stream 7" in failure.message
