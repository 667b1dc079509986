"""Statements: what programs are made of, each as the dice say and with whatever it needs to come to something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random

from tests.simulation.workload.programs import OBJECT, SERVICE, WORKFLOW, Program, Statement

_NAMES = ("m", "n")
_ANYWHERE = {
    "run": 6,
    "slow": 2,
    "flaky": 2,
    "hang": 1,
    "decline": 1,
    "use_up": 1,
    "sleep": 3,
    "call": 6,
    "send": 4,
    "gather": 3,
    "select": 3,
    "timeout": 2,
    "awakeable": 2,
    "signal": 2,
    "saga": 2,
    "shield": 2,
    "throw": 1,
    "uuid": 1,
}
_READING = {"get": 2, "keys": 1}
_WRITING = {"add": 4, "set": 2, "clear": 1, "clear_all": 1}
_PROMISES = {"promise": 3, "resolve": 2, "peek": 1}
# What a weather needs to tell right from wrong: a zombie something long to do, a look something that comes meanwhile.
_NEEDED = {"zombies": {"slow"}, "calm": {"gather", "slow", "send"}, "operators": {"sleep", "slow"}}
_JOINABLE = ("run", "slow", "flaky", "decline", "sleep", "call", "awakeable")


class Statements(ABC):
    """Writes statements. `is_disturbed`: operators end invocations, so nobody may wait for another without limit."""

    def __init__(self, dice: Random, *, is_disturbed: bool, weather: str) -> None:
        self.programs: list[Program] = []
        self._dice = dice
        self._is_disturbed = is_disturbed
        self._verbs = (
            {verb for verb in _ANYWHERE if dice.random() < 0.5} | {"run", "call"} | _NEEDED.get(weather, set())
        )
        self._room = dice.choice((6, 12, 24))
        self._length = dice.choice((4, 8, 12) if weather == "zombies" else (2, 4, 7))
        self._workflows = 0
        self._names = 0

    @abstractmethod
    def _program(self, *, depth: int, floor: int) -> int:
        """Write a program for a call or a send; one that holds a key may only wait for keys above it."""

    @abstractmethod
    def _add(self, service: str, handler: str, key: str | None, body: list[Statement]) -> int:
        """Add a program, and return its number."""

    def _statements(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        """Return one statement, or a few that belong together."""
        program = self.programs[number]
        weights = {verb: weight for verb, weight in _ANYWHERE.items() if verb in self._verbs}
        if program.service in (OBJECT, WORKFLOW):
            weights |= _READING
            if program.handler != "look":
                weights |= _WRITING
        if program.service == WORKFLOW:
            weights |= _PROMISES
        if depth == 0 or len(self.programs) >= self._room:
            for verb in ("call", "send", "signal", "promise"):
                weights.pop(verb, None)
        verb = self._dice.choices(list(weights), list(weights.values()))[0]
        writer = getattr(self, f"_write_{verb}", None)
        if writer is not None:
            written: list[Statement] = writer(number, depth, floor, sent)
            return written
        return [self._plain(verb)]

    def _plain(self, verb: str) -> Statement:
        dice = self._dice
        match verb:
            case "run":
                return ["run", self._name()]
            case "slow":
                return ["slow", self._name(), dice.choice((round(dice.random() * 0.3, 3), 0.5, 5.0))]
            case "flaky":
                return ["flaky", self._name(), dice.randint(1, 3)]
            case "hang":
                return ["hang", self._name(), 1]
            case "decline":
                return ["decline", self._name(), 402]
            case "use_up":
                return ["use_up", self._name(), dice.randint(1, 3)]
            case "sleep":
                long_ms = 1_000_000 if self._is_disturbed else 40_000
                return ["sleep", dice.choice((0, 50, 3_000, 40_000, long_ms, 1_000_000))]
            case "awakeable":
                return ["awakeable", dice.randrange(1000)]
            case "get" | "clear":
                return [verb, dice.choice(_NAMES)]
            case "keys" | "clear_all" | "uuid":
                return [verb]
            case "set":
                return ["set", dice.choice(_NAMES), dice.randrange(100)]
            case "add":
                return ["add", dice.choice(_NAMES), dice.randint(1, 9)]
            case "throw":
                return ["throw", dice.randint(1, 2)]
            case _:
                raise AssertionError(verb)

    def _write_call(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        return [self._call(depth, floor, sent)]

    def _call(self, depth: int, floor: int, sent: list[int]) -> Statement:
        if depth == 0 or len(self.programs) >= self._room:
            return self._plain("run")
        callee = self._program(depth=depth - 1, floor=floor)
        sent.append(callee)
        return self._with_key(["call", callee])

    def _with_key(self, statement: Statement) -> Statement:
        is_workflow = self.programs[statement[1]].service == WORKFLOW
        return [*statement, f"child{statement[1]}"] if not is_workflow and self._dice.random() < 0.15 else statement

    def _write_send(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        dice = self._dice
        callee = self._program(depth=depth - 1, floor=floor)
        sent.append(callee)
        handle = len(sent) - 1
        statements = [self._with_key(["send", callee, dice.choice((None, None, 200, 20_000))])]
        what = dice.random()
        if what < 0.3:
            statements.append(["attach", handle])
        elif what < 0.4:
            statements.append(["cancel", handle])
        return statements

    def _write_signal(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        name, value = self._name(), self._dice.randrange(100)
        body: list[Statement] = [["run", self._name()], ["raise_signal", name, value]]
        sent.append(self._add(SERVICE, "run", None, body))
        return [["send", sent[-1], None], self._bounded(["signal", name, value])]

    def _write_promise(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        program = self.programs[number]
        name = self._name()
        body: list[Statement] = [["resolve", name, self._dice.randrange(100)]]
        sent.append(self._add(WORKFLOW, "tell", program.key, body))
        return [["send", sent[-1], None], self._bounded(["promise", name])]

    def _write_resolve(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        name = self._name()
        return [["resolve", name, 1], ["peek", name]]

    def _write_peek(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        return [["peek", self._name()]]

    def _write_gather(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        return [["gather", *self._joined(depth, floor, sent, self._dice.choice((2, 3, 8)))]]

    def _write_select(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        return [["select", *self._joined(depth, floor, sent, 2)]]

    def _write_timeout(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        return [["timeout", *self._joined(depth, floor, sent, 1), self._dice.choice((10, 1_000, 30_000))]]

    def _joined(self, depth: int, floor: int, sent: list[int], count: int) -> list[Statement]:
        verbs = [verb for verb in _JOINABLE if verb in self._verbs]
        chosen = [self._dice.choice(verbs) for _ in range(count)]
        return [self._call(depth, floor, sent) if verb == "call" else self._plain(verb) for verb in chosen]

    def _write_saga(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        names = [self._name() for _ in range(self._dice.randint(1, 3))]
        return [["saga", names, self._dice.choice((0, 0, 409))]]

    def _write_shield(self, number: int, depth: int, floor: int, sent: list[int]) -> list[Statement]:
        body = [self._plain(self._dice.choice(("run", "sleep", "awakeable"))) for _ in range(2)]
        return [["shield", body, [["run", self._name()]]]]

    def _bounded(self, statement: Statement) -> Statement:
        return ["timeout", statement, 60_000] if self._is_disturbed else statement

    def _name(self) -> str:
        self._names += 1
        return f"s{self._names}"
