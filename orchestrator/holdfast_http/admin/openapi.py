"""The OpenAPI document of the admin API: what every route takes and answers, as one table."""

from __future__ import annotations

from typing import Any

from holdfast_http.admin.health import VERSIONS
from holdfast_http.admin.openapi_schemas import RESPONSES, SCHEMAS, any_of, array, ref, text

_JSON = "application/json"
_BYTES = "application/octet-stream"
_ARROW = "application/vnd.apache.arrow.stream"

_DEPLOYMENT_CHOICE = "`keep`, `latest`, or the id of a deployment."
_ID = {"pattern": r"^inv_1[0-9A-Za-z]+$"}


def document(product_version: str) -> dict[str, Any]:
    """Return the document; it holds for all versions, but that version 2 registers with `force` unless told not to."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast admin API",
            "version": product_version,
            "description": "Registers services, shows what runs and why something does not, and changes it. A version"
            f" may stand in front of each path: {', '.join(VERSIONS)}; without one the newest is meant.",
        },
        "servers": [{"url": prefix} for prefix in ("/", *(f"/{version}" for version in VERSIONS))],
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS,
            "responses": RESPONSES,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # Who has set no token is asked for none, and on AWS requests are signed for IAM.
        "security": [{"token": []}, {}],
    }


def _parameter(name: str, place: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    words = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **words}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return _parameter(name, "query", schema or {"type": "string"}, description)


def _path(name: str, **schema: Any) -> dict[str, Any]:
    return _parameter(name, "path", {"type": "string", "minLength": 1, **schema}, "")


def _asked(summary: str, **answers: Any) -> dict[str, Any]:
    """Return an operation; answers are given as `of_200="Schema"`, or None where they are empty."""
    query, body = answers.pop("query", ()), answers.pop("body", None)
    responses: dict[str, Any] = {}
    for name, schema in answers.items():
        status = name.removeprefix("of_")
        responses[status] = {"description": _WORDS.get(status, "Done")}
        if schema is not None:
            shape = ref(schema) if isinstance(schema, str) else schema
            responses[status]["content"] = {_JSON: {"schema": shape}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses | {"default": ref("Error", "responses")}}
    if query:
        operation["parameters"] = list(query)
    if body is not None:
        shape = ref(body) if isinstance(body, str) else body
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": shape}}}
    return operation


_WORDS = {"201": "Created", "202": "Accepted", "302": "Elsewhere", "304": "Unchanged"}

_ON_INVOCATION = {
    "cancel": _asked("Ask an invocation to end; 202 when its handler will see that", of_200="Done", of_202="Done"),
    "kill": _asked("End an invocation, and the calls it waits for, at once", of_200="Done"),
    "pause": _asked("Stop an invocation until it is resumed; 200 when it was paused", of_200="Done", of_202="Done"),
    "resume": _asked(
        "Let a paused or retrying invocation go on", query=[_query("deployment", _DEPLOYMENT_CHOICE)], of_200="Done"
    ),
    "restart-as-new": _asked(
        "Run an invocation that has ended again, as a new one",
        query=[
            _query("from", "From which entry of its journal on; what is before it is kept.", type="integer", minimum=0),
            _query("deployment", _DEPLOYMENT_CHOICE),
        ],
        of_200={"type": "object", "required": ["new_invocation_id"], "properties": {"new_invocation_id": text()}},
    ),
    "purge": _asked("Forget an invocation that has ended", of_200="Done"),
    "purge-journal": _asked("Forget the journal of an invocation that has ended", of_200="Done"),
}

_IN_LIST = (
    _query("service", ""),
    _query("handler", ""),
    _query("key", ""),
    _query("status", "One or several, with commas between them."),
    _query("from_ms", "Created at this time or later, in milliseconds since 1970.", type="integer", minimum=0),
    _query("before_ms", "Created before this time.", type="integer", minimum=0),
    _query("limit", "", type="integer", minimum=1, maximum=1000),
    _query("after", "What the page before gave as `next`."),
    _query("ids", "Just these, with commas between them."),
    _query("why", "Whether to say of each why it does not move.", enum=["true", "false"]),
)
_IN_KEYS = (_IN_LIST[0], _IN_LIST[2], _IN_LIST[6], _IN_LIST[7])

# What has no JSON to show: the page, and a file of it.
_PAGE = {
    "summary": "The web UI",
    "responses": {"200": {"description": "Its page"}, "304": {"description": "Unchanged"}},
}

_PATHS: dict[str, dict[str, Any]] = {
    "/": {"get": _asked("Go to the web UI", of_302=None)},
    "/ui/{page}": {"parameters": [_path("page")], "get": _PAGE, "head": _PAGE},
    "/health": {"get": _asked("Whether the server is up; asks for no token", of_200=None)},
    "/version": {"get": _asked("What this is, and which versions of the API there are", of_200="Version")},
    "/cluster-health": {"get": _asked("The health of a cluster of one", of_200={"type": "object"})},
    "/openapi": {"get": _asked("This document", of_200={"type": "object"})},
    "/deployments": {
        "get": _asked(
            "List deployments",
            query=[_query("include", "`status` adds which are drained.", enum=["status"])],
            of_200="Deployments",
        ),
        "post": _asked(
            "Register an endpoint; 200 when it is known already",
            body=any_of("RegisterHttp", "RegisterLambda"),
            of_200="DetailedDeployment",
            of_201="DetailedDeployment",
        ),
    },
    "/deployments/{deployment}": {
        "parameters": [_path("deployment")],
        "get": _asked("Show a deployment", of_200="DetailedDeployment"),
        "patch": _asked("Change a deployment in place", body="ModifyDeployment", of_200="DetailedDeployment"),
        "put": {
            **_asked("Replace a deployment; version 2 only", body="ModifyDeployment", of_200="DetailedDeployment"),
            "deprecated": True,
        },
        "delete": _asked(
            "Remove a deployment that is drained",
            query=[_query("force", "Remove any, whatever runs on it.", type="boolean")],
            of_202=None,
        ),
    },
    "/services": {"get": _asked("List services", of_200="Services")},
    "/services/{service}": {
        "parameters": [_path("service")],
        "get": _asked("Show a service", of_200="Service"),
        "patch": _asked("Change options until the next revision", body="ModifyService", of_200="Service"),
    },
    "/services/{service}/openapi": {
        "parameters": [_path("service")],
        "get": _asked("How a service is called through the ingress", of_200={"type": "object"}),
    },
    "/services/{service}/state": {
        "parameters": [_path("service")],
        "post": _asked("Replace the state of a key that nobody holds", body="ModifyState", of_202=None),
    },
    "/services/{service}/handlers": {
        "parameters": [_path("service")],
        "get": _asked("List handlers", of_200="Handlers"),
    },
    "/services/{service}/handlers/{handler}": {
        "parameters": [_path("service"), _path("handler")],
        "get": _asked("Show a handler", of_200="Handler"),
    },
    "/overview": {"get": _asked("How many invocations each service has in each status", of_200={"type": "object"})},
    "/invocations": {"get": _asked("List invocations, newest first", query=_IN_LIST, of_200="Invocations")},
    "/invocations/{invocation}": {
        "parameters": [_path("invocation", **_ID)],
        "get": _asked(
            "Show an invocation with its journal, and why it does not move",
            query=[_query("values", "`whole` cuts values later.", enum=["whole"])],
            of_200="Invocation",
        ),
        "delete": {
            **_asked(
                "End or forget an invocation by the older spelling",
                query=[_query("mode", "", enum=["cancel", "kill", "purge", "Cancel", "Kill", "Purge"])],
                of_202=None,
            ),
            "deprecated": True,
        },
    },
    **{
        f"/invocations/{{invocation}}/{verb}": {"parameters": [_path("invocation", **_ID)], "patch": operation}
        for verb, operation in _ON_INVOCATION.items()
    },
    "/internal/invocations_batch_operations/{operation}": {
        "parameters": [_path("operation", enum=list(_ON_INVOCATION))],
        "post": _asked("Do the same to up to a thousand invocations", body="Batch", of_200="BatchDone"),
    },
    "/internal/services/{service}/serdes/{operation}/{serde}": {
        "parameters": [_path("service"), _path("operation", enum=["decode", "encode"]), _path("serde")],
        "post": {
            "summary": "Let the SDK of a service turn a value into JSON for people, or back",
            "requestBody": {"content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}},
            "responses": {
                "200": {"description": "What it was turned into", "content": {_BYTES: {}, _JSON: {}}},
                "default": ref("Error", "responses"),
            },
        },
    },
    "/keys": {"get": _asked("List keys that were ever used", query=_IN_KEYS, of_200={"type": "object"})},
    "/keys/{service}/{key}": {
        "parameters": [_path("service"), _path("key")],
        "get": _asked("Show a key: queue, state, promises", query=[_query("scope", "")], of_200={"type": "object"}),
    },
    "/limits/rules": {
        "get": _asked("List the rules of flow control", of_200=array(ref("Rule"))),
        "put": _asked("Add or change rules", body=array(ref("UpsertRule")), of_200=array(ref("Rule"))),
    },
    "/limits/rules/bulk-delete": {
        "post": _asked("Remove rules", body=array(ref("RemoveRule")), of_200=array(text())),
    },
    "/query": {
        "post": {
            **_asked("Ask by SQL", body={"type": "object", "required": ["query"], "properties": {"query": text()}}),
            "responses": {
                "200": {
                    "description": "Rows: as JSON for who accepts exactly that, else as an Arrow stream",
                    "content": {
                        _JSON: {"schema": {"type": "object", "properties": {"rows": array({"type": "object"})}}},
                        _ARROW: {"schema": {"type": "string", "format": "binary"}},
                    },
                },
                "default": ref("Error", "responses"),
            },
        }
    },
    "/subscriptions": {
        "get": _asked("An empty list: Kafka is not read here", of_200={"type": "object"}),
        "post": _asked("Refused, with what to use instead", body={"type": "object"}),
    },
    "/subscriptions/{subscription}": {
        "parameters": [_path("subscription")],
        "get": _asked("There is none"),
        "delete": _asked("There is none"),
    },
    "/kafka-clusters": {
        "get": _asked("An empty list: Kafka is not read here", of_200={"type": "object"}),
        "post": _asked("Refused, with what to use instead", body={"type": "object"}),
    },
    "/kafka-clusters/{cluster}": {
        "parameters": [_path("cluster")],
        "get": _asked("There is none"),
        "patch": _asked("There is none", body={"type": "object"}),
        "delete": _asked("There is none"),
    },
}


def _named(paths: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the table with an id for each operation, made of its method and its path."""
    for path, methods in paths.items():
        words = "_".join(path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")) or "root"
        for method in methods.keys() - {"parameters"}:
            methods[method] = {"operationId": f"{method}_{words}", **methods[method]}
    return paths


PATHS = _named(_PATHS)
