"""The promise in one file: kill -9 at random moments under load, and nothing is lost, repeated or wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from examples.demo.processes import DevServer, ServerProcess
from tests.e2e.stages import HandlerServer
from tests.support.load import ConnectionLost, LoadClient
from tests.support.services.work import STEPS
from tests.support.site import Site, eventually
from tests.support.step_log import (
    EXPECTED,
    STEP_BYTES,
    Begun,
    begun_by_name,
    nothing_lost_or_repeated,
    size,
    steps_to_go,
    totals,
)

WORK = "tests.support.services.work"
UNDER_WAY = 50


@dataclass(slots=True, kw_only=True)
class Load:
    """What was sent, by name, and which of it the server has accepted."""

    accepted: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    def top_up(self, number: int, begun: Begun) -> int:
        """Have as many under way as there should be; return how many steps are to go."""
        names = [*self.accepted, *self.pending]
        to_go = {name: steps_to_go(name, begun) for name in names}
        new = [f"r{number}-{each}" for each in range(UNDER_WAY - sum(steps > 0 for steps in to_go.values()))]
        self.pending += new
        return sum(to_go.values()) + STEPS * len(new)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A server with data on disk, and who is killed: the server itself, or the process of its handlers."""

    server: DevServer
    victim: ServerProcess


@pytest.fixture(params=["in-process", "over-http", "handlers-over-http"])
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Played]:
    """A server whose handlers die with it, or live on and do not notice, or die while the server lives on."""
    log = tmp_path / "steps.log"
    with ExitStack() as stack:
        if request.param == "in-process":
            server = DevServer([WORK], folder=tmp_path, env={"HOLDFAST_TEST_LOG": str(log)})
        else:
            server = DevServer([], folder=tmp_path)
        stack.callback(server.kill)
        server.start()
        victim: ServerProcess = server
        if request.param != "in-process":
            handlers = HandlerServer([WORK], sdk="holdfast", folder=tmp_path)
            handlers.env["HOLDFAST_TEST_LOG"] = str(log)
            handlers.start()
            stack.callback(handlers.stop)
            victim = handlers if request.param == "handlers-over-http" else server
            with Site(server.ingress_url, server.admin_url) as site:
                site.register(handlers.uri)
        yield Played(server=server, victim=victim)


async def test_kill_loses_and_repeats_nothing(
    played: Played, tmp_path: Path, kill_rounds: int, kill_seed: int, request: pytest.FixtureRequest
) -> None:
    """Every accepted invocation completes, no completed step runs again, and state adds up."""
    if "over-http" in request.node.name:
        # Every step is a request of its own there, so that a round takes five times as long.
        kill_rounds = max(3, kill_rounds // 5)
    server, dice = played.server, random.Random(kill_seed)
    load, log = Load(), tmp_path / "steps.log"
    interrupted = 0
    for number in range(kill_rounds):
        steps_to_go = load.top_up(number, begun_by_name(log))
        async with LoadClient(server.ingress_url) as client:
            sending = asyncio.create_task(load.send(client))
            await _progress(log, by=dice.uniform(0.0, 0.95) * steps_to_go * STEP_BYTES)
            played.victim.kill()
            await sending
        interrupted += any(steps[-1] < STEPS - 1 for steps in begun_by_name(log).values())
        played.victim.start()
    assert interrupted >= kill_rounds / 2, f"only {interrupted} kills met invocations under way: this run proved little"

    async with LoadClient(server.ingress_url) as client:
        await load.send(client)
        assert not load.pending
        await asyncio.gather(*(_completes(client, each) for each in load.accepted.values()))
    nothing_lost_or_repeated(log, load.accepted)
    _ledgers_add_up(server, list(load.accepted))


async def _progress(log: Path, *, by: float) -> None:
    """Return when the log has grown by so much: a random moment of the load, on a fast machine as on a slow one."""
    begin = size(log)
    with suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            while size(log) < begin + by:
                await asyncio.sleep(0.001)


async def _completes(client: LoadClient, invocation_id: str) -> None:
    answer = await client.get(f"/restate/invocation/{invocation_id}/attach")
    assert (answer.status, answer.body) == (200, str(EXPECTED).encode()), (invocation_id, answer)


def _ledgers_add_up(server: DevServer, names: list[str]) -> None:
    expected = totals(names)
    with Site(server.ingress_url, server.admin_url) as site:
        # A send may still be under way when its sender has completed.
        assert eventually(lambda: expected == {path: site.call(path) for path in expected})
