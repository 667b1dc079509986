"""Deployments, services and handlers as registered, and which of them an invocation meets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from holdfast_engine.errors import KeyMissing, UnknownTarget
from holdfast_engine.records import Head, Kind, Target
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_protocol.manifest import HandlerManifest, InputSpec, Manifest, Options, OutputSpec, ServiceManifest
from holdfast_protocol.versions import PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, choose_version

DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_RETENTION_MS = DAY_MS
DEFAULT_INACTIVITY_TIMEOUT_MS = 60_000
DEFAULT_ABORT_TIMEOUT_MS = 600_000

# In a deployment's metadata: do not speak a newer protocol version with it, should its SDK have trouble with that one.
PROTOCOL_CAP = "holdfast.protocol-version-max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where handlers live.

    `address` is a URI for `http`, a qualified ARN for `lambda`, and any name for `in-process`. `assume_role_arn` is for
    `lambda` only: who to be when calling it.
    """

    transport: Literal["in-process", "http", "lambda"]
    address: str
    use_http_11: bool = False
    additional_headers: tuple[tuple[str, str], ...] = ()
    assume_role_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One registered version of user code; `revisions` gives each of its services the revision it introduced.

    `code` is a fingerprint of what the endpoint said when it was registered; the manifest may have been changed since.
    """

    id: str
    endpoint: Endpoint
    manifest: Manifest
    revisions: tuple[tuple[str, int], ...]
    created_ms: int
    sdk_version: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    code: str | None = None

    @property
    def protocol_version(self) -> int | None:
        """Return the version to speak with it: the newest that both sides know and its metadata allow."""
        manifest = self.manifest
        return choose_version(
            manifest.min_protocol_version, manifest.max_protocol_version, cap=protocol_cap(self.metadata)
        )

    def revision_of(self, service: str) -> int | None:
        """Return the revision of a service in this deployment."""
        return next((revision for name, revision in self.revisions if name == service), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSpec:
    """A handler with all its options resolved: its own, else the service's, else the defaults."""

    service: str
    name: str
    kind: Kind
    input: InputSpec | None
    output: OutputSpec | None
    is_private: bool
    is_lazy: bool
    retry: RetryPolicy
    completion_retention_ms: int
    journal_retention_ms: int
    inactivity_timeout_ms: int
    abort_timeout_ms: int
    documentation: str | None
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service as the latest deployment that has it declares it."""

    name: str
    kind: Literal["service", "object", "workflow"]
    deployment: Deployment
    revision: int
    manifest: ServiceManifest
    handlers: dict[str, HandlerSpec]


class Registry:
    """Deployments in memory, and the latest revision of each service."""

    def __init__(self, deployments: Iterable[Deployment] = ()) -> None:
        self._deployment_by_id: dict[str, Deployment] = {}
        self._service_by_name: dict[str, ServiceSpec] = {}
        for deployment in deployments:
            self.put(deployment)

    def put(self, deployment: Deployment) -> None:
        """Add a deployment or replace the one of that id; its services become current where they are newest."""
        replaced = self._deployment_by_id.get(deployment.id)
        self._deployment_by_id[deployment.id] = deployment
        if replaced is not None:
            for name, _ in replaced.revisions:
                current = self._service_by_name.get(name)
                if current is not None and current.deployment.id == deployment.id:
                    del self._service_by_name[name]
            for other in self._deployment_by_id.values():
                self._make_current(other)
        else:
            self._make_current(deployment)

    def remove(self, deployment_id: str) -> None:
        """Forget a deployment, with the services that are at home there; the others keep their place."""
        left = [each for each in self._deployment_by_id.values() if each.id != deployment_id]
        self._deployment_by_id, self._service_by_name = {}, {}
        for deployment in left:
            self.put(deployment)

    def deployments(self) -> list[Deployment]:
        """Return all deployments, oldest first."""
        return list(self._deployment_by_id.values())

    def deployment(self, deployment_id: str) -> Deployment | None:
        """Return a deployment."""
        return self._deployment_by_id.get(deployment_id)

    def services(self) -> list[ServiceSpec]:
        """Return the services as they are called now, by name."""
        return [self._service_by_name[name] for name in sorted(self._service_by_name)]

    def service(self, name: str) -> ServiceSpec | None:
        """Return the latest revision of a service."""
        return self._service_by_name.get(name)

    def handler(self, service: str, handler: str) -> HandlerSpec:
        """Return a handler of the latest revision.

        Raises:
            UnknownTarget: There is no such service or handler.
        """
        spec = self._service_by_name.get(service)
        if spec is None:
            raise UnknownTarget(f"no service is called {service!r}: register the deployment that has it")
        found = spec.handlers.get(handler)
        if found is None:
            names = ", ".join(sorted(spec.handlers)) or "none"
            raise UnknownTarget(f"service {service!r} has no handler {handler!r}; its handlers are: {names}")
        return found

    def target(self, target: Target) -> HandlerSpec:
        """Return the handler of a target whose key fits its kind.

        Raises:
            UnknownTarget: There is no such service or handler.
            KeyMissing: A keyed service without a key, or a plain one with a key.
        """
        spec = self.handler(target.service, target.handler)
        if spec.kind.is_keyed and target.key is None:
            raise KeyMissing(
                f"{target.service}/{target.handler} needs a key: call {target.service}/<key>/{target.handler}"
            )
        if not spec.kind.is_keyed and target.key is not None:
            raise KeyMissing(
                f"{target.service} is a plain service and takes no key: call {target.service}/{target.handler}"
            )
        return spec

    def latest(self, service: str) -> tuple[Deployment, int] | None:
        """Return the deployment that new invocations of a service use, and the protocol version to speak with it."""
        spec = self._service_by_name.get(service)
        if spec is None:
            return None
        version = spec.deployment.protocol_version
        return (spec.deployment, version) if version is not None else None

    def deployment_for(self, head: Head, *, has_progress: bool) -> tuple[Deployment, int] | None:
        """Return the deployment and protocol version for an invocation's next epoch.

        It is pinned as soon as its journal holds more than the Input; until then the latest revision serves it.
        """
        if has_progress and head.deployment_id is not None:
            return self.deployment_of(head)
        return self.latest(head.target.service)

    def deployment_of(self, head: Head) -> tuple[Deployment, int] | None:
        """Return the deployment and protocol version that the head names; None when it is not registered (any more)."""
        if head.deployment_id is None or head.protocol_version is None:
            return None
        pinned = self._deployment_by_id.get(head.deployment_id)
        return (pinned, head.protocol_version) if pinned is not None else None

    def _make_current(self, deployment: Deployment) -> None:
        for manifest in deployment.manifest.services:
            revision = deployment.revision_of(manifest.name)
            assert revision is not None, f"{deployment.id} has no revision for {manifest.name}"
            current = self._service_by_name.get(manifest.name)
            if current is None or current.revision <= revision:
                self._service_by_name[manifest.name] = _service_spec(manifest, deployment, revision)


def protocol_cap(metadata: Iterable[tuple[str, str]]) -> int:
    """Return the newest protocol version that a deployment's metadata allow.

    Raises:
        ValueError: They ask for one that there is not.
    """
    said = dict(metadata).get(PROTOCOL_CAP)
    cap = PROTOCOL_VERSION_MAX if said is None else int(said)
    if not PROTOCOL_VERSION_MIN <= cap <= PROTOCOL_VERSION_MAX:
        raise ValueError(f"there is no protocol version {cap}")
    return cap


def _service_spec(manifest: ServiceManifest, deployment: Deployment, revision: int) -> ServiceSpec:
    handlers = {handler.name: handler_spec(manifest, handler) for handler in manifest.handlers}
    return ServiceSpec(
        name=manifest.name,
        kind=manifest.kind,
        deployment=deployment,
        revision=revision,
        manifest=manifest,
        handlers=handlers,
    )


def handler_spec(service: ServiceManifest, handler: HandlerManifest) -> HandlerSpec:
    """Resolve a handler's options over its service's and the defaults."""
    options = handler.options.over(service.options)
    kind = Kind.STATELESS if handler.kind is None else Kind(handler.kind)
    completion, journal = _retentions(options, kind)
    return HandlerSpec(
        service=service.name,
        name=handler.name,
        kind=kind,
        input=handler.input,
        output=handler.output,
        is_private=bool(options.ingress_private),
        is_lazy=bool(options.enable_lazy_state),
        retry=_retry(options),
        completion_retention_ms=completion,
        journal_retention_ms=journal,
        inactivity_timeout_ms=_or(options.inactivity_timeout_ms, DEFAULT_INACTIVITY_TIMEOUT_MS),
        abort_timeout_ms=_or(options.abort_timeout_ms, DEFAULT_ABORT_TIMEOUT_MS),
        documentation=handler.documentation,
        metadata=tuple(handler.metadata.items()),
    )


def _retentions(options: Options, kind: Kind) -> tuple[int, int]:
    wanted = options.workflow_completion_retention_ms if kind is Kind.WORKFLOW else options.idempotency_retention_ms
    return _or(wanted, DEFAULT_RETENTION_MS), _or(options.journal_retention_ms, DEFAULT_RETENTION_MS)


def _retry(options: Options) -> RetryPolicy:
    said = options.retry_policy
    defaults = RetryPolicy()
    return RetryPolicy(
        initial_interval_ms=_or(said.initial_interval_ms, defaults.initial_interval_ms),
        factor=defaults.factor if said.exponentiation_factor is None else said.exponentiation_factor,
        max_interval_ms=_or(said.max_interval_ms, defaults.max_interval_ms),
        max_attempts=defaults.max_attempts if said.max_attempts is None else said.max_attempts,
        on_max_attempts=OnMaxAttempts(said.on_max_attempts or defaults.on_max_attempts),
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
