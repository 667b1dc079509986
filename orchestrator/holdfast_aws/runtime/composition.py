"""The engine's world on AWS, put together from the settings of a function."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_aws.clients import Clients, make_clients
from holdfast_aws.dynamo import Dynamo
from holdfast_aws.lambda_discovery import LambdaDiscovery
from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_aws.lifetimes import DAY_MS, Lifetimes
from holdfast_aws.models import TableNames
from holdfast_aws.runtime.deadline import Deadline, PunctualInvoker
from holdfast_aws.runtime.http_endpoints import HttpEndpoints
from holdfast_aws.runtime.identity import SecretKey
from holdfast_aws.runtime.settings import RuntimeSettings
from holdfast_aws.runtime.surroundings import SystemClock, SystemDice
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_aws.store import DynamoStore
from holdfast_aws.timers import Timers
from holdfast_aws.upkeep_walks import upkeep_walks
from holdfast_aws.wakeup_queue import WakeupQueue
from holdfast_aws.wakeups import SqsWakeups
from holdfast_aws.walks import Walk
from holdfast_endpoints.router import RoutingDiscovery, RoutingInvoker
from holdfast_engine.registry import Registry
from holdfast_engine.world import Settings, Tasks, World

# A message comes back for a day at most, unless somebody takes it out of the dead-letter queue later than that: until
# then a head that has ended meets whoever would create its invocation again (rule O-10). It costs nothing where
# journals are kept for a day anyhow, as they are by default.
_RETENTION_MIN_MS = DAY_MS
# What runs at a time in one process beside the ten messages of a batch is bounded by its settings; this is only a lid.
_TASKS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, and those parts of it that some functions use directly."""

    world: World
    store: DynamoStore
    clients: Clients
    timers: Timers
    queue: WakeupQueue
    walks: tuple[Walk, ...]


def compose(
    settings: RuntimeSettings, *, clock: SystemClock, deadline: Deadline, runs_max: int, invokes: bool
) -> Ports:
    """Return the ports of one process; `runs_max` as the engine's settings have it."""
    clients = make_clients(calls_functions=invokes)
    tables = TableNames(
        journal=settings.journal_table,
        keys=settings.keys_table,
        timers=settings.timers_table,
        registry=settings.registry_table,
    )
    blobs = S3Blobs(clients.s3, settings.blobs_bucket)
    lifetimes = Lifetimes(spare_ms=settings.spare_days * DAY_MS)
    store = DynamoStore(clients.dynamodb, tables, clock=clock, blobs=blobs, lifetimes=lifetimes)
    timers = Timers(Dynamo(clients.dynamodb, meter=store.meter), tables.timers)
    queue = WakeupQueue(clients.sqs, settings.wakeups_queue_url)
    functions = Functions(clients.functions, sts=clients.sts)
    key = SecretKey(clients.secrets, settings.identity_secret_arn, clock=clock)
    http = HttpEndpoints(clock=clock, signer=key.signer)
    by_lambda = LambdaInvoker(functions, journal_table=tables.journal, clock=clock, lifetimes=lifetimes)
    world = World(
        store=store,
        wakeups=SqsWakeups(queue, timers, clock=clock, ends_ms=lambda: deadline.at_ms),
        invoker=PunctualInvoker(RoutingInvoker({"lambda": by_lambda, "http": http}), deadline),
        discovery=RoutingDiscovery({"lambda": LambdaDiscovery(functions), "http": http}),
        blobs=blobs,
        clock=clock,
        dice=SystemDice(),
        registry=Registry(),
        settings=Settings(
            is_alone=False,
            lease_ms=int(settings.lease_s * 1000),
            retention_min_ms=_RETENTION_MIN_MS,
            runs_max=runs_max,
        ),
        tasks=Tasks(_TASKS_MAX),
    )
    walks = upkeep_walks(store, blobs, timers_table=tables.timers, clock=clock)
    return Ports(world=world, store=store, clients=clients, timers=timers, queue=queue, walks=walks)
