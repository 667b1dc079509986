"""The parts of an OpenAPI document that are the same for every service."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"
_TEXT = {"type": "string"}

ERROR_SCHEMA: dict[str, Any] = {
    "title": "Error",
    "description": "A terminal failure of a handler, or a refusal of the ingress.",
    "type": "object",
    "required": ["message", "source"],
    "properties": {
        "code": {"type": "number", "title": "The failure's code; often an HTTP status"},
        "message": {"type": "string", "title": "What happened, for people"},
        "source": {
            "enum": ["ingress", "invocation"],
            "description": "Who failed: the ingress before any handler ran, or the handler. Also in the header"
            " x-restate-error-source.",
        },
        "metadata": {"type": "object", "additionalProperties": _TEXT, "title": "What the handler added"},
        "stacktrace": {"type": "string"},
    },
}

_SEND_SCHEMA: dict[str, Any] = {
    "title": "SendResponse",
    "type": "object",
    "required": ["invocationId", "status"],
    "properties": {
        "invocationId": _TEXT,
        "status": {"enum": ["Accepted", "PreviouslyAccepted"]},
        "executionTime": {"type": "string", "format": "date-time", "description": "When it starts, if it has a delay"},
    },
}


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}


def _parameter(name: str, place: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": _TEXT,
        "description": description,
    }


COMPONENTS: dict[str, Any] = {
    "parameters": {
        "key": _parameter("key", "path", "Which virtual object or workflow."),
        "idempotencyKeyHeader": _parameter(
            "idempotency-key", "header", "Requests with the same key are one invocation and get the same answer."
        ),
        "idempotencyKeyPath": _parameter("idempotencyKey", "path", "The idempotency key of the original request."),
        "delay": _parameter("delay", "query", "When to start: 10s, PT10S, 2h 30m, or milliseconds."),
    },
    "responses": {
        "GenericError": _error("The handler failed, or the request was refused"),
        "InvocationNotFoundError": _error("There is no such invocation"),
        "InvocationNotReadyError": _error("The invocation has not completed yet"),
        "Send": {"description": "The invocation is durable", "content": {_JSON: {"schema": _SEND_SCHEMA}}},
    },
    "schemas": {"Error": ERROR_SCHEMA},
}
