"""Messages of producers become invocations; what cannot be one is parked with its reason and blocks no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_aws.runtime.sends import MESSAGE_ID_ATTRIBUTE, REASON_ATTRIBUTE, Sends
from holdfast_engine.records import Status
from holdfast_engine.registry import Registry
from holdfast_engine.world import Settings
from holdfast_http.ingress.inputs import InputCheck
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import decode
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time
from tests.unit.lambdas.surroundings import ProcessUnderTest, QueueUnderTest, failed, records

ELSEWHERE = Settings(runs_max=0)


def sends(e: EngineUnderTest, **options: Any) -> tuple[Sends, QueueUnderTest]:
    queue = QueueUnderTest(e.clock, **options)
    return Sends(ProcessUnderTest(e), parking=queue, check_input=InputCheck()), queue  # type: ignore[arg-type]


def message(**fields: Any) -> str:
    return json.dumps({"service": "S", "handler": "work", **fields})


@in_virtual_time
async def test_a_message_is_an_invocation() -> None:
    """Body, headers and key reach the handler as they were sent, the body as JSON."""
    inputs: list[pb.InputCommand] = []
    async with EngineUnderTest(settings=ELSEWHERE) as e:

        async def handler(attempt: Any) -> list[bytes]:
            command = decode(attempt.request.entries[0])
            assert isinstance(command, pb.InputCommand)
            inputs.append(command)
            return [f.output(b""), f.END]

        e.script["O/add"] = handler
        work, queue = sends(e)
        body = message(service="O", handler="add", key="k", body={"amount": 1}, headers={"X-Trace": "t"})
        assert failed(await work.handle(records(body), None)) == []
        await e.rest(5)
        (command,) = inputs
        assert command.value.content == b'{"amount":1}'
        assert {each.key: each.value for each in command.headers} == {
            "content-type": "application/json",
            "x-trace": "t",
        }
        assert queue.parked == []


@in_virtual_time
async def test_a_message_that_comes_twice_is_one_invocation() -> None:
    """The message's own id is its idempotency key, so that a redelivery meets what the first delivery made."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b""), f.END])
        work, _ = sends(e)
        for _ in range(3):
            await work.handle(records(message(body=1)), None)
            await e.rest(5)
        assert len(e.script.attempts) == 1


@in_virtual_time
async def test_an_idempotency_key_makes_two_messages_one() -> None:
    """Two messages with one idempotency key are one invocation."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b""), f.END])
        work, _ = sends(e)
        await work.handle(records(message(idempotency_key="a"), message(idempotency_key="a"), message()), None)
        await e.rest(5)
        assert len(e.script.attempts) == 2


@in_virtual_time
async def test_a_workflow_runs_once_per_key() -> None:
    """A workflow's run takes no idempotency key; its second message changes nothing."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["W/run"] = answers([f.output(b""), f.END])
        work, queue = sends(e)
        body = message(service="W", handler="run", key="k")
        await work.handle(records(body, body), None)
        await e.rest(5)
        assert len(e.script.attempts) == 1
        assert queue.parked == []


@pytest.mark.parametrize("delay", [90, "PT1M30S"])
@in_virtual_time
async def test_a_delay_is_kept(delay: object) -> None:
    """A delay in seconds or as an ISO 8601 duration starts the invocation that much later, not earlier."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b""), f.END])
        work, _ = sends(e)
        await work.handle(records(message(delay=delay)), None)
        await e.rest(89)
        assert e.script.attempts == []
        await e.rest(2)
        assert len(e.script.attempts) == 1


BAD = {
    "not JSON": ("{", "Invalid JSON"),
    "not an object": ("[1]", "the message: Input should be an object"),
    "no handler": ('{"service": "S"}', "handler: Field required"),
    "an unknown field": (message(bdy=1), "bdy: Extra inputs are not permitted"),
    "a wrong type": (message(headers={"a": 1}), "headers.a: Input should be a valid string"),
    "a negative delay": (message(delay=-1), "delay: Input should be greater than or equal to 0"),
    "an unknown service": (message(service="Nobody"), "no service is called 'Nobody'"),
    "an unknown handler": (message(handler="nothing"), "service 'S' has no handler 'nothing'"),
    "no key": (message(service="O", handler="add"), "O/add needs a key"),
    "a key too many": (message(key="k"), "S is a plain service and takes no key"),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD.keys())
@in_virtual_time
async def test_a_bad_message_is_parked_with_its_reason(
    body: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be an invocation goes to the dead letters at once, unchanged, and says why there, not in the log."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        work, queue = sends(e)
        assert failed(await work.handle(records(body), None)) == []
        ((parked, attributes),) = queue.parked
        assert parked == body
        assert reason in attributes[REASON_ATTRIBUTE]
        assert "message-0 is no invocation" in caplog.text
        assert reason not in caplog.text
        assert attributes[MESSAGE_ID_ATTRIBUTE] == "message-0"


@in_virtual_time
async def test_a_bad_message_does_not_hold_up_the_others() -> None:
    """In one batch the good messages run, the bad one is parked, and none comes again."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b""), f.END])
        work, queue = sends(e)
        assert failed(await work.handle(records(message(), "nonsense", message()), None)) == []
        await e.rest(5)
        assert (len(e.script.attempts), len(queue.parked)) == (2, 1)


@in_virtual_time
async def test_a_message_that_cannot_be_parked_comes_again() -> None:
    """A bad message is not lost when the dead letters cannot be reached."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        work, queue = sends(e, failures=1)
        assert failed(await work.handle(records("nonsense"), None)) == ["message-0"]
        assert failed(await work.handle(records("nonsense"), None)) == []
        assert len(queue.parked) == 1


@in_virtual_time
async def test_a_service_registered_a_moment_ago_is_found() -> None:
    """Before a message is refused for an unknown service, the registry is looked at again."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b""), f.END])
        work, queue = sends(e)
        process = work._process
        known, e.world.registry = e.world.registry, Registry()
        process.on_look = lambda: setattr(e.world, "registry", known)  # type: ignore[attr-defined]
        await work.handle(records(message()), None)
        await e.rest(5)
        assert queue.parked == []
        assert [await e.status(attempt.id) for attempt in e.script.attempts] == [Status.COMPLETED]
