"""Preconditions that several commands share."""

from __future__ import annotations

from typing import Any

from holdfast_engine.commands.rule import CommandRefused
from holdfast_engine.errors import RequestRejected
from holdfast_engine.ids import idempotent_id, workflow_run_id
from holdfast_engine.records import Head, Kind, Target
from holdfast_engine.registry import Registry
from holdfast_engine.scopes import scoping_problem
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_invocation_id


def reads_state(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand in keyed handlers."""
    if not head.kind.is_keyed:
        raise CommandRefused(f"{head.target} has no key and so no state to read", rt_code="RT0017")


def writes_state(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand in handlers that hold their key."""
    if not head.kind.holds_key:
        raise CommandRefused(
            f"{head.target} may not write state: only exclusive handlers and a workflow's run may", rt_code="RT0017"
        )
    key = getattr(command, "key", b"")
    try:
        key.decode()
    except UnicodeDecodeError as error:
        raise CommandRefused(f"a state key must be UTF-8, not {key!r}", rt_code="RT0017") from error


def in_workflow(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand in handlers of workflows."""
    service = registry.service(head.target.service)
    if head.kind is not Kind.WORKFLOW and (service is None or service.kind != "workflow"):
        raise CommandRefused(f"{head.target} is no workflow and has no promises", rt_code="RT0017")


def target_of(command: Any) -> Target:
    """Return what a Call or OneWayCall names; proto3 cannot tell an empty key from none."""
    scope = command.scope if command.HasField("scope") else None
    return Target(service=command.service, key=command.key or None, handler=command.handler, scope=scope)


def calls_known_target(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand when its target exists and is called the right way; else it is tried again later."""
    target = target_of(command)
    try:
        spec = registry.target(target)
    except RequestRejected as error:
        raise CommandRefused(str(error), rt_code="RT0018") from error
    if command.HasField("idempotency_key") and not command.idempotency_key:
        raise CommandRefused(f"the idempotency key of a call to {target} is empty", rt_code="RT0017")
    if command.HasField("idempotency_key") and spec.kind is Kind.WORKFLOW:
        raise CommandRefused(f"{target} is a workflow run: its key is its idempotency key", rt_code="RT0017")
    problem = scoping_problem(target.scope, command.limit_key if command.HasField("limit_key") else None)
    if problem is not None:
        raise CommandRefused(f"the call to {target} cannot be made: {problem}", rt_code="RT0017")


def invocation_named(command: Any) -> str:
    """Return the id of the invocation that an attach or output command names."""
    match command.WhichOneof("target"):
        case "workflow_target":
            wanted = command.workflow_target
            scope = wanted.scope if wanted.HasField("scope") else None
            return workflow_run_id(
                Target(service=wanted.workflow_name, key=wanted.workflow_key, handler="run", scope=scope)
            )
        case "idempotent_request_target":
            request = command.idempotent_request_target
            target = Target(
                service=request.service_name,
                key=request.service_key if request.HasField("service_key") else None,
                handler=request.handler_name,
                scope=request.scope if request.HasField("scope") else None,
            )
            return idempotent_id(target, request.idempotency_key)
        case _:
            return str(command.invocation_id)


def names_invocation(command: Any, head: Head, registry: Registry) -> None:
    """Let the command stand when the id it names is one."""
    try:
        decode_invocation_id(invocation_named(command))
    except DecodeError as error:
        raise CommandRefused(str(error), rt_code="RT0017") from error


def child_of(command: Any, head: Head, registry: Registry) -> str:
    """Return the id of the invocation that a Call or OneWayCall creates or meets."""
    target = target_of(command)
    if registry.target(target).kind is Kind.WORKFLOW:
        return workflow_run_id(target)
    if command.HasField("idempotency_key"):
        return idempotent_id(target, command.idempotency_key)
    from holdfast_engine.ids import child_id

    return child_id(
        target.service,
        parent_id=head.id,
        nonce=head.nonce,
        completion_id=command.invocation_id_notification_idx,
    )
