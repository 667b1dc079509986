"""The workers of every function are killed with -9 under load, again and again, and everything completes once."""

from __future__ import annotations

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from tests.e2e.aws.cloud import Cloud
from tests.support.services.work import STEPS
from tests.support.site import eventually
from tests.support.step_log import (
    EXPECTED,
    STEP_BYTES,
    begun_by_name,
    nothing_lost_or_repeated,
    size,
    steps_to_go,
    totals,
)

UNDER_WAY = 12
# As many processes of the ingress are started after a kill.
CLIENTS = 2
# In the last rounds nobody is killed in the ingress: what such a process has just taken on is looked for when its time
# would have been up, and the end of the test would wait for that.
SPARED = 2
# A load that does not get on by then is killed where it stands: in the start of its processes, for instance.
MOMENT_S_MAX = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Clients that send invocations until they are accepted."""

    cloud: Cloud
    pool: ThreadPoolExecutor
    sent: dict[str, Future[str]] = field(default_factory=dict)

    def top_up(self, number: int) -> int:
        """Have as many under way as there should be; return how many steps are to go."""
        begun = begun_by_name(self.cloud.steps_log)
        to_go = [steps_to_go(name, begun) for name in self.sent]
        new = [f"r{number}-{each}" for each in range(UNDER_WAY - sum(steps > 0 for steps in to_go))]
        self.sent.update({name: self.pool.submit(_sent, self.cloud, name) for name in new})
        return sum(to_go) + STEPS * len(new)

    def is_under_way(self) -> bool:
        """Return whether any invocation has begun and has not come to its last step."""
        return any(steps[-1] < STEPS - 1 for steps in begun_by_name(self.cloud.steps_log).values())


def test_killed_workers_lose_and_repeat_nothing(cloud: Cloud, aws_kill_rounds: int, kill_seed: int) -> None:
    """Every accepted invocation completes, no completed step runs again, and state adds up."""
    dice, killed, interrupted = random.Random(kill_seed), 0, 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        load = Load(cloud=cloud, pool=pool)
        for number in range(aws_kill_rounds):
            to_go = load.top_up(number)
            if number >= aws_kill_rounds - SPARED:
                wait(load.sent.values())
            _progress(cloud, by=dice.uniform(0.0, 0.9) * to_go * STEP_BYTES)
            killed += cloud.kill_workers()
            interrupted += load.is_under_way()
        wait(load.sent.values())
    assert killed >= aws_kill_rounds, "hardly a kill met a worker: this run proved nothing"
    assert interrupted >= aws_kill_rounds / 3, f"only {interrupted} kills met invocations: this run proved little"
    accepted = {name: future.result() for name, future in load.sent.items()}
    for name, invocation_id in accepted.items():
        assert eventually(partial(_outcome, cloud, invocation_id), within_s=150) == EXPECTED, name
    nothing_lost_or_repeated(cloud.steps_log, accepted)
    # A send may still be under way when its sender has completed.
    expected = totals(accepted)
    assert eventually(lambda: expected == {path: cloud.site.call(path) for path in expected}, within_s=60)
    print(f"killed {killed} workers under {len(accepted)} invocations")


def _progress(cloud: Cloud, *, by: float) -> None:
    """Return when the log has grown by so much: a random moment of the load, on a fast machine as on a slow one."""
    until, goal = time.monotonic() + MOMENT_S_MAX, size(cloud.steps_log) + by
    while size(cloud.steps_log) < goal and time.monotonic() < until:
        time.sleep(0.005)


def _sent(cloud: Cloud, name: str) -> str:
    """Send an invocation as a client does that wants to be sure: again with the same key when the ingress died."""

    def accepted() -> str | None:
        answer = cloud.site.post("/Work/ten_steps/send", name, headers={"idempotency-key": name})
        assert answer.status_code in (202, 502), answer.text
        return str(answer.json()["invocationId"]) if answer.status_code == 202 else None

    invocation_id = eventually(accepted, within_s=60)
    assert invocation_id is not None, f"{name} was never accepted"
    return invocation_id


def _outcome(cloud: Cloud, invocation_id: str) -> int | None:
    answer = cloud.site.attach(invocation_id)
    return int(answer.json()) if answer.status_code == 200 else None
