"""Run the demo: `python -m examples.demo`, or `make demo`, which installs what it needs first.

The order has six steps of 0.7 s each. Every step writes one line to a log outside of Holdfast when it has taken effect,
as a payment provider would book a charge. The server is killed while step 3 is under way, so that nothing of Holdfast
gets a chance to tidy up. At the end the log decides: one line per step, or exit code 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from examples.demo import show
from examples.demo.processes import DevServer, ServerFailed

PACE_S = 0.7
KILL_DURING_STEP = 3
ORDER = {
    "credit_card": "4242-4242",
    "customer": "ada@example.com",
    "items": [
        {"id": "apple", "amount": 2},
        {"id": "bread", "amount": 1},
        {"id": "cheese", "amount": 1},
        {"id": "dates", "amount": 12},
    ],
}
# How each step's line in the log begins, in the order of the steps.
EFFECTS = {
    "charge": "charged",
    "reserve_apple": "reserved 2 x apple",
    "reserve_bread": "reserved 1 x bread",
    "reserve_cheese": "reserved 1 x cheese",
    "reserve_dates": "reserved 12 x dates",
    "receipt": "sent receipt",
}
IDEMPOTENCY_KEY = "order-7"
VERDICT = """\
Each step took effect exactly once. Steps 1 and 2 were recorded, so they did not run again. Step 3 was cut off before it
took effect, so it was run again.

Had it been cut off after its effect and before the record, it would have taken effect twice: a step is executed at
least once and recorded exactly once. docs/guarantees.md says what to do about that."""


class DemoFailed(Exception):
    """Something did not happen as it should; the message says what."""


def main() -> int:
    """Play the four acts and return the exit code."""
    show.say("Holdfast demo: an order of six steps survives the death of its server.")
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as name:
        folder = Path(name)
        log = folder / "effects.log"
        environment = {"HOLDFAST_EXAMPLES_LOG": str(log), "HOLDFAST_EXAMPLES_PACE_S": str(PACE_S)}
        server = DevServer(["examples.everything"], folder=folder, env=environment)
        try:
            return play(server, log)
        except (DemoFailed, ServerFailed, httpx.HTTPError) as problem:
            show.say(f"\nThe demo failed: {problem}\n\nThe end of the server's log:\n{server.output()}")
            return 1
        finally:
            server.kill()


def play(server: DevServer, log: Path) -> int:
    """Start, kill, restart, and judge."""
    show.heading(1, "Start the server and send it an order.")
    server.start()
    show.detail(f"holdfast dev runs as process {server.pid}.")
    invocation_id = send_order(server)

    show.heading(2, f"Kill it with -9 while step {KILL_DURING_STEP} is under way.")
    lines = watch_until(log, count=KILL_DURING_STEP - 1)
    time.sleep(PACE_S / 2)
    before = server.pid
    server.kill()
    if effects(log) != lines:
        raise DemoFailed("this machine was too slow for the kill to fall into the step it should; try again.")
    show.detail(f"{step_name(KILL_DURING_STEP)} has begun ... process {before} is gone. No clean-up, no goodbye.")

    show.heading(3, "Start it again on the same data. Nobody sends the order again.")
    server.start()
    show.detail(f"holdfast dev runs as process {server.pid}.")
    result = finish(server, invocation_id, log)
    show.detail(f"The order is complete: {result}")

    show.heading(4, "Look at what was recorded, and at what happened in the world.")
    show.journal(described(server, invocation_id)["journal"])
    return judge(log)


def send_order(server: DevServer) -> str:
    """Send the order without waiting for its result; return the invocation's id."""
    url = f"{server.ingress_url}/OrderService/process/send"
    show.detail(f"POST {url}  (idempotency-key: {IDEMPOTENCY_KEY})")
    answer = httpx.post(url, json=ORDER, headers={"idempotency-key": IDEMPOTENCY_KEY}, timeout=30, trust_env=False)
    answer.raise_for_status()
    invocation_id = str(answer.json()["invocationId"])
    show.detail(f"{answer.status_code} Accepted as {invocation_id}: from here on it cannot be lost.")
    return invocation_id


def watch_until(log: Path, *, count: int, seen: int = 0) -> list[str]:
    """Show effects as they appear until there are `count` of them."""
    deadline = time.monotonic() + 30
    while True:
        lines = effects(log)
        for line in lines[seen:]:
            seen += 1
            show.detail(f"step {seen}: {line}")
        if seen >= count:
            return lines
        if time.monotonic() > deadline:
            raise DemoFailed(f"only {seen} of {count} steps took effect within 30 seconds.")
        time.sleep(0.02)


def finish(server: DevServer, invocation_id: str, log: Path) -> str:
    """Wait for the remaining steps and return the order's result."""
    watch_until(log, count=len(EFFECTS), seen=len(effects(log)))
    url = f"{server.ingress_url}/restate/invocation/{invocation_id}/attach"
    answer = httpx.get(url, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.text


def described(server: DevServer, invocation_id: str) -> dict[str, Any]:
    """Return what the admin API says of the invocation."""
    answer = httpx.get(f"{server.admin_url}/invocations/{invocation_id}", timeout=30, trust_env=False)
    answer.raise_for_status()
    return dict(answer.json())


def judge(log: Path) -> int:
    """Count how often each step took effect, show it, and return the exit code."""
    lines = effects(log)
    counts = {step: sum(line.startswith(beginning) for line in lines) for step, beginning in EFFECTS.items()}
    show.say()
    show.table(
        ("step", "name", "took effect", ""),
        [(number, step, times(count), note(number)) for number, (step, count) in enumerate(counts.items(), start=1)],
    )
    show.say()
    if set(counts.values()) != {1} or len(lines) != len(EFFECTS):
        show.say(f"This is not what Holdfast promises. The log outside of it:\n{chr(10).join(lines)}")
        return 1
    show.say(VERDICT)
    return 0


def effects(log: Path) -> list[str]:
    """Return the lines of the log outside of Holdfast."""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def step_name(number: int) -> str:
    """Return how a step is shown."""
    return f"Step {number} ({list(EFFECTS)[number - 1]})"


def times(count: int) -> str:
    """Return a count in words."""
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def note(number: int) -> str:
    """Return what the kill had to do with a step."""
    if number < KILL_DURING_STEP:
        return "recorded before the kill, not run again"
    return "under way at the kill, run again" if number == KILL_DURING_STEP else "after the restart"


if __name__ == "__main__":
    sys.exit(main())
