"""Deployments: registering an endpoint, and what is registered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint, Registry
from holdfast_http.admin.shapes import deployment_json, detailed_deployment_json
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import Request, Response, json_response
from holdfast_http.problems import HttpProblem, bad_request

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine, Registration

# From this version of the API on a known endpoint is left alone unless `force` says otherwise; meeting one is no error.
_CAREFUL_SINCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
    """How a registration is meant."""

    force: bool
    breaking: bool
    dry_run: bool
    metadata: tuple[tuple[str, str], ...]


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
    is_created = not options.dry_run and (registration.is_new or not is_careful)
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
    if use_http_11 is not None or not endpoint.address.startswith("http:"):
        return await _register(engine, replace(endpoint, use_http_11=bool(use_http_11)), options)
    try:
        return await _register(engine, endpoint, options)
    except DiscoveryFailed as first:
        # Whoever gave a definite answer speaks HTTP/2.
        if not first.is_retryable:
            raise
        try:
            return await _register(engine, replace(endpoint, use_http_11=True), options)
        except DiscoveryFailed as second:
            raise (first if second.is_retryable else second) from None


def list_deployments(registry: Registry) -> Response:
    """Return all deployments, oldest first."""
    return json_response(200, {"deployments": [deployment_json(each) for each in registry.deployments()]})


def show_deployment(registry: Registry, deployment_id: str) -> Response:
    """Return one deployment with its services."""
    deployment = registry.deployment(deployment_id)
    if deployment is None:
        raise HttpProblem(404, f"there is no deployment {deployment_id!r}; GET /deployments lists those there are")
    return json_response(200, detailed_deployment_json(deployment))


async def _register(engine: Engine, endpoint: Endpoint, options: RegistrationOptions) -> Registration:
    return await engine.register(
        endpoint,
        force=options.force,
        breaking=options.breaking,
        dry_run=options.dry_run,
        metadata=options.metadata,
    )


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
