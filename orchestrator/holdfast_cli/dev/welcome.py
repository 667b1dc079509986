"""What `holdfast dev` prints when it is up: where it listens, what it serves, and what to try next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast_cli.dev.examples import example_of
from holdfast_cli.options import DEFAULT_ADMIN_URL
from holdfast_engine.records import Kind

if TYPE_CHECKING:
    from holdfast_engine.registry import HandlerSpec, ServiceSpec

_WORD_BY_KIND = {"service": "service", "object": "virtual object", "workflow": "workflow"}
_EXAMPLE_KEY = "my-key"
_FOR_WHOM = ", for whoever has HOLDFAST_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the welcome tells of; `identity` is the public key of signed requests, None when they are not signed."""

    version: str
    ingress_url: str
    admin_url: str
    data: str
    reload: str
    identity: str | None = None
    asks_for_token: bool = False


def welcome(situation: Situation, services: Sequence[ServiceSpec]) -> str:
    """Return the start-up text."""
    lines = [
        f"Holdfast {situation.version} is running. Ctrl-C stops it; what it has accepted goes on at the next start.",
        "",
        f"  Ingress  {situation.ingress_url}",
        f"  Admin    {situation.admin_url}{_FOR_WHOM if situation.asks_for_token else ''}",
        f"  Data     {situation.data}",
        f"  Reload   {situation.reload}",
        *([f"  Signed   {situation.identity}"] if situation.identity else []),
        "",
        *service_lines(services),
        "",
        *(_first_steps(situation, services) if services else _nothing_to_call(situation)),
    ]
    return "\n".join(lines)


def service_lines(services: Sequence[ServiceSpec]) -> list[str]:
    """Return one line per service: its name, its kind, its handlers."""
    if not services:
        return ["  No services are registered yet."]
    width = max(len(service.name) for service in services)
    lines = []
    for service in services:
        handlers = ", ".join(map(_handler_word, _sorted(service)))
        lines.append(f"  {service.name:<{width}}  {_WORD_BY_KIND[service.kind]:<14}  {handlers}")
    return lines


def curl_line(ingress_url: str, service: ServiceSpec) -> str:
    """Return a line that calls the service's first handler, ready to be pasted into a shell."""
    handler = _sorted(service)[0]
    key = "" if service.kind == "service" else f"/{_EXAMPLE_KEY}"
    return " ".join(["curl", f"{ingress_url}/{service.name}{key}/{handler.name}", *_body_options(handler)])


def _first_steps(situation: Situation, services: Sequence[ServiceSpec]) -> Iterator[str]:
    yield "  Try it:"
    for service in services:
        if not all(handler.is_private for handler in service.handlers.values()):
            yield f"    {curl_line(situation.ingress_url, service)}"
    yield ""
    yield "  Add -i to see an invocation's id in the header x-restate-id. To see its journal:"
    yield f"    holdfast invocations describe ID{_admin_option(situation)}"


def _nothing_to_call(situation: Situation) -> Iterator[str]:
    yield "  Give services as 'holdfast dev <module>:<attribute>', or register an endpoint that serves some:"
    yield f"    holdfast deployments register http://127.0.0.1:9080{_admin_option(situation)}"


def _admin_option(situation: Situation) -> str:
    return "" if situation.admin_url == DEFAULT_ADMIN_URL else f" --admin-url {situation.admin_url}"


def _sorted(service: ServiceSpec) -> list[HandlerSpec]:
    """Return the handlers as a reader looks for them: the workflow's run first, private ones last."""
    handlers = service.handlers.values()
    return sorted(handlers, key=lambda handler: (handler.is_private, handler.kind is not Kind.WORKFLOW))


def _handler_word(handler: HandlerSpec) -> str:
    return f"{handler.name} (shared)" if handler.kind is Kind.SHARED else handler.name


def _body_options(handler: HandlerSpec) -> list[str]:
    spec = handler.input
    if spec is None or (spec.content_type is None and spec.json_schema is None):
        return []
    content_type = spec.content_type or "application/json"
    is_json = spec.json_schema is not None or content_type.endswith("json")
    body = json.dumps(example_of(spec.json_schema), ensure_ascii=False) if is_json else "text"
    return ["-H", shlex.quote(f"content-type: {content_type.replace('*/*', 'text/plain')}"), "-d", shlex.quote(body)]
