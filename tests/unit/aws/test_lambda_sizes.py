"""Lambda's 6 MB, both ways, with and without compression."""

from __future__ import annotations

from base64 import b64decode

import pytest
from backports import zstd

from holdfast_aws import lambda_invoker
from holdfast_aws.compression import has_zstd
from holdfast_aws.lambda_functions import PAYLOAD_BYTES_MAX
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import decode, encode
from tests.support.attempts import END, OUTPUT, attempt
from tests.unit.aws.functions import Checkpoint, deployment, event_of, failure_of, invoke, ok


async def test_a_journal_that_does_not_fit_is_not_sent() -> None:
    """A request beyond the limit is a failure for good that names the handler, the size and the limit."""
    answer = await invoke(lambda event: ok(), request=attempt(payload=b"x" * 5_000_000), checkpoint=Checkpoint())
    failure = failure_of(answer)
    assert (failure.code, failure.rt_code, failure.is_counted, failure.is_final) == (413, "RT0019", False, True)
    assert "Greeter/greet" in failure.message
    assert f"Lambda carries {PAYLOAD_BYTES_MAX} (6 MB)" in failure.message
    assert not answer.is_direct


async def test_a_journal_up_to_the_limit_is_sent() -> None:
    """Four and a half megabytes of journal go through uncompressed."""
    event = await event_of(request=attempt(payload=b"x" * 4_700_000))
    assert "content-encoding" not in event["headers"]


async def test_state_that_does_not_fit_is_left_to_be_asked_for() -> None:
    """When journal and state are too much together the attempt is sent without the state, and says so."""
    request = attempt(payload=b"x" * 3_000_000)
    request.start.partial_state = False
    request.start.state_map.add(key=b"a", value=b"y" * 3_000_000)
    body = b64decode((await event_of(request=request))["body"])
    start = decode(body[: -len(b"".join(request.entries))])
    assert isinstance(start, pb.Start)
    assert (len(start.state_map), start.partial_state, start.known_entries) == (0, True, 1)
    assert len(request.start.state_map) == 1


async def test_long_journals_are_compressed_where_that_is_understood() -> None:
    """From 4 MiB on the body is zstd if the deployment reads it, and arrives as it was."""
    request = attempt(payload=b"x" * 30_000_000)
    event = await event_of(request=request, on=deployment(takes_zstd=True))
    assert (event["headers"]["content-encoding"], event["headers"]["accept-encoding"]) == ("zstd", "zstd")
    assert zstd.decompress(b64decode(event["body"])) == encode(request.start) + b"".join(request.entries)


async def test_short_journals_are_not_compressed() -> None:
    """A short body is sent plain, and a compressed answer is welcome all the same."""
    headers = (await event_of(on=deployment(takes_zstd=True)))["headers"]
    assert ("content-encoding" in headers, headers["accept-encoding"]) == (False, "zstd")
    assert "accept-encoding" not in (await event_of())["headers"]


async def test_compressed_answers_are_read() -> None:
    """An answer in zstd gives the same frames, also one of several zstd frames."""
    body = zstd.compress(OUTPUT) + zstd.compress(END)
    answer = await invoke(lambda event: ok(body, {"content-encoding": "zstd"}), on=deployment(takes_zstd=True))
    assert (list(answer.frames), answer.failure) == ([OUTPUT, END], None)


@pytest.mark.parametrize("body", [b"no zstd", zstd.compress(OUTPUT + END)[:-3], b"\x28\xb5\x2f\xfd"])
async def test_what_is_no_zstd_is_garbage(body: bytes) -> None:
    """Compressed answers that are damaged or cut are failures."""
    answer = await invoke(lambda event: ok(body, {"content-encoding": "zstd"}), on=deployment(takes_zstd=True))
    assert failure_of(answer).rt_code == "RT0012"


async def test_an_answer_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small answer that decompresses to a huge one is given up at the bound."""
    monkeypatch.setattr(lambda_invoker, "RESPONSE_BYTES_MAX", 10_000_000)
    body = zstd.compress(b"\0" * 20_000_000)
    answer = await invoke(lambda event: ok(body, {"content-encoding": "zstd"}), on=deployment(takes_zstd=True))
    assert failure_of(answer).rt_code == "RT0003"
    assert "10000000 bytes, the limit" in failure_of(answer).message


async def test_nobody_is_told_of_zstd_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an implementation nothing is compressed and no compressed answer is asked for."""
    assert has_zstd()
    monkeypatch.setattr(lambda_invoker, "has_zstd", lambda: False)
    headers = (await event_of(on=deployment(takes_zstd=True)))["headers"]
    assert "accept-encoding" not in headers
