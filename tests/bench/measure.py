"""Drive one case against a server in another process and work out what a request took and cost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.bench.cases import Case
from tests.bench.server import FIGURES
from tests.support.load import LoadClient

# Units of what is still under way when the last answer is out, such as releasing a key, belong to the case.
_SETTLE_S = 0.2
_WARM_UP_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the server has used since its start."""

    cpu_s: float
    write_units: int
    read_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one case came to, per request."""

    case: Case
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    write_units: float
    read_units: float

    def beyond(self, other: Measured) -> Measured:
        """Return the same with what the other costs taken off."""
        return replace(
            self,
            cpu_ms=self.cpu_ms - other.cpu_ms,
            write_units=self.write_units - other.write_units,
            read_units=self.read_units - other.read_units,
        )

    @property
    def is_within_budget(self) -> bool:
        """Whether it costs at most what is promised."""
        return self.write_units <= self.case.write_units_max


async def measure_all(
    client: LoadClient, cases: Sequence[Case], *, share: float, tell: Callable[[Measured], None]
) -> list[Measured]:
    """Measure case after case, telling of each as soon as it is done."""
    whole_by_name: dict[str, Measured] = {}
    shown = []
    for case in cases:
        measured = whole_by_name[case.name] = await measure(client, case, share=share)
        if case.beyond in whole_by_name:
            measured = measured.beyond(whole_by_name[case.beyond])
        tell(measured)
        shown.append(measured)
    return shown


async def measure(client: LoadClient, case: Case, *, share: float) -> Measured:
    """Run a case, or a share of its requests, after a short warm-up."""
    count = max(1, round(case.requests * share))
    await _drive(client, case, range(-max(1, round(count * _WARM_UP_SHARE)), 0))
    await asyncio.sleep(_SETTLE_S)
    before = await figures(client)
    began = time.perf_counter()
    latencies = sorted(await _drive(client, case, range(count)))
    elapsed = time.perf_counter() - began
    await asyncio.sleep(_SETTLE_S)
    after = await figures(client)
    return Measured(
        case=case,
        per_second=count / elapsed,
        p50_ms=1000 * latencies[len(latencies) // 2],
        p99_ms=1000 * latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
        cpu_ms=1000 * (after.cpu_s - before.cpu_s) / count,
        write_units=(after.write_units - before.write_units) / count,
        read_units=(after.read_units - before.read_units) / count,
    )


async def figures(client: LoadClient) -> Figures:
    """Ask the server what it has used."""
    return Figures(**json.loads((await client.get(FIGURES)).body))


async def _drive(client: LoadClient, case: Case, numbers: range) -> list[float]:
    """Make the requests with the case's number of them under way at any time; return how long each took."""
    waiting = iter(numbers)
    latencies: list[float] = []

    async def lane(waiting: Iterator[int]) -> None:
        for number in waiting:
            sent = time.perf_counter()
            answer = await client.post(case.path(number), case.body.encode())
            latencies.append(time.perf_counter() - sent)
            assert answer.status == 200, f"{case.name}: {answer.status} {answer.body!r}"

    await asyncio.gather(*(lane(waiting) for _ in range(min(case.outstanding, len(numbers)))))
    return latencies
