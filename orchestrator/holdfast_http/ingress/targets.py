"""From the parts of a path to the target of an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.errors import KeyMissing, UnknownTarget
from holdfast_engine.records import Target

if TYPE_CHECKING:
    from holdfast_engine.registry import Registry, ServiceSpec

_WORD_BY_KIND = {"service": "service", "object": "virtual object", "workflow": "workflow"}


def bare_target(registry: Registry, segments: tuple[str, ...]) -> tuple[Target, bool]:
    """Return the target of `/service[/key]/handler[/send]`, and whether it is a send.

    Raises:
        UnknownTarget: There is no such service.
        KeyMissing: The path has a key too few or parts too many.
    """
    service = _service(registry, segments[0])
    length = 2 if service.kind == "service" else 3
    is_send = len(segments) == length + 1 and segments[-1] == "send"
    return _target(service, segments[:-1] if is_send else segments, scope=None), is_send


def spelled_target(registry: Registry, segments: tuple[str, ...], *, scope: str | None) -> Target:
    """Return the target of `service[/key]/handler`, the parts behind `/restate/call` and its like.

    Raises:
        UnknownTarget: There is no such service.
        KeyMissing: The path has a key too few or parts too many.
    """
    return _target(_service(registry, segments[0] if segments else ""), segments, scope=scope)


def _service(registry: Registry, name: str) -> ServiceSpec:
    service = registry.service(name)
    if service is None:
        raise UnknownTarget(f"there is no service {name!r}; GET /restate/health lists those that are registered")
    return service


def _target(service: ServiceSpec, segments: tuple[str, ...], *, scope: str | None) -> Target:
    name, *rest = segments
    match service.kind, rest:
        case "service", [handler]:
            return Target(service=name, key=None, handler=handler, scope=scope)
        case (("object" | "workflow"), [key, handler]) if key:
            return Target(service=name, key=key, handler=handler, scope=scope)
        case "service", _:
            shape = f"{name}/<handler>"
            raise KeyMissing(f"{name} is a plain service, called without a key as {shape}, not {'/'.join(segments)}")
        case _:
            shape = f"{name}/<key>/<handler>"
            word = _WORD_BY_KIND[service.kind]
            raise KeyMissing(f"{name} is a {word}, called with a key as {shape}, not {'/'.join(segments)}")
