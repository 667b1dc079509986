"""What is measured: requests with 32 outstanding, and what the issue or the design says to compare the figures with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OUTSTANDING = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of request; `path` and `body` take the number of the request.

    `compared_with` names the case that is done the same way but for what is to be measured: its figures are taken off.
    """

    name: str
    path: Callable[[int], str]
    body: Callable[[int], str]
    requests: int
    outstanding: int = OUTSTANDING
    aim: str = ""
    compared_with: str | None = None


def _calls(name: str, path: str, body: str, requests: int, aim: str = "") -> Case:
    return Case(name=name, path=lambda _: path, body=lambda _: body, requests=requests, aim=aim)


CASES = [
    _calls("empty call", "/Bench/empty", '"hello"', 2000, "<= 1 ms CPU"),
    _calls("1 step", "/Bench/steps", "1", 1500),
    _calls("10 sequential steps", "/Bench/steps", "10", 1000, ">= 400/s, <= 3 ms CPU"),
    _calls("10 gathered steps", "/Bench/gathered_steps", "10", 500),
    _calls("20-way fan-out of calls", "/Bench/fan_out", "20", 150, "<= 15 ms CPU"),
    _calls("hot key", "/Tally/hot/add", "1", 2000, ">= 700/s"),
    Case(name="100 keys", path=lambda number: f"/Tally/{number % 100}/add", body=lambda _: "1", requests=2000),
    Case(
        name="200 one-second sleeps",
        path=lambda _: "/Bench/nap",
        body=lambda _: "1000",
        requests=200,
        outstanding=200,
    ),
    Case(
        name="500 entries journaled",
        path=lambda _: "/Bench/resumed",
        body=lambda _: "0",
        requests=4,
        outstanding=1,
    ),
    Case(
        name="... and resumed 20 times",
        path=lambda _: "/Bench/resumed",
        body=lambda _: "20",
        requests=4,
        outstanding=1,
        aim="<= 150 ms CPU",
        compared_with="500 entries journaled",
    ),
]
