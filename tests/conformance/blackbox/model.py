"""Random programs, and what they must give: the meaning of every operation, told once more without any durability."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

from tests.conformance.blackbox import programs as say
from tests.conformance.blackbox.programs import Op, Program

# Programs call down to the next layer only, so that no two objects ever wait for each other.
LAYERS = 3
_KEYS_PER_LAYER = 3
_NAMES = ("a", "b", "c")


class Dice:
    """Throws programs."""

    def __init__(self, seed: int, *, prefix: str) -> None:
        self._random = Random(seed)
        self._prefix = prefix
        self._count = 0

    def key(self, layer: int) -> str:
        """Return one of a layer's keys."""
        return f"{self._prefix}-{layer}-{self._random.randrange(_KEYS_PER_LAYER)}"

    def program(self, layer: int, *, length: int) -> Program:
        """Return a program for an object of a layer."""
        return [self._op(layer, depth=0) for _ in range(self._random.randint(1, length))]

    def _op(self, layer: int, *, depth: int) -> Op:
        makers = [self._state, self._state, self._state, self._step, self._disturbance]
        if layer + 1 < LAYERS:
            makers += [self._call, self._message]
        if depth < 2:
            makers += [self._attempt, self._together]
        return self._random.choice(makers)(layer, depth)

    def _state(self, layer: int, depth: int) -> Op:
        name = self._random.choice(_NAMES)
        ops = [
            say.get(name),
            say.get(name),
            say.put(name, self._random.randrange(100)),
            say.put(name, self._random.randrange(100)),
            say.add("sum", self._random.randrange(10)),
            say.clear(name),
        ]
        if self._random.random() < 0.1:
            return say.clear_all()
        return self._random.choice(ops)

    def _step(self, layer: int, depth: int) -> Op:
        return self._future(layer)

    def _future(self, layer: int) -> Op:
        value = self._random.randrange(1000)
        ops = [
            say.run(self._name("step"), value),
            say.run(self._name("step"), value, fails=self._random.randint(1, 2)),
            say.run(self._name("step"), terminal=f"no {value}"),
            say.sleep(self._random.randrange(10)),
        ]
        return self._random.choice(ops)

    def _disturbance(self, layer: int, depth: int) -> Op:
        if self._random.random() < 0.5:
            return say.crash(self._name("crash"), 1)
        return say.fail(f"failed {self._random.randrange(100)}", self._random.choice([400, 409, 500]))

    def _call(self, layer: int, depth: int) -> Op:
        return say.call("Actor", "play", self.program(layer + 1, length=3), key=self.key(layer + 1))

    def _message(self, layer: int, depth: int) -> Op:
        # Only additions: messages of several senders may come in any order.
        return say.send(
            "Actor", "play", [say.add("messages", self._random.randrange(10))], key=f"{self.key(layer + 1)}-m"
        )

    def _attempt(self, layer: int, depth: int) -> Op:
        return say.attempt(*(self._op(layer, depth=depth + 1) for _ in range(self._random.randint(1, 3))))

    def _together(self, layer: int, depth: int) -> Op:
        futures = [self._future(layer) for _ in range(self._random.randint(2, 4))]
        return say.all_of(*futures)

    def _name(self, word: str) -> str:
        self._count += 1
        return f"{self._prefix}-{word}-{self._count}"


class Failed(Exception):
    """A program has failed for good."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Model:
    """All objects at once; calls are carried out on the spot, because nothing else may touch their keys meanwhile."""

    def __init__(self) -> None:
        self.states: defaultdict[str, dict[str, Any]] = defaultdict(dict)

    def play(self, key: str, program: Program) -> list[Any]:
        """Return what a program gives, and change the states as it does.

        Raises:
            Failed: The program fails.
        """
        return [self._step(key, op) for op in program]

    def _step(self, key: str, op: Op) -> Any:
        state = self.states[key]
        match op["do"]:
            case "get":
                return state.get(op["name"])
            case "set":
                state[op["name"]] = op["value"]
            case "clear":
                state.pop(op["name"], None)
            case "clear_all":
                state.clear()
            case "add":
                state[op["name"]] = state.get(op["name"], 0) + op["amount"]
                return state[op["name"]]
            case "send":
                self.play(op["key"], op["arg"])
                return "an id"
            case "fail":
                raise Failed(op["code"], op["message"])
            case "crash":
                return None
            case "attempt":
                return self._attempt(key, op)
            case "all":
                return [self._settled(key, each) for each in op["of"]]
            case _:
                return self._future(key, op)
        return None

    def _future(self, key: str, op: Op) -> Any:
        match op["do"]:
            case "run":
                if "terminal" in op:
                    raise Failed(418, op["terminal"])
                return op["value"]
            case "call":
                return self.play(op["key"], op["arg"])
            case _:
                return None

    def _settled(self, key: str, op: Op) -> list[Any]:
        try:
            return ["ok", self._future(key, op)]
        except Failed as failed:
            return ["failed", failed.code, failed.message]

    def _attempt(self, key: str, op: Op) -> dict[str, Any]:
        try:
            return {"ok": self.play(key, op["body"])}
        except Failed as failed:
            return {"failed": [failed.code, failed.message]}


def without_ids(results: Any) -> Any:
    """Return results in which every invocation's id is the model's word for one."""
    match results:
        case list():
            return [without_ids(each) for each in results]
        case dict():
            return {name: without_ids(each) for name, each in results.items()}
        case str() if results.startswith("inv_"):
            return "an id"
        case _:
            return results
