"""Keys of virtual objects and workflows: who holds one, who waits, its promises, and its state, shown and edited."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from holdfast_engine.compact import key_of, key_text
from holdfast_engine.editing import state_version
from holdfast_engine.errors import UnknownTarget
from holdfast_engine.records import KeyRef
from holdfast_http.admin.listing import limit_of, summary
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import Request, Response, json_response, query_values
from holdfast_http.problems import bad_request

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine

_WAITING_SHOWN = 100


async def list_keys(engine: Engine, request: Request) -> Response:
    """Return a page of the keys that were ever used, with who holds each and how many wait."""
    query = query_values(request.query)
    limit = limit_of(query)
    after = _after(query.get("after"))
    refs = await engine.listing.keys(
        service=query.get("service") or None, key=query.get("key") or None, after=after, limit=limit
    )
    rows = []
    for ref in refs:
        lock = (await engine.key_view(ref, with_state=False, waiting_max=0)).keyed.lock
        waiting = lock.next - lock.serving - (lock.holder is not None)
        rows.append({**_named(ref), "holder": lock.holder, "waiting": waiting})
    content: dict[str, Any] = {"keys": rows}
    if len(refs) == limit:
        content["next"] = key_text(refs[-1])
    return json_response(200, content)


async def show(engine: Engine, request: Request, service: str, key: str) -> Response:
    """Return one key: its queue with who is in it, its state and its promises."""
    _check_keyed(engine, service)
    ref = KeyRef(service=service, key=key, scope=query_values(request.query).get("scope"))
    view = await engine.key_view(ref, with_state=True, waiting_max=_WAITING_SHOWN)
    lock, state = view.keyed.lock, view.keyed.state
    holder = await engine.peek(lock.holder) if lock.holder is not None else None
    waiting = []
    for _, invocation_id in view.waiting:
        head = await engine.peek(invocation_id)
        if head is not None and head.completed_ms is None:
            waiting.append(summary(head))
    promises = [
        {"name": name, "completed": promise.outcome is not None} for name, promise in await engine.listing.promises(ref)
    ]
    content = {
        **_named(ref),
        "holder": summary(holder) if holder is not None else None,
        "waiting": waiting,
        "waiting_count": lock.next - lock.serving - (lock.holder is not None),
        "state": {name: _shown(value) for name, value in sorted(state.items())},
        "version": state_version(state),
        "promises": promises,
    }
    return json_response(200, content)


async def edit(engine: Engine, request: Request, service: str) -> Response:
    """Replace the state of a key; with a version, only if it is still the one that was looked at."""
    require_json_type(request)
    body = JsonBody(request)
    _check_keyed(engine, service)
    ref = KeyRef(service=service, key=body.text("object_key"), scope=body.optional_text("scope"))
    await engine.edit_state(ref, state=body.byte_values("new_state"), version=body.optional_text("version"))
    return Response(status=202)


def _check_keyed(engine: Engine, name: str) -> None:
    service = engine.registry.service(name)
    if service is None:
        raise UnknownTarget(f"there is no service {name!r}; GET /services lists those that are registered")
    if service.kind == "service":
        raise bad_request(f"{name} is a plain service: it has neither keys nor state")


def _named(ref: KeyRef) -> dict[str, Any]:
    named = {"service": ref.service, "key": ref.key}
    return named if ref.scope is None else {**named, "scope": ref.scope}


def _shown(value: bytes) -> dict[str, Any]:
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _after(text: str | None) -> KeyRef | None:
    if text is None:
        return None
    try:
        return key_of(text)
    except (AssertionError, ValueError) as error:
        raise bad_request("'after' is what the page before gave as 'next'") from error
