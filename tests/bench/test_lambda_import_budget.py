"""What a handler function on Lambda pays at its cold start: a ratio to what it cannot do without.

That is the event loop and an HTTPS client of the standard library; protobuf, which every attempt needs, is measured
beside it. boto3 alone would take four times as much as all of this.
"""

from __future__ import annotations

import pytest

from tests.support.import_cost import cost_ratio, modules_after

UNAVOIDABLE = "import asyncio, http.client, json, ssl"
PROTOBUF = f"{UNAVOIDABLE}; import holdfast_protocol.schema_pb2"
FUNCTION = """
import holdfast
import holdfast.aws_lambda
service = holdfast.Service("Greeter")
@service.handler()
async def greet(ctx: holdfast.Context, name: str) -> str:
    return name
handler = holdfast.aws_lambda.handler([service])
"""


@pytest.mark.parametrize(
    ("code", "baseline", "ratio_max"),
    [
        pytest.param("import holdfast.aws_lambda", UNAVOIDABLE, 1.5, id="the module"),
        pytest.param(FUNCTION, PROTOBUF, 1.75, id="a function that is ready"),
    ],
)
def test_a_cold_start_stays_within_its_budget(code: str, baseline: str, ratio_max: float) -> None:
    """A function that is ready for its first attempt costs little more than its loop, its client and protobuf do."""
    assert cost_ratio(code, baseline, ratio_max=ratio_max) <= ratio_max


def test_what_attempts_need_is_there_before_the_first() -> None:
    """A function imports while it starts, with a whole core, and not during its first attempt, with a part of one."""
    attempt = """
import holdfast_protocol.schema_pb2 as pb
from holdfast_protocol.envelope import request_envelope
from holdfast_protocol.grants import JournalGrant, Slot, grant_headers
from holdfast_protocol.messages import encode
import sys
before = set(sys.modules)
start = pb.Start(id=bytes(24), debug_id="inv_1", known_entries=1)
grant = JournalGrant(
    table="journal", epoch=1, slot=Slot(page=0, count=1, base=0, frames_bytes=0), durable=1, taken=()
)
headers = {"content-type": "application/vnd.restate.invocation.v7", **grant_headers(grant)}
body = encode(start) + encode(pb.InputCommand(value=pb.Value(content=b'"Ada"')))
answer = handler(request_envelope(path="/invoke/Greeter/greet", headers=headers, body=body), None)
assert answer["statusCode"] == 200, answer
late = set(sys.modules) - before
for name in late:
    sys.modules["late:" + name] = sys
"""
    environment = "import os; os.environ['AWS_REGION'] = 'eu-central-1'\n"
    late = {name for name in modules_after(environment + FUNCTION + attempt) if name.startswith("late:")}
    assert not late


def test_no_client_of_aws_is_imported() -> None:
    """A function carries neither boto3 nor anything else that is not used."""
    unwanted = {"boto3", "botocore", "cryptography", "httpx", "msgspec", "pydantic", "requests", "restate", "urllib3"}
    assert modules_after(FUNCTION).isdisjoint(unwanted)
