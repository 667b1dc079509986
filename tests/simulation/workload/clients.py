"""Clients: who sends requests from outside, tries again what may be tried again, and answers awakeables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from holdfast_engine.engine import Accepted, Engine, Finished, Submission
from holdfast_engine.errors import RequestRejected, Unavailable
from holdfast_engine.records import Outcome, Target
from tests.simulation.scenario import Request, Scenario
from tests.simulation.watch import Violation
from tests.simulation.workload.handlers import argument_bytes
from tests.simulation.workload.outside import Outside
from tests.simulation.world.fleet import ConnectionLost, Fleet

_RETRY_S = 1.0
# Each try may leave a timer behind at everything that the invocation waits for: whoever is patient lets them come.
_RETRY_S_MAX = 120.0
# People answer within so long.
_ANSWER_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a client got, and from when to when it waited; `answer` is None when nobody knows."""

    request: Request
    from_s: float
    until_s: float
    answer: Finished | Accepted | None
    error: str | None = None


class Clients:
    """All clients of a scenario."""

    def __init__(self, fleet: Fleet, outside: Outside, scenario: Scenario, dice: Random) -> None:
        self._fleet = fleet
        self._scenario = scenario
        self._dice = dice
        self._under_way = 0
        self._asked: set[str] = set()
        self.answered: list[Answered] = []
        outside.ask = self._ask

    @property
    def are_done(self) -> bool:
        """Whether everybody has an answer, or has given up."""
        return self._under_way == 0

    def start(self) -> None:
        """Begin."""
        for request in self._scenario.requests:
            self.begin(self._client(request))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something that has to be over before all is quiet."""
        self._under_way += 1

        async def until_done() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - nobody who asks may be answered like this.
                self._fleet.watch.found(Violation("bug", f"a request raised {error!r}"))
            self._under_way -= 1

        # Not the work of whoever asks: it goes on when that process is dead.
        self._fleet.loop.in_the_world(0.0, self._fleet.loop.create_task, until_done())

    async def _client(self, request: Request) -> None:
        loop = self._fleet.loop
        await asyncio.sleep(request.at_ms / 1000)
        from_s = loop.now_s
        answer: Finished | Accepted | None = None
        error: str | None = None
        pause_s = _RETRY_S
        while answer is None:
            try:
                answer = await self._fleet.request("in", lambda engine: self._ask_engine(engine, request))
            except (ConnectionLost, Unavailable) as trouble:
                error = repr(trouble)
                if request.idempotency_key is None:
                    break
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _RETRY_S_MAX)
            except RequestRejected as rejected:
                error = repr(rejected)
                break
        answered = Answered(request=request, from_s=from_s, until_s=loop.now_s, answer=answer, error=error)
        self.answered.append(answered)
        self._fleet.history.add(f"client of program {request.program} got {answer or error}")

    async def _ask_engine(self, engine: Engine, request: Request) -> Finished | Accepted:
        program = self._scenario.programs[request.program]
        now_ms = engine.world.clock.now_ms()
        submission = Submission(
            target=Target(service=program.service, key=program.key, handler=program.handler, scope=program.scope),
            headers=(),
            body=argument_bytes(request.program, None),
            idempotency_key=request.idempotency_key,
            invoke_at_ms=None if request.delay_ms is None else now_ms + request.delay_ms,
            limit_key=program.limit_key,
        )
        if request.how == "send":
            return await engine.send(submission)
        return await engine.call(submission)

    def _ask(self, awakeable_id: str, value: Any) -> None:
        """Have a person answer an awakeable, once."""
        if awakeable_id not in self._asked:
            self._asked.add(awakeable_id)
            self.begin(self._person(awakeable_id, value))

    async def _person(self, awakeable_id: str, value: Any) -> None:
        await asyncio.sleep(self._dice.random() * _ANSWER_S)
        outcome = Outcome(value=json.dumps(value).encode())
        while True:
            try:
                await self._fleet.request("hook", lambda engine: engine.complete_awakeable(awakeable_id, outcome))
            except (ConnectionLost, Unavailable):
                await asyncio.sleep(_RETRY_S)
            else:
                return
