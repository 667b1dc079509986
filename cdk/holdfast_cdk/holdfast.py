"""The whole orchestrator as one construct: tables, queues, bucket, functions, doors, schedule, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from holdfast_aws.runtime.checked_settings import check
from holdfast_cdk.access import Access
from holdfast_cdk.alarms import Alarms
from holdfast_cdk.blobs import Blobs
from holdfast_cdk.bundle import SIGNING
from holdfast_cdk.code import Bundler, ZipBundler
from holdfast_cdk.consumers import Consumer
from holdfast_cdk.front_door import Door, FrontDoor
from holdfast_cdk.functions import ENGINE_TIMEOUT, SIZES, EngineFunction, size_of
from holdfast_cdk.queues import Queues
from holdfast_cdk.schedule import SweepSchedule
from holdfast_cdk.tables import Tables

# What calls handlers: to run attempts, or to ask what they serve.
_CALLERS = ("ingress", "dispatcher", "admin", "registrar")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldfastOptions:
    """How an installation is meant; the defaults are for production.

    `engine_timeout`: how long the functions that run attempts may take; a handler may take half a minute less. It is
    also how long it takes at most to notice that a dispatcher died before it had begun; later it is less than a minute.
    `reserved_concurrency` and `memory_mb` are by function: ingress, dispatcher, sends, sweeper, admin, registrar and
    query. `sql`: whether there is that last one, which answers SQL for the admin API. It costs nothing unless it is
    asked, and makes a deployment upload 80 MB; `pip install 'holdfast[sql]'` where you deploy.
    `identity_secret`: a secret whose text is a private Ed25519 key in PEM (`openssl genpkey -algorithm ed25519`), with
    which requests to endpoints behind a URL are signed. Make it outside of this stack: a template would show the key.
    `settings` go to the functions as environment variables (`HOLDFAST_…`), over those that the construct sets.
    """

    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN
    encryption_key: kms.IKey | None = None
    engine_timeout: Duration = ENGINE_TIMEOUT
    ingress_door: Door = Door.FUNCTION_URL
    is_ingress_public: bool = False
    max_dispatchers: int | None = None
    reserved_concurrency: Mapping[str, int] = field(default_factory=dict)
    memory_mb: Mapping[str, int] = field(default_factory=dict)
    tracing: bool = False
    sql: bool = False
    identity_secret: secretsmanager.ISecret | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


class Holdfast(Construct):
    """An orchestrator in this account. Services are added to it with `HoldfastService`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        options: HoldfastOptions | None = None,
        bundler: Bundler | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.options = options or HoldfastOptions()
        self._bundler = bundler or ZipBundler()
        removal_policy, key = self.options.removal_policy, self.options.encryption_key
        self.tables = Tables(self, "Tables", removal_policy=removal_policy, encryption_key=key)
        self.queues = Queues(
            self,
            "Queues",
            wakeup_visibility=self.options.engine_timeout,
            send_visibility=_six_times(SIZES["sends"].timeout),
        )
        self.blobs = Blobs(self, "Blobs", removal_policy=removal_policy, encryption_key=key)
        self.ingress = self._function("ingress")
        self.dispatcher = self._function("dispatcher")
        self.sends = self._function("sends")
        self.sweeper = self._function("sweeper")
        self.admin = self._function("admin")
        self.registrar = self._function("registrar")
        self.query = self._function("query") if self.options.sql else None
        self._grant()
        self._connect()

    @property
    def callers(self) -> tuple[EngineFunction, ...]:
        """The functions that call handlers: to run attempts, or to ask what they serve."""
        return (self.ingress, self.dispatcher, self.admin, self.registrar)

    @property
    def functions(self) -> tuple[EngineFunction, ...]:
        """All functions."""
        usual = (self.ingress, self.dispatcher, self.sends, self.sweeper, self.admin, self.registrar)
        return usual if self.query is None else (*usual, self.query)

    def grant_send(self, producer: iam.IGrantable) -> iam.Grant:
        """Allow a producer to start invocations by messages on the sends queue."""
        return self.queues.sends.grant_send_messages(producer)

    def grant_call(self, caller: iam.IGrantable) -> None:
        """Allow a caller to use the ingress; behind an HTTP API, grant `execute-api:Invoke` on the API instead."""
        self.ingress.function.grant_invoke_url(caller)

    def call_as(self, role: iam.IRole) -> None:
        """Allow to call functions as a role, of another account for instance.

        Register a function with that role's ARN as its `assume_role_arn`. The role has to trust the roles of `callers`,
        and to be allowed to call the function.
        """
        for each in self.callers:
            role.grant_assume_role(each.role)

    def _function(self, name: str) -> EngineFunction:
        secret = self.options.identity_secret if name in _CALLERS else None
        signing = {"HOLDFAST_IDENTITY_SECRET_ARN": secret.secret_arn} if secret is not None else {}
        environment = {**self._environment(), **signing, **self.options.settings}
        # A function that is told something impossible would only say so when its first event comes.
        check(environment)
        return EngineFunction(
            self,
            name.capitalize(),
            name=name,
            code=self._bundler.code(name, more=SIGNING if secret is not None else ()),
            platform=self._bundler.platform,
            environment=environment,
            size=size_of(name, engine_timeout=self.options.engine_timeout, memory_mb=self.options.memory_mb.get(name)),
            reserved_concurrency=self.options.reserved_concurrency.get(name),
            tracing=self.options.tracing,
        )

    def _environment(self) -> dict[str, str]:
        # What has its usual value is left out: names alone are read without pydantic, at half the cold start.
        unusual = {}
        if self.options.ingress_door is not Door.FUNCTION_URL:
            unusual["HOLDFAST_INGRESS_DOOR"] = self.options.ingress_door.value
        if self.options.tracing:
            unusual["HOLDFAST_TRACING"] = "true"
        return {
            "HOLDFAST_JOURNAL_TABLE": self.tables.journal.table_name,
            "HOLDFAST_KEYS_TABLE": self.tables.keys.table_name,
            "HOLDFAST_TIMERS_TABLE": self.tables.timers.table_name,
            "HOLDFAST_REGISTRY_TABLE": self.tables.registry.table_name,
            "HOLDFAST_BLOBS_BUCKET": self.blobs.bucket.bucket_name,
            "HOLDFAST_WAKEUPS_QUEUE_URL": self.queues.wakeups.queue_url,
            "HOLDFAST_SENDS_DEAD_QUEUE_URL": self.queues.sends_dead.queue_url,
            "HOLDFAST_VERSION": version("holdfast"),
            **unusual,
        }

    def _grant(self) -> None:
        key = self.options.encryption_key
        access = Access(tables=self.tables, queues=self.queues, blobs=self.blobs, encryption_key=key)
        for each in self.functions:
            access.key(each.role)
        for each in (self.ingress, self.dispatcher, self.sends, self.admin):
            access.engine(each.role)
        access.put_back(self.dispatcher.role, self.queues.wakeups)
        access.park(self.sends.role, self.queues.sends_dead)
        access.sweep(self.sweeper.role)
        access.walk(self.sweeper.role)
        # Both register; the registrar also looks whether anything still runs on a version before it removes it.
        for each in (self.admin, self.registrar):
            access.register(each.role)
        access.look(self.admin.role)
        if self.query is not None:
            access.look(self.query.role)
            access.read(self.query.role)
            access.ask(self.admin.role, self.query.function)
        if (secret := self.options.identity_secret) is not None:
            for each in self.callers:
                access.sign(each.role, secret)
        access.registry(self.registrar.role)
        access.scan(self.registrar.role)

    def _connect(self) -> None:
        self.ingress_door = FrontDoor(
            self,
            "IngressDoor",
            function=self.ingress.function,
            door=self.options.ingress_door,
            is_public=self.options.is_ingress_public,
        )
        # Whoever may use the admin API may do anything to any invocation, so it is never public.
        self.admin_door = FrontDoor(
            self, "AdminDoor", function=self.admin.function, door=Door.FUNCTION_URL, is_public=False
        )
        self.admin.function.add_environment("HOLDFAST_INGRESS_URL", self.ingress_door.url)
        if self.query is not None:
            self.admin.function.add_environment("HOLDFAST_QUERY_FUNCTION", self.query.function.function_arn)
        self._consume("Dispatching", self.queues.wakeups, self.dispatcher, self.options.max_dispatchers)
        self._consume("Sending", self.queues.sends, self.sends, None)
        self.schedule = SweepSchedule(self, "Sweeping", sweeper=self.sweeper.function)
        self.alarms = Alarms(self, "Alarms", queues=self.queues, functions=[each.function for each in self.functions])

    def _consume(self, construct_id: str, queue: sqs.Queue, each: EngineFunction, most: int | None) -> None:
        Consumer(self, construct_id, queue=queue, function=each.function, max_concurrency=most)


def _six_times(timeout: Duration) -> Duration:
    # AWS's advice for a consumer that does not shorten the visibility of its messages.
    return Duration.seconds(6 * timeout.to_seconds())
