"""The promise in one file: kill -9 at random moments under load, and nothing is lost, repeated or wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from examples.demo.processes import DevServer
from tests.e2e.stages import HandlerServer
from tests.support.load import ConnectionLost, LoadClient
from tests.support.services.work import STEPS
from tests.support.site import Site, eventually

WORK = "tests.support.services.work"
INVOCATIONS_PER_ROUND = 50
# A round's load takes about this long when nobody interrupts it.
KILL_WITHIN_S = 0.45
EXPECTED = str(sum(range(STEPS)) + 2 * 5).encode()


@dataclass(slots=True, kw_only=True)
class Load:
    """What was sent, by name, and which of it the server has accepted."""

    accepted: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    async def send(self, client: LoadClient) -> None:
        """Send everything pending at once; what got no answer stays pending, its idempotency key makes that safe."""
        await asyncio.gather(*(self._send_one(client, name) for name in self.pending))
        self.pending = [name for name in self.pending if name not in self.accepted]

    async def _send_one(self, client: LoadClient, name: str) -> None:
        try:
            answer = await client.post("/Work/ten_steps/send", f'"{name}"'.encode(), idempotency_key=name)
        except ConnectionLost:
            return
        assert answer.status == 202, answer
        self.accepted[name] = answer.headers["x-restate-id"]


@pytest.fixture(params=["in-process", "over-http"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DevServer]:
    """A server with data on disk; its handlers die with it, or live on and do not notice."""
    log = tmp_path / "steps.log"
    with ExitStack() as stack:
        if request.param == "in-process":
            server = DevServer([WORK], folder=tmp_path, env={"HOLDFAST_TEST_LOG": str(log)})
        else:
            server = DevServer([], folder=tmp_path)
        stack.callback(server.kill)
        server.start()
        if request.param == "over-http":
            handlers = HandlerServer([WORK], sdk="holdfast", folder=tmp_path)
            handlers.env["HOLDFAST_TEST_LOG"] = str(log)
            handlers.start()
            stack.callback(handlers.stop)
            with Site(server.ingress_url, server.admin_url) as site:
                site.register(handlers.uri)
        yield server


async def test_kill_loses_and_repeats_nothing(
    server: DevServer, tmp_path: Path, kill_rounds: int, kill_seed: int, request: pytest.FixtureRequest
) -> None:
    """Every accepted invocation completes, no completed step runs again, and state adds up."""
    if "over-http" in request.node.name:
        # Every step is a request of its own there, so that a round takes five times as long.
        kill_rounds = max(3, kill_rounds // 5)
    dice = random.Random(kill_seed)
    load, log = Load(), tmp_path / "steps.log"
    interrupted = 0
    for number in range(kill_rounds):
        load.pending += [f"r{number}-{each}" for each in range(INVOCATIONS_PER_ROUND)]
        async with LoadClient(server.ingress_url) as client:
            sending = asyncio.create_task(load.send(client))
            await asyncio.sleep(dice.uniform(0.0, KILL_WITHIN_S))
            server.kill()
            await sending
        interrupted += any(steps[-1] < STEPS - 1 for steps in _begun_by_name(log).values())
        server.start()
    assert interrupted >= kill_rounds / 2, f"only {interrupted} kills met invocations under way: this run proved little"

    async with LoadClient(server.ingress_url) as client:
        await load.send(client)
        assert not load.pending
        await asyncio.gather(*(_completes(client, each) for each in load.accepted.values()))
    begun = _begun_by_name(log)
    assert begun.keys() == load.accepted.keys()
    for name, steps in begun.items():
        assert steps == sorted(steps), f"{name} went back to a completed step: {steps}"
        assert set(steps) == set(range(STEPS)), f"{name} left out a step: {steps}"
    _ledgers_add_up(server, list(load.accepted))


async def _completes(client: LoadClient, invocation_id: str) -> None:
    answer = await client.get(f"/restate/invocation/{invocation_id}/attach")
    assert (answer.status, answer.body) == (200, EXPECTED), (invocation_id, answer)


def _begun_by_name(log: Path) -> dict[str, list[int]]:
    """Return the steps that each invocation began, in order; the next one's beginning shows that one is completed."""
    begun: dict[str, list[int]] = defaultdict(list)
    for line in log.read_text().splitlines() if log.exists() else []:
        name, number, what = line.split(" ")
        if what == "begin":
            begun[name].append(int(number))
    return begun


def _ledgers_add_up(server: DevServer, names: list[str]) -> None:
    expected = Counter(f"/Ledger/{kind}-{name[-1]}/total" for name in names for kind in ("called", "sent"))
    with Site(server.ingress_url, server.admin_url) as site:
        # A send may still be under way when its sender has completed.
        assert eventually(lambda: expected == {path: site.call(path) for path in expected})
