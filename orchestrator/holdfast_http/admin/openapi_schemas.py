"""The records of the admin API's OpenAPI document: what goes in and comes out."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def ref(name: str, kind: str = "schemas") -> Schema:
    """Return a reference to a part of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def text(**more: Any) -> Schema:
    """Return the schema of a string."""
    return {"type": "string", **more}


def array(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def any_of(*names: str) -> Schema:
    """Return the schema of one record or another."""
    return {"anyOf": [ref(name) for name in names]}


def _record(*required: str, **properties: Schema) -> Schema:
    """Return the schema of an object; fields beyond those that are named may come with later versions."""
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_FLAG: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TEXTS = _map(text())
_DURATION = text(examples=["1d", "10m", "PT1H"])
_MAYBE_DURATION = _or_null(_DURATION)
_WHEN = text(format="date-time")

_OPTIONS = {
    "documentation": _or_null(text()),
    "metadata": _TEXTS,
    "public": _FLAG,
    "idempotency_retention": _DURATION,
    "workflow_completion_retention": _MAYBE_DURATION,
    "journal_retention": _DURATION,
    "inactivity_timeout": _DURATION,
    "abort_timeout": _DURATION,
    "enable_lazy_state": _FLAG,
    "retry_policy": ref("RetryPolicy"),
    "info": array({"type": "object"}),
}
_DEPLOYMENT = {
    "id": text(),
    "uri": text(),
    "arn": text(),
    "assume_role_arn": text(),
    "protocol_type": text(enum=["BidiStream", "RequestResponse"]),
    "http_version": text(),
    "additional_headers": _TEXTS,
    "metadata": _TEXTS,
    "created_at": _WHEN,
    "min_protocol_version": _WHOLE,
    "max_protocol_version": _WHOLE,
    "sdk_version": _or_null(text()),
    "status": text(enum=["active", "drained"]),
    "info": array({"type": "object"}),
}
_REGISTER = {
    "additional_headers": _or_null(_TEXTS),
    "metadata": _or_null(_TEXTS),
    "breaking": _or_null(_FLAG),
    "force": _or_null(_FLAG),
    "dry_run": _or_null(_FLAG),
}
_HTTP = {"uri": text(pattern="^https?://"), "use_http_11": _or_null(_FLAG)}
_LAMBDA = {"arn": text(), "assume_role_arn": _or_null(text())}

SCHEMAS: dict[str, Schema] = {
    "Error": _record("message", message=text(), restate_code=text(), holdfast_code=text()),
    "Version": _record(
        "version",
        "min_admin_api_version",
        "max_admin_api_version",
        version=text(),
        min_admin_api_version=_WHOLE,
        max_admin_api_version=_WHOLE,
        ingress_endpoint=text(),
        features=_map(_FLAG),
    ),
    "RetryPolicy": _record(
        initial_interval=_DURATION,
        exponentiation_factor={"type": "number"},
        max_attempts=_or_null(_WHOLE),
        max_interval=_MAYBE_DURATION,
        on_max_attempts=text(enum=["Pause", "Kill"]),
    ),
    "Handler": _record(
        "name",
        "public",
        name=text(),
        ty=_or_null(text(enum=["Exclusive", "Shared", "Workflow"])),
        input_description=text(),
        output_description=text(),
        input_json_schema={},
        output_json_schema={},
        **_OPTIONS,
    ),
    "Handlers": _record("handlers", handlers=array(ref("Handler"))),
    "Service": _record(
        "name",
        "ty",
        "handlers",
        "deployment_id",
        "revision",
        "public",
        name=text(),
        ty=text(enum=["Service", "VirtualObject", "Workflow"]),
        handlers=array(ref("Handler")),
        deployment_id=text(),
        revision=_WHOLE,
        **_OPTIONS,
    ),
    "Services": _record("services", services=array(ref("Service"))),
    "ModifyService": _record(
        public=_or_null(_FLAG),
        idempotency_retention=_MAYBE_DURATION,
        workflow_completion_retention=_MAYBE_DURATION,
        journal_retention=_MAYBE_DURATION,
        inactivity_timeout=_MAYBE_DURATION,
        abort_timeout=_MAYBE_DURATION,
    ),
    "ModifyState": _record(
        "object_key",
        "new_state",
        object_key=text(),
        scope=_or_null(text()),
        version=_or_null(text(description="Refused when the state is another by now.")),
        new_state=_map(array({"type": "integer", "minimum": 0, "maximum": 255})),
    ),
    "Deployment": _record(
        "id",
        "services",
        "created_at",
        services=array(_record("name", "revision", name=text(), revision=_WHOLE)),
        **_DEPLOYMENT,
    ),
    "Deployments": _record("deployments", deployments=array(ref("Deployment"))),
    "DetailedDeployment": _record("id", "services", services=array(ref("Service")), **_DEPLOYMENT),
    "RegisterHttp": _record("uri", **_HTTP, **_REGISTER),
    "RegisterLambda": _record("arn", **_LAMBDA, **_REGISTER),
    "ModifyDeployment": _record(
        **{name: _or_null(schema) for name, schema in {**_HTTP, **_LAMBDA}.items()},
        additional_headers=_or_null(_TEXTS),
        overwrite=_or_null(_FLAG),
        dry_run=_or_null(_FLAG),
    ),
    "Invocation": _record(
        "id",
        "target",
        "service",
        "handler",
        "status",
        "created_at",
        id=text(),
        target=text(),
        service=text(),
        key=text(),
        handler=text(),
        scope=text(),
        status=text(),
        why=text(description="Why it does not move, in one sentence."),
        created_at=_WHEN,
        modified_at=_WHEN,
        completed_at=_WHEN,
        outcome=_record("result", result=text(enum=["success", "failure"])),
        deployment_id=text(),
        journal=array({"type": "object"}),
    ),
    "Invocations": _record(
        "invocations",
        "is_whole",
        invocations=array(ref("Invocation")),
        is_whole=_FLAG,
        next=text(description="What to give as `after` for the page that follows."),
    ),
    "Done": _record("invocation_id", "outcome", invocation_id=text(), outcome=text()),
    "Batch": _record("invocation_ids", invocation_ids={**array(text()), "maxItems": 1000}, deployment=_or_null(text())),
    "BatchDone": _record(
        "succeeded",
        "failed",
        succeeded=array({}),
        failed=array(_record("invocation_id", "error", invocation_id=text(), error=text())),
    ),
    "Rule": _record(
        "pattern",
        "limits",
        "disabled",
        "version",
        pattern=text(),
        limits=ref("Limits"),
        disabled=_FLAG,
        version=_WHOLE,
        description=text(),
        last_modified_millis_since_epoch=_WHOLE,
    ),
    "Limits": _record(concurrency=_or_null({"type": "integer", "minimum": 1, "maximum": 2**32 - 1})),
    "UpsertRule": _record(
        "pattern",
        pattern=text(examples=["scope", "scope/*", "*/level/level"]),
        limits=_or_null(ref("Limits")),
        description=_or_null(text()),
        disabled=_FLAG,
        precondition=_or_null(
            _record(type=text(enum=["none", "does_not_exist", "matches"]), version={**_WHOLE, "maximum": 2**32 - 1})
        ),
    ),
    "RemoveRule": _record("pattern", pattern=text(), expected_version=_or_null({**_WHOLE, "maximum": 2**32 - 1})),
}

RESPONSES: dict[str, Any] = {
    "Error": {
        "description": "What happened, and what to do",
        "content": {"application/json": {"schema": ref("Error")}},
    }
}
