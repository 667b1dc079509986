"""The bill of the reference run: what was counted, what is worked out from that, and the table that people see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from holdfast_aws.items import item_bytes
from holdfast_aws.lifetimes import DAY_MS, USUAL_LIFETIMES
from holdfast_aws.upkeep_walks import JOURNALS_EVERY_MS
from tests.bench.cost.cloud import Cloud, open_cloud
from tests.bench.cost.prices import ITEM_STORAGE_BYTES, Usage
from tests.bench.cost.services import reference

RUNS = 1_000_000
LOAD = 100
DISPATCHERS = 10
# What each function is given, as the CDK construct does; a handler's is up to its owner.
ENGINE_GB = 0.5
HANDLER_GB = 0.25

# What takes CPU time is billed as if the memory were that of a whole processor: with less of both it takes longer.
_PROCESSOR_GB = 1.769
# Of a run on one core, measured: the engine, its two dozen requests by boto3, and the handlers, stand-ins included.
_CPU_S = 0.040
# How long others take to answer: the usual times in a region.
_DYNAMODB_S = 0.006
_SQS_S = 0.015
_INVOKE_S = 0.015

# What the walk reads costs half of a strongly consistent read, and counts in these.
_READ_BYTES = 4096
_BYTES_PER_GB = 1_000_000_000
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one run used, of many."""

    usage: Usage
    walks: Usage

    @property
    def dollars(self) -> float:
        """Return what a million runs cost."""
        return RUNS * (self.usage.total + self.walks.total)


async def measured(url: str, runs: int) -> Bill:
    """Run so many reference runs at once on an installation of their own, and return what one of them used."""
    async with open_cloud(url, [reference], dispatchers=DISPATCHERS if runs > 1 else 1) as cloud:
        ids = [await cloud.send("Reference", "run", b'"x"') for _ in range(runs)]
        await cloud.come_to_rest()
        # What is looked at from here on is not a part of the runs.
        read_units = cloud.read_units
        stored = await _stored_bytes(cloud)
        heads = await asyncio.gather(*[cloud.head(each) for each in ids])
        assert all(head.outcome_index is not None for head in heads), "a reference run has not come to its end"
        usage = Usage(
            write_units=cloud.write_units,
            read_units=read_units,
            sqs_requests=cloud.queue.requests.total(),
            invocations=runs + cloud.dispatches + cloud.functions.invocations,
            gb_seconds=_gb_seconds(cloud, runs),
            gb_months=_gb_months(stored, retention_days=heads[0].completion_retention_ms / DAY_MS),
        )
        return Bill(usage=usage.shared_by(runs), walks=_walks(stored, heads[0].completion_retention_ms).shared_by(runs))


def table(alone: Bill, load: Bill) -> str:
    """Return the table, in dollars for a million runs."""
    rows = [
        ("DynamoDB write units", "write_units", "{:.1f}"),
        ("DynamoDB read units", "read_units", "{:.1f}"),
        ("SQS requests", "sqs_requests", "{:.1f}"),
        ("Lambda invocations, handlers' included", "invocations", "{:.1f}"),
        ("Lambda GB-seconds, worked out", "gb_seconds", "{:.3f}"),
        ("Storage until it expires, GB-months per million", "gb_months", "{:.2f}"),
    ]
    lines = [f"| Of one run | alone | $ per million | {LOAD} at once | $ per million |", "|---|---|---|---|---|"]
    for title, name, shape in rows:
        cells = [title]
        for bill in (alone, load):
            used = getattr(bill.usage, name) * (RUNS if name == "gb_months" else 1)
            cells += [shape.format(used), f"{RUNS * bill.usage.dollars[name]:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    walks = [f"{RUNS * bill.walks.total:.2f}" for bill in (alone, load)]
    lines.append(f"| The walk that keeps old journals, read units | | {walks[0]} | | {walks[1]} |")
    lines.append(f"| **All** | | **{alone.dollars:.2f}** | | **{load.dollars:.2f}** |")
    return "\n".join(lines)


def _gb_seconds(cloud: Cloud, runs: int) -> float:
    """Return what the functions' time comes to.

    A dispatcher that has ten messages in hand is busy with one while it waits for another, so under load its time is
    what its CPU needs. With one message it waits.
    """
    requests = sum(count for name, count in cloud.requests.items() if "handlers" not in name)
    handlers_s = cloud.requests["UpdateItem by handlers"] * _DYNAMODB_S
    waits_s = requests * _DYNAMODB_S + cloud.queue.requests["send"] * _SQS_S + cloud.functions.invocations * _INVOKE_S
    shared = max(1.0, cloud.queue.received / cloud.dispatches)
    waited_gb_s = (waits_s + handlers_s) * ENGINE_GB
    busy_gb_s = runs * _CPU_S * _PROCESSOR_GB
    engine_gb_s = max(waited_gb_s / shared, busy_gb_s) if shared > 1 else waited_gb_s + busy_gb_s
    return engine_gb_s + handlers_s * HANDLER_GB


async def _stored_bytes(cloud: Cloud) -> tuple[int, int]:
    """Return how much the runs have left in the journal table: bytes, and items."""
    size = items = 0
    store = cloud.ingress.store
    async for page in store.dynamo.scan(store.models.head, {}, after=None):
        size += sum(item_bytes(raw) for raw in page)
        items += len(page)
    return size, items


def _gb_months(stored: tuple[int, int], *, retention_days: float) -> float:
    """Return what that occupies until it expires, as if the heads were there as long as their pages are."""
    size, items = stored
    days = USUAL_LIFETIMES.spare_ms / DAY_MS + retention_days
    return (size + items * ITEM_STORAGE_BYTES) / _BYTES_PER_GB * days / _MONTH_DAYS


def _walks(stored: tuple[int, int], retention_ms: int) -> Usage:
    """Return what the walk reads of that until it expires."""
    passes = (USUAL_LIFETIMES.spare_ms + retention_ms) / JOURNALS_EVERY_MS
    return Usage(read_units=passes * stored[0] / _READ_BYTES / 2)
