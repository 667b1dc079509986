"""Programs: what handlers do in a simulation, as plain data that a seed generates and a regression keeps.

A statement is a list: a verb and its arguments. A program's place in the scenario is its number; `call` and `send` name
programs by it, so a tree of calls is a tree of numbers, and each program is run by one invocation and no other.

| statement | what it does | what it sees |
|---|---|---|
| `run NAME` | a step; its value tells which execution of its closure was recorded | `[NAME, n]` |
| `flaky NAME N` | a step whose first N executions throw | `[NAME, n]`, n > N |
| `hang NAME N` | a step whose first N executions last longer than any attempt may | `[NAME, n]`, n > N |
| `decline NAME CODE` | a step that fails for good | `["error", CODE, NAME]` |
| `use_up NAME N` | a step that always throws and is tried N times | `["error", 500, …]` |
| `slow NAME S` | a step that takes a while | `[NAME, n]` |
| `sleep MS` | a durable sleep | `"slept"` |
| `call P IDEM` | calls program P and waits | what P comes to |
| `send P DELAY_MS IDEM` | sends to program P; `handle` counts sends and calls | the id of the invocation |
| `attach HANDLE` | waits for the outcome of what it sent | what that comes to |
| `cancel HANDLE` | cancels what it sent | null |
| `gather S…`, `select S…` | several of run, sleep, call, awakeable, signal, promise at once | all, or the winner |
| `timeout S MS` | one of these, at most so long | what it sees, or `["error", 408, …]` |
| `awakeable VALUE` | waits for a person outside, who answers VALUE | VALUE |
| `signal NAME VALUE` | waits for a signal, which a program sent before raises | VALUE |
| `raise_signal NAME VALUE` | raises that signal with whoever sent this program | null |
| `get NAME`, `keys` | reads state | the value, the names |
| `set NAME VALUE`, `clear NAME`, `clear_all` | writes state | null |
| `add NAME N` | reads, adds and writes | the sum |
| `promise NAME`, `peek NAME` | waits for, looks at, a promise of the workflow | the value |
| `resolve NAME VALUE` | gives a promise its value | `"first"` or `["error", 409, …]` |
| `saga [NAME…] CODE` | steps with compensations; they fail in the end if CODE is not 0 | `"done"`; or it ends |
| `shield BODY CLEANUP` | statements that clean up when they are cancelled | what BODY sees |
| `throw N` | throws the first N times that it is reached | null |
| `uuid` | draws a deterministic number | the number |
| `fail CODE` | fails for good | it ends |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Statement = list[Any]

SERVICE, OBJECT, WORKFLOW, POISON, DOOMED = "Svc", "Obj", "Flow", "Poison", "Doomed"
KEYED = (OBJECT, WORKFLOW)
# The key of the object that clients ask for directly, often at once, and no program.
HOT = "hot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What one invocation does, of which handler it is one, and in which scope it counts, with which limit key."""

    service: str
    handler: str
    key: str | None
    body: list[Statement]
    scope: str | None = None
    limit_key: str | None = None

    def to_json(self) -> list[Any]:
        """Return the program as a regression keeps it."""
        plain = [self.service, self.handler, self.key, self.body]
        return plain if self.scope is None else [*plain, self.scope, self.limit_key]

    @classmethod
    def from_json(cls, data: list[Any]) -> Program:
        """Return the program that a regression has kept."""
        service, handler, key, body, scope, limit_key = (*data, None, None)[:6]
        return cls(service=service, handler=handler, key=key, body=body, scope=scope, limit_key=limit_key)


def verbs_in(body: Sequence[Any]) -> set[str]:
    """Return the verbs of statements, those within others included; names of steps are among them."""
    found: set[str] = set()
    for part in body:
        if isinstance(part, str):
            found.add(part)
        elif isinstance(part, list):
            found |= verbs_in(part)
    return found
