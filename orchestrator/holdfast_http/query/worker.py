"""The process that queries run in: it plans, is given rows and answers; its parent ends it when that takes too long.

A process of its own, because a query cannot be stopped from within, its memory and CPU are not the engine's, and the
engine's process never imports DataFusion and Arrow (about 290 MB on disk, 0.4 s, 100 MB of memory). It reads requests
from standard input and writes answers to standard output, each with its length in front.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import datafusion
import pyarrow as pa

from holdfast_http.query.framing import read_message, write_message
from holdfast_http.query.json_rows import json_rows
from holdfast_http.query.planning import wanted_of
from holdfast_http.query.tables import TABLES, Table

_MEMORY_BYTES_MAX = 256 * 1024 * 1024
# The pool knows nothing of what an expression makes: `repeat('x', 2000000000)` takes it all while it is planned. Beyond
# this the process ends. The most that a query may read takes less than half of it, as rows in Python and in Arrow.
_PROCESS_BYTES_MAX = 1536 * 1024 * 1024

_ARROW = {
    "bool": pa.bool_(),
    "bytes": pa.large_binary(),
    "duration": pa.duration("ms"),
    "text": pa.large_string(),
    "texts": pa.list_(pa.large_string()),
    "time": pa.timestamp("ms", tz="+00:00"),
    "u32": pa.uint32(),
    "u32s": pa.list_(pa.uint32()),
    "u64": pa.uint64(),
}


class _TooMuch(Exception):
    """The result is larger than what an answer may be."""


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    _bound_memory()
    answers = sys.stdout.buffer
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(answers, _answer(request))


def _bound_memory() -> None:
    """Bound what is taken from here on; what the libraries have reserved by now, some GiB, is hardly used."""
    statistics = Path("/proc/self/statm")
    # Other systems have no such file, and do not enforce the limit either.
    if not statistics.exists():
        return
    taken = int(statistics.read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = taken + _PROCESS_BYTES_MAX
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        if request["do"] == "plan":
            plan = _frame(request["query"], {}).optimized_logical_plan()
            return {"wanted": wanted_of(plan)}
        answer = _run(request["query"], request["tables"], request["bytes_max"], as_json=request["as_json"])
        return {"body": answer}
    except Exception as error:  # noqa: BLE001 - DataFusion raises bare exceptions for what a query says wrong.
        return {"error": f"Datafusion error: {error}"}


def _frame(query: str, rows: dict[str, list[dict[str, Any]]]) -> Any:
    config = datafusion.SessionConfig().with_information_schema(True).with_target_partitions(1)
    config = config.with_default_catalog_and_schema("holdfast", "public")
    runtime = datafusion.RuntimeEnvBuilder().with_disk_manager_disabled().with_greedy_memory_pool(_MEMORY_BYTES_MAX)
    context = datafusion.SessionContext(config, runtime)
    for name, table in TABLES.items():
        context.register_record_batches(name, [[_batch(table, rows.get(name, []))]])
    options = datafusion.SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
    return context.sql_with_options(query, options)


def _batch(table: Table, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in table.columns])
    arrays = [pa.array([row.get(name) for row in rows], type=_ARROW[kind]) for name, kind in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _run(query: str, rows: dict[str, list[dict[str, Any]]], bytes_max: int, *, as_json: bool) -> bytes:
    frame = _frame(query, rows)
    batches, size = [], 0
    for each in frame.execute_stream():
        batch = each.to_pyarrow()
        batches.append(batch)
        size += batch.nbytes
        if size > bytes_max:
            raise _TooMuch(f"the result is larger than {bytes_max} bytes: select fewer rows or columns")
    body = json_rows(batches) if as_json else _stream(frame.schema(), batches)
    # As text it may be longer than the columns were.
    if len(body) > bytes_max:
        raise _TooMuch(f"the result has {len(body)} bytes of {bytes_max}: select fewer rows or columns")
    return body


def _stream(schema: Any, batches: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


if __name__ == "__main__":
    main()
