"""Deployments: registering an endpoint, what is registered, and changing or removing that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Deployment, Endpoint, Registry
from holdfast_http.admin.shapes import deployment_json, detailed_deployment_json
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import Request, Response, json_response, query_values
from holdfast_http.problems import HttpProblem, bad_request

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine, Registration

T = TypeVar("T")

# From this version of the API on a known endpoint is left alone unless `force` says otherwise; meeting one is no error.
_CAREFUL_SINCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
    """How a registration is meant; `is_restart`: the endpoint was given at the start of this server."""

    force: bool
    breaking: bool
    dry_run: bool
    metadata: tuple[tuple[str, str], ...]
    is_restart: bool = False


async def register(engine: Engine, request: Request, api_version: int) -> Response:
    """Register the endpoint that the JSON body names."""
    require_json_type(request)
    body = JsonBody(request)
    force, is_careful = body.flag("force"), api_version >= _CAREFUL_SINCE
    options = RegistrationOptions(
        force=not is_careful if force is None else force,
        breaking=body.flag("breaking") or False,
        dry_run=body.flag("dry_run") or False,
        metadata=body.texts("metadata"),
    )
    endpoint = _endpoint(body)
    registration = await register_endpoint(engine, endpoint, options, use_http_11=body.flag("use_http_11"))
    deployment = registration.deployment
    if not registration.is_new and not is_careful and not options.force:
        raise HttpProblem(409, f"{endpoint.address} is registered already, as {deployment.id}; force replaces it")
    # The careful versions say 201 only of what is new; the older one says it of what was replaced, too.
    is_created = registration.is_new or not is_careful
    location = (("location", f"/deployments/{deployment.id}"),)
    return json_response(201 if is_created else 200, detailed_deployment_json(deployment), location)


async def register_endpoint(
    engine: Engine, endpoint: Endpoint, options: RegistrationOptions, *, use_http_11: bool | None
) -> Registration:
    """Register an endpoint; when nobody says which HTTP it speaks, version 2 is tried and then 1.1.

    Raises:
        RegistrationRejected: What the endpoint serves cannot be registered as asked.
        DiscoveryFailed: The endpoint gave no usable manifest.
    """

    async def register_at(address: Endpoint) -> Registration:
        if options.is_restart:
            return await engine.refresh(address)
        return await engine.register(
            address,
            force=options.force,
            breaking=options.breaking,
            dry_run=options.dry_run,
            metadata=options.metadata,
        )

    return await _in_its_http(endpoint, register_at, use_http_11=use_http_11)


async def _in_its_http(endpoint: Endpoint, ask: Callable[[Endpoint], Awaitable[T]], *, use_http_11: bool | None) -> T:
    if use_http_11 is not None or not endpoint.address.startswith("http:"):
        return await ask(replace(endpoint, use_http_11=bool(use_http_11)))
    try:
        return await ask(endpoint)
    except DiscoveryFailed as first:
        # Whoever gave a definite answer speaks HTTP/2.
        if not first.is_retryable:
            raise
        try:
            return await ask(replace(endpoint, use_http_11=True))
        except DiscoveryFailed as second:
            raise (first if second.is_retryable else second) from None


async def list_deployments(engine: Engine, request: Request) -> Response:
    """Return all deployments, oldest first; with `include=status`, whether each is still needed."""
    shapes = [deployment_json(each) for each in engine.registry.deployments()]
    # To find out takes a look at all that has not ended, so it is only done when asked for.
    if query_values(request.query).get("include") == "status":
        drained = {each.id for each in await engine.drained_deployments()}
        shapes = [{**shape, "status": "drained" if shape["id"] in drained else "active"} for shape in shapes]
    return json_response(200, {"deployments": shapes})


def show_deployment(registry: Registry, deployment_id: str) -> Response:
    """Return one deployment with its services."""
    return json_response(200, detailed_deployment_json(_known(registry, deployment_id)))


async def modify(engine: Engine, request: Request, deployment_id: str) -> Response:
    """Change where a deployment is and what its requests carry; with `overwrite`, what it serves as well."""
    return await _modify(engine, request, deployment_id, overwrite=None)


async def replace_wholly(engine: Engine, request: Request, deployment_id: str, api_version: int) -> Response:
    """Change all there is to a deployment: the older spelling, which the careful versions have no more."""
    if api_version >= _CAREFUL_SINCE:
        message = f"replacing a deployment wholly is spelled PATCH {request.path} with overwrite=true"
        raise HttpProblem(405, message, (("allow", "GET, PATCH, DELETE"),))
    return await _modify(engine, request, deployment_id, overwrite=True)


async def _modify(engine: Engine, request: Request, deployment_id: str, *, overwrite: bool | None) -> Response:
    require_json_type(request)
    body = JsonBody(request)
    present = _known(engine.registry, deployment_id).endpoint
    is_moved = body.has("uri") or body.has("arn")
    endpoint = _endpoint(body) if is_moved else present
    headers = body.texts("additional_headers") if body.has("additional_headers") else present.additional_headers
    use_http_11 = body.flag("use_http_11")
    if use_http_11 is None and not is_moved:
        use_http_11 = present.use_http_11
    is_new = bool(body.flag("overwrite")) if overwrite is None else overwrite
    dry_run = body.flag("dry_run") or False

    async def modify_at(address: Endpoint) -> Deployment:
        return await engine.modify_deployment(deployment_id, address, overwrite=is_new, dry_run=dry_run)

    modified = await _in_its_http(replace(endpoint, additional_headers=headers), modify_at, use_http_11=use_http_11)
    return json_response(200, detailed_deployment_json(modified))


async def forget(engine: Engine, request: Request, deployment_id: str) -> Response:
    """Remove a deployment that is drained; with `force=true`, any."""
    force = query_values(request.query).get("force", "").lower() == "true"
    await engine.forget_deployment(deployment_id, force=force)
    return Response(status=202)


def _known(registry: Registry, deployment_id: str) -> Deployment:
    deployment = registry.deployment(deployment_id)
    if deployment is None:
        raise HttpProblem(404, f"there is no deployment {deployment_id!r}; GET /deployments lists those there are")
    return deployment


def _endpoint(body: JsonBody) -> Endpoint:
    headers = body.texts("additional_headers")
    arn, uri = body.optional_text("arn"), body.optional_text("uri")
    if (arn is None) == (uri is None):
        raise bad_request("name one endpoint: either 'uri' or 'arn'")
    if arn is not None:
        role_arn = body.optional_text("assume_role_arn")
        return Endpoint(transport="lambda", address=arn, additional_headers=headers, assume_role_arn=role_arn)
    assert uri is not None, "one of the two is set"
    return http_endpoint(uri, headers=headers)


def http_endpoint(uri: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Endpoint:
    """Return the endpoint at a URI.

    Raises:
        HttpProblem: It is no http or https URI.
    """
    try:
        parts = urlsplit(uri)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise bad_request(f"{uri!r} is no endpoint's address: write http://<host>:<port>, or https://…")
    return Endpoint(transport="http", address=uri, additional_headers=headers)
