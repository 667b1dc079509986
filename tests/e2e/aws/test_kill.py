"""The workers of every function are killed in the middle, and everything completes."""

from __future__ import annotations

import time
from collections import defaultdict
from functools import partial

from tests.e2e.aws.cloud import Cloud
from tests.support.services.work import STEPS
from tests.support.site import eventually

UNDER_WAY = 12
ROUNDS = 3
EXPECTED = sum(range(STEPS)) + 2 * 5


def test_killed_workers_lose_and_repeat_nothing(cloud: Cloud) -> None:
    """Every accepted invocation completes, no completed step runs again, and state adds up."""
    accepted: dict[str, str] = {}
    killed = 0
    for number in range(ROUNDS):
        for each in range(UNDER_WAY):
            name = f"r{number}-{each}"
            accepted[name] = _sent(cloud, name)
        time.sleep(0.3)
        killed += cloud.kill_workers()
    assert killed >= ROUNDS, "no kill met a worker: this run proved nothing"
    for name, invocation_id in accepted.items():
        assert eventually(partial(_outcome, cloud, invocation_id), within_s=150) == EXPECTED, name
    begun = _begun_by_name(cloud)
    assert begun.keys() == accepted.keys()
    for name, steps in begun.items():
        assert steps == sorted(steps), f"{name} went back to a completed step: {steps}"
        assert set(steps) == set(range(STEPS)), f"{name} left out a step: {steps}"
    paths: dict[str, int] = defaultdict(int)
    for name in accepted:
        for kind in ("called", "sent"):
            paths[f"/Ledger/{kind}-{name[-1]}/total"] += 1
    assert eventually(lambda: paths == {path: cloud.site.call(path) for path in paths}, within_s=60)


def _sent(cloud: Cloud, name: str) -> str:
    """Send an invocation as a client does that wants to be sure: again with the same key when the ingress died."""

    def accepted() -> str | None:
        answer = cloud.site.post("/Work/ten_steps/send", name, headers={"idempotency-key": name})
        assert answer.status_code in (202, 502), answer.text
        return str(answer.json()["invocationId"]) if answer.status_code == 202 else None

    invocation_id = eventually(accepted)
    assert invocation_id is not None, f"{name} was never accepted"
    return invocation_id


def _outcome(cloud: Cloud, invocation_id: str) -> int | None:
    answer = cloud.site.ingress.get(f"/restate/invocation/{invocation_id}/output")
    return int(answer.json()) if answer.status_code == 200 else None


def _begun_by_name(cloud: Cloud) -> dict[str, list[int]]:
    """Return the steps that each invocation began, in order; the next one's beginning shows that one is completed."""
    begun: dict[str, list[int]] = defaultdict(list)
    for line in cloud.steps_log.read_text().splitlines():
        name, number, what = line.split(" ")
        if what == "begin":
            begun[name].append(int(number))
    return begun
