"""Which handler function a request of the admin API reaches, with and without a version in front of the path."""

from __future__ import annotations

from holdfast_http.admin import deployments, health, invocations, kafka, limits, operations, serdes, services
from holdfast_http.admin.tools import Answers, Tools
from holdfast_http.messages import Request, Response, path_segments
from holdfast_http.problems import HttpProblem, bad_request, method_not_allowed

# Where there is something for people to look at.
_SEEN = frozenset({"invocations", "keys", "overview", "query", "services", "ui"})


async def route(tools: Tools, request: Request) -> Response:
    """Answer a request.

    Raises:
        HttpProblem: No route has that path or that method.
    """
    segments, version = _without_version(path_segments(request.path))
    answers = {
        **_answers(tools, request, segments, version),
        **limits.answers(tools, request, segments),
        **operations.answers(tools, request, segments, version),
        **kafka.answers(segments),
        **_seeing(tools, request, segments),
    }
    if not answers:
        raise HttpProblem(404, f"the admin API has no {request.path}; GET /openapi says what it has")
    answer = answers.get(request.method)
    if answer is None:
        raise method_not_allowed(request.method, request.path, tuple(answers))
    answered = answer()
    return answered if isinstance(answered, Response) else await answered


def _seeing(tools: Tools, request: Request, segments: tuple[str, ...]) -> Answers:
    if segments and segments[0] not in _SEEN:
        return {}
    # Many records, which a function that starts to register a deployment need not make.
    from holdfast_http.admin import seeing

    return seeing.answers(tools, request, segments)


def _without_version(segments: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    match segments:
        case ["v1", *_]:
            raise bad_request(f"version 1 of the admin API is not served; use one of {', '.join(health.VERSIONS)}")
        case [version, *rest] if version in health.VERSIONS:
            return tuple(rest), health.VERSIONS[version]
        case _:
            # As the stock server has it, without a version the newest is meant.
            return segments, health.ADMIN_VERSION_MAX


def _answers(tools: Tools, request: Request, segments: tuple[str, ...], version: int) -> Answers:
    registry = tools.engine.registry
    match segments:
        case ["health"]:
            return {"GET": health.health}
        case ["version"]:
            return {"GET": lambda: health.version(tools.product_version, tools.ingress_url)}
        case ["cluster-health"]:
            return {"GET": health.cluster_health}
        case ["openapi"]:
            return {"GET": lambda: health.openapi(tools.product_version)}
        case ["deployments"]:
            return {
                "GET": lambda: deployments.list_deployments(tools.engine, request),
                "POST": lambda: deployments.register(tools.engine, request, version),
            }
        case ["deployments", deployment_id]:
            return {"GET": lambda: deployments.show_deployment(registry, deployment_id)}
        case ["services"]:
            return {"GET": lambda: services.list_services(registry)}
        case ["services", name]:
            return {"GET": lambda: services.show_service(registry, name)}
        case ["services", name, "openapi"]:
            return {"GET": lambda: services.show_openapi(registry, name, ingress_url=tools.ingress_url)}
        case ["services", name, "handlers"]:
            return {"GET": lambda: services.list_handlers(registry, name)}
        case ["services", name, "handlers", handler]:
            return {"GET": lambda: services.show_handler(registry, name, handler)}
        case ["internal", "services", name, "serdes", operation, *serde]:
            return {"POST": lambda: serdes.convert(tools.engine, request, name, operation, tuple(serde))}
        case ["invocations", invocation_id]:
            return {"GET": lambda: invocations.show(tools.engine, request, invocation_id)}
        case _:
            return {}
