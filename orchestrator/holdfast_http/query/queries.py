"""Running a query: planned and executed in a process of its own, its rows read here, within a bound of time."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from holdfast_http.query.budget import Budget, QueryRefused
from holdfast_http.query.loading import load
from holdfast_http.query.process import QueryProcess, WorkerDied
from holdfast_http.query.wanted import Wanted, merged

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine

SECONDS_MAX = 10.0
RESULT_BYTES_MAX = 16 * 1024 * 1024
# They run one after the other; whoever would wait behind this many had better come back.
_WAITING_MAX = 8
_QUERY_CHARS_MAX = 100_000


class Queries:
    """Answers queries over an engine; `close` ends the process behind it."""

    def __init__(
        self,
        engine: Engine,
        *,
        process: QueryProcess | None = None,
        seconds_max: float = SECONDS_MAX,
        result_bytes_max: int = RESULT_BYTES_MAX,
    ) -> None:
        self._engine = engine
        self._process = process or QueryProcess()
        self._seconds_max = seconds_max
        self._result_bytes_max = result_bytes_max
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def run(self, query: str, *, as_json: bool) -> bytes:
        """Return the result as JSON or as an Arrow stream.

        Raises:
            QueryRefused: It cannot be answered.
        """
        if find_spec("datafusion") is None:
            raise QueryRefused(
                "this server has no SQL: install it with `pip install 'holdfast[sql]'`, and start it again", status=501
            )
        if len(query) > _QUERY_CHARS_MAX:
            raise QueryRefused(f"a query may have {_QUERY_CHARS_MAX} characters", status=400)
        if self._waiting >= _WAITING_MAX:
            raise QueryRefused(f"{_WAITING_MAX} queries are waiting already: try again in a moment", status=429)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._in_time(query, as_json=as_json)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process."""
        await self._process.end()

    async def _in_time(self, query: str, *, as_json: bool) -> bytes:
        try:
            async with asyncio.timeout(self._seconds_max):
                return await self._answer(query, as_json=as_json)
        except TimeoutError:
            message = f"the query took longer than {self._seconds_max:g} s: select fewer rows, or join less"
            raise QueryRefused(message, status=400) from None
        except WorkerDied:
            message = "the process that runs queries ended over this one: select fewer rows, or join less"
            raise QueryRefused(message, status=400) from None

    async def _answer(self, query: str, *, as_json: bool) -> bytes:
        is_answered = False
        try:
            planned = _checked(await self._process.ask({"do": "plan", "query": query}))
            tables = await self._tables([Wanted(*each) for each in planned["wanted"]])
            request = {"do": "run", "query": query, "tables": tables, "as_json": as_json}
            answer = await self._process.ask({**request, "bytes_max": self._result_bytes_max})
            is_answered = True
        except QueryRefused:
            # Said by the process itself, or while nothing was asked of it.
            is_answered = True
            raise
        finally:
            if not is_answered:
                # Whoever stops in between leaves an answer in the pipe that the next one would take for its own.
                await asyncio.shield(self._process.end())
        body: bytes = _checked(answer)["body"]
        return body

    async def _tables(self, wanted: list[Wanted]) -> dict[str, list[dict[str, Any]]]:
        budget = Budget()
        scans_by_table: dict[str, list[Wanted]] = {}
        for scan in wanted:
            scans_by_table.setdefault(scan.table, []).append(scan)
        return {table: await load(self._engine, merged(scans), budget) for table, scans in scans_by_table.items()}


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise QueryRefused(answer["error"], status=400)
    return answer
