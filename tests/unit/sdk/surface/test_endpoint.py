"""The endpoint: which services it takes, what it finds, and what it tells about itself."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import Any

import pytest

import holdfast
from holdfast_protocol.manifest import manifest_from_json, manifest_to_json
from tests.support.tree import ROOT


async def _fn(ctx: Any, value: int) -> int:
    return value


def _service(name: str) -> holdfast.Service:
    service = holdfast.Service(name)
    service.handler("work")(_fn)
    return service


def test_two_services_of_one_name() -> None:
    """Two services of one name cannot be served together."""
    with pytest.raises(holdfast.DefinitionError, match="Two services are named 'Same'"):
        holdfast.Endpoint([_service("Same"), _service("Same")])


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        ("text", "'text' is not a Service, VirtualObject or Workflow"),
        (_fn, "is not a Service, VirtualObject or Workflow"),
        (holdfast.Service("Empty"), "Empty has no handlers"),
    ],
)
def test_what_is_no_service_is_refused(service: Any, sentence: str) -> None:
    """An endpoint takes services with handlers, nothing else."""
    with pytest.raises(holdfast.DefinitionError, match=sentence):
        holdfast.Endpoint([service])


def test_handlers_are_found_by_target() -> None:
    """A handler is found by service and name; what is not there is None."""
    endpoint = holdfast.Endpoint([_service("One"), _service("Two")])
    found = endpoint.find("Two", "work")
    assert found is not None
    assert found.service_name == "Two"
    assert endpoint.find("Two", "rest") is None
    assert endpoint.find("Three", "work") is None


async def test_an_unknown_target_is_an_error_of_its_own() -> None:
    """An attempt for a target that is not served ends in HandlerNotFound, before any frame is looked at."""
    from holdfast_protocol.attempt import AttemptRequest
    from holdfast_protocol.schema_pb2 import Start

    request = AttemptRequest(
        service="Nobody", handler="home", protocol_version=7, headers={}, start=Start(), entries=[]
    )
    with pytest.raises(holdfast.HandlerNotFound, match="Nobody/home is not served here"):
        await holdfast.Endpoint([]).run(request, None)


def test_every_option_reaches_the_manifest() -> None:
    """All options of services and handlers are in the manifest, and reading it back gives the same."""
    policy = holdfast.InvocationRetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        exponentiation_factor=1.5,
        max_interval=timedelta(seconds=10),
        max_attempts=7,
        on_max_attempts="kill",
    )
    workflow = holdfast.Workflow(
        "Signup",
        "Signs people up.",
        {"team": "a"},
        inactivity_timeout=timedelta(minutes=1),
        abort_timeout=timedelta(minutes=10),
        journal_retention=timedelta(hours=1),
        idempotency_retention=timedelta(hours=2),
        ingress_private=True,
        enable_lazy_state=True,
        invocation_retry_policy=policy,
    )

    @workflow.main(workflow_retention=timedelta(days=1), metadata={"tier": "1"})
    async def run(ctx: Any, name: str) -> bytes:
        """Run once."""
        return name.encode()

    manifest = holdfast.Endpoint([workflow]).manifest()
    json_values = manifest_to_json(manifest, 4)
    service, handler = json_values["services"][0], json_values["services"][0]["handlers"][0]
    assert {key: value for key, value in service.items() if key != "handlers"} == {
        "name": "Signup",
        "ty": "WORKFLOW",
        "documentation": "Signs people up.",
        "metadata": {"team": "a"},
        "inactivityTimeout": 60_000,
        "abortTimeout": 600_000,
        "journalRetention": 3_600_000,
        "idempotencyRetention": 7_200_000,
        "enableLazyState": True,
        "ingressPrivate": True,
        "retryPolicyInitialInterval": 100,
        "retryPolicyMaxInterval": 10_000,
        "retryPolicyMaxAttempts": 7,
        "retryPolicyExponentiationFactor": 1.5,
        "retryPolicyOnMaxAttempts": "KILL",
    }
    assert handler == {
        "name": "run",
        "ty": "WORKFLOW",
        "input": {"required": True, "contentType": "application/json", "jsonSchema": {"type": "string"}},
        "output": {"contentType": "application/octet-stream", "setContentTypeIfEmpty": False},
        "documentation": "Run once.",
        "metadata": {"tier": "1"},
        "workflowCompletionRetention": 86_400_000,
    }
    assert manifest_from_json(json_values, 4) == manifest


def test_the_version_is_the_distribution_s() -> None:
    """The version that code reports is the one that is published."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == holdfast.__version__
    assert holdfast.Endpoint.sdk_version == f"restate-sdk-holdfast/{holdfast.__version__}"
