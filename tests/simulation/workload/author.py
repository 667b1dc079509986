"""The author: writes what clients ask for, and the programs that this takes."""

from __future__ import annotations

from typing import Literal

from tests.simulation.scenario import Request
from tests.simulation.workload.programs import DOOMED, HOT, OBJECT, POISON, SERVICE, WORKFLOW, Program, Statement
from tests.simulation.workload.statements import Statements

_KEYS = ("a", "b", "c", "d")


class Author(Statements):
    """Writes requests and programs, from single calls to trees and fans."""

    def requests(self, weather: str) -> list[Request]:
        """Return what clients ask for, with the programs that takes."""
        dice = self._dice
        requests: list[Request] = []
        for _ in range(dice.randint(1, 4)):
            requests += self._request()
        if dice.random() < 0.4:
            requests += self._hot_key()
        if dice.random() < 0.1:
            requests += self._poison()
        if dice.random() < 0.1:
            requests += self._deep_tree()
        if dice.random() < 0.1:
            requests += self._wide_fan()
        if weather == "calm" and dice.random() < 0.5:
            requests += self._rendezvous()
        return requests

    def _request(self) -> list[Request]:
        dice = self._dice
        program = self._program(depth=3, floor=0)
        how: Literal["call", "send"] = dice.choice(("call", "send"))
        is_workflow = self.programs[program].service == WORKFLOW
        key = f"key{program}" if not is_workflow and dice.random() < 0.6 else None
        delay_ms = dice.choice((None, None, 500, 30_000)) if how == "send" else None
        at_ms = dice.randint(0, 5_000)
        first = Request(at_ms=at_ms, how=how, program=program, idempotency_key=key, delay_ms=delay_ms)
        if key is None:
            return [first]
        again = [dice.randint(0, 10_000) for _ in range(dice.choice((0, 0, 1, 3)))]
        return [first, *(Request(at_ms=at, how="call", program=program, idempotency_key=key) for at in again)]

    def _hot_key(self) -> list[Request]:
        """Return many small requests to one object, which nobody else uses."""
        dice = self._dice
        requests = []
        for _ in range(dice.randint(3, 12)):
            is_look = dice.random() < 0.2
            body: list[Statement] = [["get", "n"]] if is_look else [["add", "n", dice.randint(1, 9)]]
            if not is_look and dice.random() < 0.6:
                pause = dice.choice((["slow", self._name(), 1.0], ["sleep", 700], ["run", self._name()]))
                body = dice.choice(([pause, *body], [*body, pause], [*body, pause, ["add", "n", 1], ["set", "m", 1]]))
            handler = "look" if is_look else dice.choice(("run", "run", "lazy"))
            program = self._add(OBJECT, handler, HOT, body)
            key = f"key{program}" if dice.random() < 0.5 else None
            requests.append(Request(at_ms=dice.randint(0, 3_000), how="call", program=program, idempotency_key=key))
        return requests

    def _deep_tree(self) -> list[Request]:
        """Return a request whose call calls another, and so on, each with a step behind what it waits for."""
        leaf = self._add(SERVICE, "run", None, [["run", self._name()]])
        for _ in range(self._dice.randint(5, 9)):
            leaf = self._add(SERVICE, "run", None, [["call", leaf], ["run", self._name()]])
        return [Request(at_ms=self._dice.randint(0, 5_000), how="call", program=leaf, idempotency_key=f"key{leaf}")]

    def _wide_fan(self) -> list[Request]:
        """Return a request that calls many at once, and sends to many more."""
        dice = self._dice
        called = [self._add(SERVICE, "run", None, [["run", self._name()]]) for _ in range(dice.randint(10, 20))]
        sent = [self._add(SERVICE, "run", None, [["run", self._name()]]) for _ in range(dice.randint(2, 6))]
        body: list[Statement] = [["gather", *(["call", each] for each in called)], *(["send", each] for each in sent)]
        fan = self._add(SERVICE, "run", None, body)
        return [Request(at_ms=dice.randint(0, 5_000), how="send", program=fan)]

    def _rendezvous(self) -> list[Request]:
        """Return requests whose calls come back just when there is nothing left to do but wait for them.

        A call is made once the first step is recorded; the second one takes as long as the callee's only one.
        """
        dice = self._dice
        requests = []
        for _ in range(dice.randint(2, 6)):
            pause_s = dice.choice((0.02, 0.05, 0.1, 0.2))
            callee = self._add(SERVICE, "run", None, [["slow", self._name(), pause_s]])
            steps: list[Statement] = [["slow", self._name(), 0.05], ["slow", self._name(), 0.05 + pause_s]]
            program = self._add(SERVICE, "run", None, [["gather", ["call", callee], *steps]])
            requests.append(Request(at_ms=dice.randint(0, 3_000), how="call", program=program))
        return requests

    def _poison(self) -> list[Request]:
        service = self._dice.choice((POISON, DOOMED))
        program = self._add(service, "run", None, [["run", self._name()], ["throw", -1]])
        return [Request(at_ms=self._dice.randint(0, 5_000), how="send", program=program)]

    def _program(self, *, depth: int, floor: int) -> int:
        """Write a program; one that holds a key may only wait for keys above it."""
        dice = self._dice
        choices = [SERVICE, SERVICE, WORKFLOW]
        if floor < len(_KEYS):
            choices += [OBJECT, OBJECT]
        service = dice.choice(choices)
        handler, key = "run", None
        if service == OBJECT:
            index = dice.randrange(floor, len(_KEYS))
            key, floor = _KEYS[index], index + 1
            handler = dice.choice(("run", "run", "run", "lazy", "look"))
        elif service == WORKFLOW:
            self._workflows += 1
            key = f"w{self._workflows}"
        number = self._add(service, handler, key, [])
        body = self.programs[number].body
        sent: list[int] = []
        for _ in range(dice.randint(1, self._length)):
            body += self._statements(number, depth, floor, sent)
        if dice.random() < 0.1:
            body.append(["fail", 418])
        return number

    def _add(self, service: str, handler: str, key: str | None, body: list[Statement]) -> int:
        self.programs.append(Program(service=service, handler=handler, key=key, body=body))
        return len(self.programs) - 1
