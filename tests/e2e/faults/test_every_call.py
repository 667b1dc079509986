"""Every call that the orchestrator makes to AWS fails in every way: nothing is lost, and nothing is doubled."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from holdfast_aws.runtime import registrar
from holdfast_aws.runtime.cloudformation import ResourceAnswer
from holdfast_aws.runtime.dispatcher import Dispatcher
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.pruning import Pruning
from holdfast_aws.runtime.queues import Queue
from holdfast_aws.runtime.registrar import Registrar
from holdfast_aws.runtime.sends import REASON_ATTRIBUTE, Sends
from holdfast_aws.runtime.sweeping import Sweeping
from holdfast_aws.runtime.versions import LambdaVersions
from holdfast_aws.timers import Timer
from holdfast_engine.errors import Unavailable
from holdfast_engine.registry import Endpoint
from holdfast_engine.upkeep import recover
from holdfast_http.ingress.inputs import InputCheck
from holdfast_http.ingress.on_lambda import LambdaIngress
from holdfast_http.powertools import function_url_resolver_for
from tests.e2e.faults.calls import CALLS, calls_in_the_sources
from tests.e2e.faults.services import BULKY, HUGE, LARGE
from tests.support import troubled
from tests.support.small_cloud.cloud import SENDS, SENDS_DEAD, WAKEUPS, Cloud, context, url_event
from tests.support.small_cloud.functions import FUNCTION, ROLE
from tests.support.small_cloud.wire import AFTERWARDS, Fault, Faults

FLOWS = ("a", "b", "c")
CHESTS = ("x", "y")
TRIES_MAX = 60


@pytest.mark.parametrize("cloud", list(Fault), indirect=True, ids=[fault.name.lower() for fault in Fault])
def test_nothing_is_lost_and_nothing_is_doubled(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every third call of each kind struck, all outcomes, states, messages, timers and deletions are right."""
    with cloud.process() as own:
        site = Site(cloud, own)
        site.register_versions(monkeypatch, "1")
        for _ in range(2):
            cloud.consume(WAKEUPS, _dispatching, runs_max=2)
        cloud.consume(SENDS, _sending)
        ids = [*site.flows_end_well(), *site.promises_are_kept()]
        site.chests_are_full()
        site.messages_arrive_or_are_parked()
        site.a_timer_is_moved()
        site.versions_are_cleared_away(monkeypatch)
        site.a_role_is_assumed()
        site.what_is_purged_is_gone(ids)
        site.walks_pass_by()
        assert site.again(lambda: recover(own.world)) >= 0
        _check_steps(cloud.faults)
    assert set(cloud.faults.seen) == CALLS
    assert set(cloud.faults.struck) == CALLS


def test_every_call_in_the_sources_is_listed() -> None:
    """No module of the orchestrator on AWS names a call that the test above does not strike."""
    assert calls_in_the_sources() == CALLS - {"signed.UpdateItem"}


class Site:
    """What people and their programs do with an installation, and what they find."""

    def __init__(self, cloud: Cloud, own: Process) -> None:
        self._cloud = cloud
        self._own = own
        self._ingress = own.handler(function_url_resolver_for(LambdaIngress(own)).resolve_async, looks_first=False)

    def register_versions(self, monkeypatch: pytest.MonkeyPatch, *versions: str, prune: bool = False) -> None:
        """CloudFormation asks until it is told that it was done."""
        answers: list[ResourceAnswer] = []
        monkeypatch.setattr(registrar, "send_answer", lambda _event, answer: answers.append(answer))
        pruning = Pruning(self._own.world, LambdaVersions(self._own.ports.clients.functions))
        handler = self._own.handler(Registrar(self._own, pruning=pruning).handle, looks_first=False)
        for version in versions:
            properties = {"VersionArn": f"{FUNCTION}:{version}", "Prune": str(prune).lower()}
            for _ in range(TRIES_MAX):
                handler({"RequestType": "Create", "ResourceProperties": properties}, context())
                if answers[-1].reason is None:
                    break
            assert answers[-1].reason is None, answers[-1].reason

    def flows_end_well(self) -> list[str]:
        """Start flows, and see what they return and what they have done to keys; return their ids."""
        for name in FLOWS:
            assert self._ask("/Flow/tree/send", name, key=name)["status"] in ("Accepted", "PreviouslyAccepted")
        for name in CHESTS:
            self._ask("/Bulk/carry/send", name, key=name)
        for name in FLOWS:
            steps = [f"{name}/{number}" for number in range(4)]
            assert self._ask("/Flow/tree", name, key=name) == [
                *steps,
                f"{name}/child-0/leaf",
                f"{name}/child-1/leaf",
            ]
        assert self._ask("/Tally/hot/count", None) == len(FLOWS)
        for name in FLOWS:
            self._until(partial(self._ask, f"/Tally/{name}/count", None), 5)
        return [self._ask("/Flow/tree/send", name, key=name)["invocationId"] for name in FLOWS]

    def promises_are_kept(self) -> list[str]:
        """A workflow waits until somebody says the word; return its id."""
        started = self._ask("/Run/w/main/send", "x")
        for _ in range(2):
            # Said twice it is refused, so nobody asks twice who was answered.
            self._ask("/Run/w/say", "yes", key="say")
        assert self._ask("/restate/workflow/Run/w/attach", None, method="GET") == "x: yes"
        return [started["invocationId"]]

    def chests_are_full(self) -> None:
        """What is large was carried through steps and state."""
        for name in CHESTS:
            assert self._ask("/Bulk/carry", name, key=name) == LARGE + HUGE
            assert self._ask(f"/Chest/{name}/fillings", None) == 3
            assert self._ask(f"/Chest/{name}/fill", 1, key=f"last-{name}") == BULKY
        # What was replaced is deleted by whoever is told what was there before, which a lost answer does not say.
        for number in range(TRIES_MAX):
            if "s3.DeleteObject" in self._cloud.faults.struck:
                break
            self._ask("/Chest/x/fill", (BULKY, HUGE)[number % 2], key=f"more-{number}")

    def messages_arrive_or_are_parked(self) -> None:
        """Good messages are one invocation each, bad ones are parked with a reason, and all are gone from the queue."""
        for number in range(3):
            body = {"service": "Tally", "handler": "add", "key": "sent", "body": number + 1}
            self._cloud.sqs.send(SENDS, json.dumps(body))
            self._cloud.sqs.send(SENDS, json.dumps({"service": "Nobody", "handler": f"bad-{number}"}))
        self._until(lambda: self._ask("/Tally/sent/count", None), 6)
        self._until(lambda: len(self._cloud.sqs.messages(SENDS)), 0)
        parked = self._cloud.sqs.messages(SENDS_DEAD)
        # A message whose parking was not confirmed is parked once more: better twice than never.
        assert {json.loads(message.body)["handler"] for message in parked} == {"bad-0", "bad-1", "bad-2"}
        assert all("Nobody" in message.attributes[REASON_ATTRIBUTE] for message in parked)

    def a_timer_is_moved(self) -> None:
        """A timer that comes near is on the queue with the delay that is left, and no longer in the table."""
        due_ms, invocation_id = self._own.now_ms() + 600_000, self._ask("/Flow/leaf/send", "t", key="t")["invocationId"]
        timer = Timer(due_ms=due_ms, invocation_id=invocation_id)
        timers = self._own.ports.timers
        self.again(lambda: timers.put(timer, now_ms=self._own.now_ms()))
        handler = self._own.handler(Sweeping(self._own).handle)
        for _ in range(TRIES_MAX):
            try:
                handler({}, context())
                break
            except Unavailable:
                continue
        found = [each for each in self._cloud.sqs.messages(WAKEUPS) if each.body == invocation_id]
        now = time.monotonic()
        assert any(each.visible_s > now + 500 for each in found)
        slots = range(due_ms // 900_000, due_ms // 900_000 + 1)
        for slot, shard in itertools.product(slots, range(16)):
            look = partial(timers.due, slot, shard, until_ms=due_ms + 1_000, limit=10)
            left = self.again(look)
            assert left == []

    def versions_are_cleared_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of versions on which nothing runs any more only the last two stay."""
        self.register_versions(monkeypatch, "2", "3", prune=True)
        self._until(lambda: self._pruned(monkeypatch), {f"{FUNCTION}:1?Qualifier=1"})

    def a_role_is_assumed(self) -> None:
        """A function that was registered with a role is called as that role."""
        for version in ("11", "12"):
            endpoint = Endpoint(transport="lambda", address=f"{FUNCTION}:{version}", assume_role_arn=ROLE)
            register = partial(self._own.engine.register, force=False, breaking=False, dry_run=True, metadata=())
            self.again(partial(register, endpoint))
        assert set(self._cloud.sts.asked) == {ROLE}
        assert "assumed" in self._cloud.functions.keys

    def what_is_purged_is_gone(self, ids: list[str]) -> None:
        """Invocations that are purged leave neither journal nor large values."""
        carried = [self._ask("/Bulk/carry/send", name, key=name)["invocationId"] for name in CHESTS]
        assert [key for key in self._cloud.s3.objects if key.split("/")[1] in carried]
        for invocation_id in [*ids, *carried]:
            self.again(partial(self._own.engine.purge, invocation_id))
        assert not [key for key in self._cloud.s3.objects if key.split("/")[1] in carried]

    def walks_pass_by(self) -> None:
        """The walks through journals and bucket come to their end."""
        for walk in self._own.ports.walks:
            assert self.again(partial(walk.go_on, until_ms=self._own.now_ms() + 60_000))

    def again(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do something until it is done: whoever is told that AWS did not answer tries again."""
        for _ in range(TRIES_MAX):
            try:
                return self._own._loop.run_until_complete(work())
            except Unavailable:
                continue
        raise AssertionError("it was never done")

    def _pruned(self, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        self.register_versions(monkeypatch, "3", prune=True)
        return set(self._cloud.functions.deleted)

    def _ask(self, path: str, body: object, *, key: str | None = None, method: str = "POST") -> Any:
        """Ask the ingress until it answers; with an idempotency key it is one invocation, however often it is asked."""
        headers = {} if key is None else {"idempotency-key": key}
        answer: dict[str, Any] = {}
        for _ in range(TRIES_MAX):
            answer = self._ingress(url_event(path, body, headers, method=method), context())
            if answer["statusCode"] < 300:
                return json.loads(answer["body"] or "null")
            assert answer["statusCode"] in (429, 500, 503), answer
        raise AssertionError(answer)

    def _until(self, look: Callable[[], Any], wanted: object) -> None:
        for _ in range(TRIES_MAX):
            if (found := look()) == wanted:
                return
            time.sleep(0.25)
        assert found == wanted


def _dispatching(process: Process) -> Any:
    dispatcher = Dispatcher(process, queue=Queue(process.ports.clients.sqs, WAKEUPS))
    return process.handler(dispatcher.handle)


def _sending(process: Process) -> Any:
    sends = Sends(process, parking=Queue(process.ports.clients.sqs, SENDS_DEAD), check_input=InputCheck())
    return process.handler(sends.handle)


def _check_steps(faults: Faults) -> None:
    """See that a step ran twice only where the answer of the function that ran it was lost."""
    cut_off = faults.struck["lambda.Invoke"] if faults.fault in AFTERWARDS else 0
    assert sum(count - 1 for count in troubled.done.values()) <= cut_off
    assert {f"{name}/{number}" for name in FLOWS for number in range(4)} <= set(troubled.done)
