"""The routes by which operators change what there is: invocations, deployments and services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.admin import batches, configuring, deployments, invocations

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.admin.tools import Answers, Tools
    from holdfast_http.messages import Request


def answers(tools: Tools, request: Request, segments: tuple[str, ...], version: int) -> Answers:
    """Return what each method of a path changes; empty where nothing can be changed."""
    engine = tools.engine
    match segments:
        case ["invocations", invocation_id]:
            return {"DELETE": lambda: invocations.delete(engine, request, invocation_id)}
        case ["invocations", invocation_id, verb]:
            return _on_invocation(engine, request, invocation_id, verb)
        case ["internal", "invocations_batch_operations", verb]:
            return {"POST": lambda: batches.operate(engine, request, verb)}
        case ["deployments", deployment_id]:
            return {
                "PATCH": lambda: deployments.modify(engine, request, deployment_id),
                "PUT": lambda: deployments.replace_wholly(engine, request, deployment_id, version),
                "DELETE": lambda: deployments.forget(engine, request, deployment_id),
            }
        case ["services", name]:
            return {"PATCH": lambda: configuring.configure(engine, request, name)}
        case _:
            return {}


def _on_invocation(engine: Engine, request: Request, invocation_id: str, verb: str) -> Answers:
    match verb:
        case "cancel":
            return {"PATCH": lambda: invocations.cancel(engine, invocation_id)}
        case "kill":
            return {"PATCH": lambda: invocations.kill(engine, invocation_id)}
        case "pause":
            return {"PATCH": lambda: invocations.pause(engine, invocation_id)}
        case "resume":
            return {"PATCH": lambda: invocations.resume(engine, request, invocation_id)}
        case "restart-as-new":
            return {"PATCH": lambda: invocations.restart(engine, request, invocation_id)}
        case "purge":
            return {"PATCH": lambda: invocations.purge(engine, invocation_id)}
        case "purge-journal":
            return {"PATCH": lambda: invocations.purge_journal(engine, invocation_id)}
        case _:
            return {}
