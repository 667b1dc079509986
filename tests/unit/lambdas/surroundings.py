"""A function's surroundings under test: the engine on the embedded store in virtual time, queues in lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast_aws.runtime.deadline import Deadline
from holdfast_aws.runtime.settings import REQUIRED, RuntimeSettings
from holdfast_engine.engine import Engine
from holdfast_engine.errors import Unavailable
from holdfast_engine.world import World
from tests.support.engine_world import EngineUnderTest


def settings(**changes: Any) -> RuntimeSettings:
    """Return settings in which only what a test is about is chosen."""
    names: dict[str, Any] = {name: name for name in REQUIRED}
    return RuntimeSettings(**{**names, **changes})


class Counted(Counter[str]):
    """Metrics as they were counted."""

    def count(self, name: str, number: int = 1) -> None:
        self[name] += number


class ProcessUnderTest:
    """What the functions' work asks of a process, without Lambda."""

    def __init__(self, under_test: EngineUnderTest, *, seconds: float = 600, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.world: World = under_test.world
        self.engine: Engine = under_test.engine
        self.deadline = Deadline(clock=self.world.clock, margin_ms=int(self.settings.margin_s * 1000))
        self.deadline.begin(remaining_ms=int(seconds * 1000))
        self.telemetry = Counted()
        self.looks = 0
        self.on_look: Any = None

    @property
    def left_s(self) -> float:
        return self.deadline.left_ms / 1000

    def now_ms(self) -> int:
        return self.world.clock.now_ms()

    async def look(self) -> None:
        await self.look_again()

    async def look_again(self) -> bool:
        self.looks += 1
        if self.on_look is not None:
            self.on_look()
        return True

    async def settle(self) -> None:
        await self.world.tasks.idle(self.left_s)


@dataclass
class QueueUnderTest:
    """A queue that remembers what was asked of it, when; it fails as often as told to."""

    clock: Any
    changes: list[tuple[int, tuple[str, ...], int]] = field(default_factory=list)
    parked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    failures: int = 0

    async def change(self, receipts: Sequence[str], *, seconds: int) -> None:
        self._fail()
        self.changes.append((self.clock.now_ms(), tuple(receipts), seconds))

    async def park(self, body: str, *, attributes: Mapping[str, str]) -> None:
        self._fail()
        self.parked.append((body, dict(attributes)))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("the queue does not answer")


def records(*bodies: str, receives: int = 1) -> dict[str, Any]:
    """Return an event with messages; the n-th has the id `message-n` and the receipt `receipt-n`."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(answer: dict[str, Any]) -> list[str]:
    """Return the ids of the messages that come again."""
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]
