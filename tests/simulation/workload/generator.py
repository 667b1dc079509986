"""Scenarios from seeds: random programs in a random world with random faults.

A seed does not mix everything: it chooses a few verbs, a few kinds of faults and one way of living, because bugs hide
where one thing happens often rather than everything a little.
"""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from tests.simulation.scenario import Order, Request, Scenario, Surroundings, What
from tests.simulation.workload.programs import DOOMED, HOT, OBJECT, POISON, SERVICE, WORKFLOW, Program, Statement
from tests.simulation.world.faults import Kind, Site
from tests.simulation.world.invokers import DIRECT, MODES

_KEYS = ("a", "b", "c", "d")
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
# What can be done to somebody in the middle of something.
_STRIKING = frozenset({"cancel", "kill", "pause"})
_ORDERS: tuple[What, ...] = ("cancel", "kill", "pause", "resume", "restart", "purge", "purge journal")


def generate(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    dice = Random(f"{seed} scenario")
    weather = dice.choice(tuple(_WEATHERS))
    has_orders = weather == "operators" or dice.random() < 0.2
    author = _Author(dice, is_disturbed=has_orders, weather=weather)
    requests = author.requests(weather)
    rates, wanted = _WEATHERS[weather]
    kinds = frozenset(kind for kind in Kind if kind in wanted and dice.random() < dice.choice((0.3, 0.6, 1.0)))
    return Scenario(
        seed=seed,
        weather=weather,
        surroundings=_surroundings(dice, weather),
        programs=tuple(author.programs),
        requests=tuple(requests),
        orders=tuple(_orders(dice, has_orders=has_orders)),
        rate_by_site={site: rate * dice.choice((0.5, 1.0, 2.0)) for site, rate in rates.items()},
        kinds=kinds,
        faults_end_ms=dice.choice((15_000, 40_000, 90_000)),
    )


_CRASHES = frozenset(
    {Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.KILLED, Kind.FUNCTION_CRASH, Kind.DOUBLED, Kind.STALE_ACK, Kind.DROPPED}
)
_STALLS = frozenset(
    {
        Kind.STALL_BEFORE,
        Kind.STALL_AFTER,
        Kind.FROZEN,
        Kind.FUNCTION_FROZEN,
        Kind.ANSWER_LOST,
        Kind.TIMED_OUT,
        Kind.DOUBLED,
        Kind.STALE_ACK,
    }
)
_ANSWERS = frozenset({Kind.LOST, Kind.UNKNOWN, Kind.REPEATED, Kind.THROTTLED, Kind.ANSWER_LOST, Kind.REFUSED})

# What goes wrong in a history, and how often. Many faults of one sort find more than a few of every sort.
_WEATHERS: dict[str, tuple[dict[Site, float], frozenset[Kind]]] = {
    "calm": ({}, frozenset()),
    "crashes": (
        {Site.WRITE: 0.05, Site.SEND: 0.04, Site.READ: 0.005, Site.DELIVERY: 0.1, Site.PROCESS: 0.3, Site.INVOKE: 0.1},
        _CRASHES,
    ),
    "zombies": (
        {
            Site.WRITE: 0.04,
            Site.READ: 0.02,
            Site.PAGE: 0.08,
            Site.DELIVERY: 0.3,
            Site.PROCESS: 0.3,
            Site.INVOKE: 0.3,
        },
        _STALLS,
    ),
    "answers": ({Site.WRITE: 0.12, Site.SEND: 0.08, Site.READ: 0.02, Site.INVOKE: 0.15}, _ANSWERS),
    "operators": (
        {Site.WRITE: 0.03, Site.SEND: 0.01, Site.PROCESS: 0.1, Site.INVOKE: 0.05},
        frozenset({Kind.STALL_BEFORE, Kind.STALL_AFTER, Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.KILLED, Kind.FROZEN}),
    ),
    "mixed": (
        {Site.WRITE: 0.03, Site.SEND: 0.02, Site.READ: 0.006, Site.DELIVERY: 0.1, Site.PROCESS: 0.1, Site.INVOKE: 0.1},
        frozenset(Kind),
    ),
}


def _surroundings(dice: Random, weather: str) -> Surroundings:
    has_zombies = weather == "zombies"
    has_room = has_zombies or weather == "calm"
    life_s = dice.choice((15.0, 40.0, 90.0))
    latency_s = dice.choice((0.002, 0.02) if has_room else (0.002, 0.02, 0.1))
    renews = has_zombies or dice.random() < 0.7
    modes = (DIRECT,) if has_zombies and dice.random() < 0.5 else (dice.choice(MODES), dice.choice(MODES))
    # A handler that appends by itself leaves large values to the answer, as there is no telling what is large here.
    blob_bytes_min = 100_000 if DIRECT in modes else dice.choice((100_000, 100_000, 60))
    # Short ones still leave time for what a message asks for, or nothing would ever be done but begin again.
    short_s = max(life_s * 0.3, latency_s * 200)
    return Surroundings(
        modes=modes,
        life_s=life_s,
        visibility_s=short_s if has_zombies else dice.choice((life_s + 5.0, life_s + 5.0, short_s)),
        spread_s=dice.choice((0.0, 0.05, 2.0)),
        latency_s=latency_s,
        dispatchers_max=8 if has_room else dice.choice((1, 3, 8)),
        batch_max=dice.choice((1, 3, 10)),
        acks_at_end=dice.random() < 0.5,
        renews=renews,
        # Whoever does not renew has a lease that outlasts an attempt, or none would ever end.
        lease_ms=2_000 if has_zombies else dice.choice((2_000, 8_000, 20_000)) if renews else 40_000,
        skew_ms_max=dice.choice((0, 0, 300, 3_000)),
        runs_max=dice.choice((None, None, 0, 2)),
        blob_bytes_min=blob_bytes_min,
        eager_state_bytes_max=dice.choice((4_194_304, 4_194_304, 12)),
        page_bytes_max=300 if has_zombies else dice.choice((1015, 450, 300)),
    )


def _orders(dice: Random, *, has_orders: bool) -> list[Order]:
    orders = []
    if dice.random() < 0.3:
        orders.append(Order(at_ms=dice.randint(0, 20_000), what="redeploy", which=0))
    if has_orders:
        wanted = [what for what in _ORDERS if dice.random() < 0.5] or ["cancel"]
        for _ in range(dice.randint(1, 10)):
            at_ms = dice.choice((dice.randint(0, 6_000), dice.randint(0, 60_000)))
            what = dice.choice(wanted)
            upon_call = what in _STRIKING and dice.random() < 0.3
            which = dice.randrange(6 if upon_call else 30)
            for_ms = dice.choice((0, 300, 5_000)) if what == "pause" else 0
            orders.append(Order(at_ms=at_ms, what=what, which=which, upon_call=upon_call, for_ms=for_ms))
    return orders


class _Author:
    """Writes programs. `is_disturbed`: operators will end invocations, so nobody may wait for another without limit."""

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


def describe(scenario: Scenario) -> list[str]:
    """Return a scenario as people read it."""
    lines = [f"seed {scenario.seed}", f"{scenario.surroundings}"]
    for number, program in enumerate(scenario.programs):
        where = f"{program.service}{f'/{program.key}' if program.key else ''}/{program.handler}"
        lines.append(f"program {number} on {where}: {_text(program.body)}")
    lines += [f"request {request}" for request in scenario.requests]
    lines += [f"order {order}" for order in scenario.orders]
    return lines


def _text(value: Any) -> str:
    return str(value).replace("'", "")
