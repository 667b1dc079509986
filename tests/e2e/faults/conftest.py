"""A small cloud whose calls to AWS fail as a test wants."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

import holdfast.aws_lambda
from holdfast._dynamo_http import Connection, NoReply, Reply
from holdfast_aws import lambda_functions
from holdfast_aws.runtime import composition, process
from holdfast_engine import engine
from tests.e2e.faults.services import services
from tests.support import troubled
from tests.support.dynoxide import Dynoxide
from tests.support.function_world import function_environment
from tests.support.small_cloud.cloud import Cloud, Quiet
from tests.support.small_cloud.functions import Lambda
from tests.support.small_cloud.wire import Fault, Faults


@pytest.fixture
def cloud(request: pytest.FixtureRequest, dynoxide: Dynoxide, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A cloud that is struck by one kind of fault, with its functions at work."""
    faults = Faults(request.param)
    for name, value in function_environment(dynoxide.url).items():
        monkeypatch.setenv(name, value)
    cloud = Cloud(dynoxide.url, Lambda(lambda: holdfast.aws_lambda.handler(services)), faults)
    monkeypatch.setattr(composition, "make_clients", cloud.clients)
    monkeypatch.setattr(lambda_functions.Functions.__init__, "__kwdefaults__", {"make_client": cloud.functions_client})
    monkeypatch.setattr(process, "Telemetry", Quiet)
    # How long somebody pauses before trying or looking again is not what this is about.
    monkeypatch.setattr(engine, "_POLL_MAX_S", 0.25)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    monkeypatch.setattr(Connection, "post", _struck(Connection.post, faults))
    troubled.done.clear()
    yield cloud
    cloud.stop()
    # Each process keeps what was there when it was made from being looked at again.
    gc.unfreeze()
    assert not cloud.problems


def _struck(post: Callable[..., Reply], faults: Faults) -> Callable[..., Reply]:
    """Return the transport of the functions' own client with faults in its way."""

    def struck(self: Connection, *args: Any, **options: Any) -> Reply:
        fault = faults.next("signed.UpdateItem")
        if fault in (Fault.UNSENT, Fault.CUT):
            raise NoReply("it broke", is_sent=fault is Fault.CUT, was_reused=False)
        if fault is Fault.THROTTLED:
            return _refused(400, "com.amazonaws.dynamodb.v20120810#ThrottlingException")
        if fault is Fault.FAILED:
            return _refused(500, "com.amazonaws.dynamodb.v20120810#InternalServerError")
        reply = post(self, *args, **options)
        if fault is Fault.LOST:
            raise NoReply("nothing came", is_sent=True, was_reused=False)
        if fault is Fault.FAILED_AFTER:
            return _refused(500, "com.amazonaws.dynamodb.v20120810#InternalServerError")
        return reply

    return struck


def _refused(status: int, code: str) -> Reply:
    return Reply(status=status, body=json.dumps({"__type": code}).encode(), date="", request_id="")
