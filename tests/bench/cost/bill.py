"""The bill of the reference run: what was counted, what is worked out from that, and the table that people see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from holdfast_aws import listing_index
from holdfast_aws.items import item_bytes
from holdfast_aws.lifetimes import DAY_MS
from holdfast_aws.upkeep_walks import JOURNALS_EVERY_MS
from holdfast_protocol.items import EXPIRES
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
_DAY_S = DAY_MS // 1000


class Stored(NamedTuple):
    """An item that a run has left: for how many days, its bytes, and whether the walk meets it."""

    days: float
    size: int
    is_walked: bool


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
        stored = await _stored(cloud)
        heads = await asyncio.gather(*[cloud.head(each) for each in ids])
        assert all(head.outcome_index is not None for head in heads), "a reference run has not come to its end"
        usage = Usage(
            write_units=cloud.write_units,
            read_units=read_units,
            sqs_requests=cloud.queue.requests.total(),
            invocations=runs + cloud.dispatches + cloud.functions.invocations,
            gb_seconds=_gb_seconds(cloud, runs),
            gb_months=sum(each.days * (each.size + ITEM_STORAGE_BYTES) for each in stored)
            / _BYTES_PER_GB
            / _MONTH_DAYS,
        )
        return Bill(usage=usage.shared_by(runs), walks=_walks(stored).shared_by(runs))


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


async def _stored(cloud: Cloud) -> list[Stored]:
    """Return what the runs have left in the journal table and its index; an entry of that goes with its head."""
    store, now_s = cloud.ingress.store, cloud.clock.now_ms() / 1000
    raws = [raw async for page in store.dynamo.scan(store.models.head, {}, after=None) for raw in page]
    days = {(raw["p"]["S"], raw["s"]["S"]): (int(raw[EXPIRES]["N"]) - now_s) / _DAY_S for raw in raws}
    entries, behind = await store.dynamo.scan_page(store.models.head, {"IndexName": listing_index.NAME}, after=None)
    assert behind is None, "the index has more than a page"
    stored = [Stored(days[raw["p"]["S"], raw["s"]["S"]], item_bytes(raw), is_walked=True) for raw in raws]
    stored += [Stored(days[raw["p"]["S"], raw["s"]["S"]], item_bytes(raw), is_walked=False) for raw in entries]
    return stored


def _walks(stored: Sequence[Stored]) -> Usage:
    """Return what the walk reads of that until it expires."""
    passed = [each.size * each.days * DAY_MS / JOURNALS_EVERY_MS for each in stored if each.is_walked]
    return Usage(read_units=sum(passed) / _READ_BYTES / 2)
