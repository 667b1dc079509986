"""Writing a discovery manifest in the version that was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast_protocol.manifest import (
    HandlerManifest,
    InputSpec,
    Manifest,
    ManifestError,
    Options,
    OutputSpec,
    RetryPolicy,
    ServiceManifest,
    manifest_from_json,
    manifest_to_json,
)

# What PyPI's SDK sent for three services; version 4.
OFFICIAL = {
    "protocolMode": "REQUEST_RESPONSE",
    "minProtocolVersion": 5,
    "maxProtocolVersion": 7,
    "services": [
        {
            "name": "Greeter",
            "ty": "SERVICE",
            "handlers": [
                {
                    "name": "greet",
                    "input": {"required": False, "contentType": "application/json", "jsonSchema": {"type": "string"}},
                    "output": {
                        "contentType": "application/json",
                        "setContentTypeIfEmpty": False,
                        "jsonSchema": {"type": "string"},
                    },
                },
                {"name": "nothing", "input": {}, "output": {"setContentTypeIfEmpty": False}},
            ],
            "documentation": "d",
            "metadata": {"a": "b"},
            "inactivityTimeout": 3000,
            "retryPolicyMaxAttempts": 3,
            "retryPolicyExponentiationFactor": 2.0,
            "retryPolicyOnMaxAttempts": "KILL",
        },
        {
            "name": "Counter",
            "ty": "VIRTUAL_OBJECT",
            "handlers": [
                {
                    "name": "add",
                    "ty": "EXCLUSIVE",
                    "input": {"required": False, "contentType": "application/json", "jsonSchema": True},
                    "output": {"setContentTypeIfEmpty": False},
                },
                {"name": "get", "ty": "SHARED", "input": {}, "output": {"setContentTypeIfEmpty": False}},
            ],
        },
        {
            "name": "Signup",
            "ty": "WORKFLOW",
            "handlers": [
                {
                    "name": "run",
                    "ty": "WORKFLOW",
                    "input": {},
                    "output": {"setContentTypeIfEmpty": False},
                    "workflowCompletionRetention": 86400000,
                },
                {"name": "click", "ty": "SHARED", "input": {}, "output": {"setContentTypeIfEmpty": False}},
            ],
        },
    ],
}


def one(
    service: Options | None = None, handler: Options | None = None, *, kind: Any = "service", handler_kind: Any = None
) -> Manifest:
    """Return a manifest of one service with one handler."""
    return Manifest(
        protocol_mode="request_response",
        min_protocol_version=5,
        max_protocol_version=7,
        lambda_compression="zstd",
        services=(
            ServiceManifest(
                name="S",
                kind=kind,
                documentation="doc",
                metadata={"a": "b"},
                options=service or Options(),
                handlers=(
                    HandlerManifest(
                        name="h",
                        kind=handler_kind,
                        documentation="doc",
                        metadata={"c": "d"},
                        options=handler or Options(),
                    ),
                ),
            ),
        ),
    )


def test_a_manifest_of_the_official_sdk_survives_both_ways() -> None:
    """Reading a real manifest and writing it again gives the same JSON, down to empty objects and a schema of true."""
    assert manifest_to_json(manifest_from_json(json.dumps(OFFICIAL).encode(), 4), 4) == OFFICIAL


def test_what_was_not_said_is_not_written() -> None:
    """Strict servers refuse what they do not know, so silence is written as nothing at all."""
    manifest = Manifest(
        protocol_mode="bidi_stream",
        min_protocol_version=5,
        max_protocol_version=5,
        services=(ServiceManifest(name="S", kind="service", handlers=(HandlerManifest(name="h", kind=None),)),),
    )
    assert manifest_to_json(manifest, 5) == {
        "protocolMode": "BIDI_STREAM",
        "minProtocolVersion": 5,
        "maxProtocolVersion": 5,
        "services": [{"name": "S", "ty": "SERVICE", "handlers": [{"name": "h"}]}],
    }


def test_texts_and_compression_are_left_out_where_a_version_has_no_place_for_them() -> None:
    """What only people read, and an offer nobody has to take, does not stop an older server."""
    v1, v3, v4 = (manifest_to_json(one(), version) for version in (1, 3, 4))
    assert v1["services"] == [{"name": "S", "ty": "SERVICE", "handlers": [{"name": "h"}]}]
    assert v3["services"][0]["documentation"] == "doc"
    assert v3["services"][0]["handlers"][0]["metadata"] == {"c": "d"}
    assert ("lambdaCompression" in v1, "lambdaCompression" in v3) == (False, False)
    assert v4["lambdaCompression"] == "zstd"


OPTIONS = [
    (Options(inactivity_timeout_ms=0), 3, "inactivityTimeout", 0),
    (Options(abort_timeout_ms=1), 3, "abortTimeout", 1),
    (Options(journal_retention_ms=1), 3, "journalRetention", 1),
    (Options(idempotency_retention_ms=1), 3, "idempotencyRetention", 1),
    (Options(enable_lazy_state=False), 3, "enableLazyState", False),
    (Options(ingress_private=False), 3, "ingressPrivate", False),
    (Options(retry_policy=RetryPolicy(initial_interval_ms=1)), 4, "retryPolicyInitialInterval", 1),
    (Options(retry_policy=RetryPolicy(max_interval_ms=1)), 4, "retryPolicyMaxInterval", 1),
    (Options(retry_policy=RetryPolicy(max_attempts=1)), 4, "retryPolicyMaxAttempts", 1),
    (Options(retry_policy=RetryPolicy(exponentiation_factor=1.5)), 4, "retryPolicyExponentiationFactor", 1.5),
    (Options(retry_policy=RetryPolicy(on_max_attempts="pause")), 4, "retryPolicyOnMaxAttempts", "PAUSE"),
    (Options(eager_state_keys=("a",)), 5, "eagerStateKeysWhitelist", ["a"]),
]


@pytest.mark.parametrize(("options", "since", "name", "value"), OPTIONS, ids=[case[2] for case in OPTIONS])
@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_an_option_is_written_or_refused_and_never_dropped(
    options: Options, since: int, name: str, value: object, version: int
) -> None:
    """A version that has no place for an option gets an error, because the service would run by other rules."""
    for manifest, path in ((one(options), "services[0]"), (one(handler=options), "services[0].handlers[0]")):
        if version < since:
            with pytest.raises(ManifestError) as caught:
                manifest_to_json(manifest, version)
            assert str(caught.value).startswith(f"{path}.{name} needs version {since} of the manifest")
        else:
            service = manifest_to_json(manifest, version)["services"][0]
            holder = service if path == "services[0]" else service["handlers"][0]
            assert holder[name] == value


def test_the_retention_of_a_workflow_belongs_to_its_run_handler() -> None:
    """It is written there, and refused anywhere else."""
    retention = Options(workflow_completion_retention_ms=5)
    written = manifest_to_json(one(handler=retention, kind="workflow", handler_kind="workflow"), 3)
    assert written["services"][0]["handlers"][0]["workflowCompletionRetention"] == 5
    for manifest in (
        one(retention, kind="workflow", handler_kind="workflow"),
        one(handler=retention, kind="workflow", handler_kind="shared"),
        one(handler=retention),
    ):
        with pytest.raises(ManifestError, match="only allowed on the run handler"):
            manifest_to_json(manifest, 5)


@pytest.mark.parametrize(
    ("kind", "handler_kind"),
    [
        ("service", "shared"),
        ("service", "exclusive"),
        ("service", "workflow"),
        ("object", None),
        ("object", "workflow"),
        ("workflow", None),
        ("workflow", "exclusive"),
    ],
)
def test_a_handler_must_have_a_kind_of_its_service(kind: str, handler_kind: str | None) -> None:
    """Records carry resolved kinds, and one that cannot be is refused before it is sent."""
    with pytest.raises(ManifestError, match=r"^services\[0\]\.handlers\[0\]\.ty: "):
        manifest_to_json(one(kind=kind, handler_kind=handler_kind), 4)


def test_rules_are_checked_before_anything_is_sent() -> None:
    """A manifest no server would take is refused at home, with the same sentence."""
    manifest = one()
    backwards = replace(manifest, min_protocol_version=8)
    twice = replace(manifest, services=manifest.services * 2)
    reserved = replace(manifest, services=(replace(manifest.services[0], name="openapi"),))
    for bad, sentence in ((backwards, "8 is above 7"), (twice, "the same name"), (reserved, "'openapi' is reserved")):
        with pytest.raises(ManifestError, match=sentence):
            manifest_to_json(bad, 4)


def test_specs_write_only_what_they_say() -> None:
    """False is said and written; None is not."""
    manifest = one()
    handler = replace(
        manifest.services[0].handlers[0],
        input=InputSpec(required=False, json_schema=False),
        output=OutputSpec(),
    )
    manifest = replace(manifest, services=(replace(manifest.services[0], handlers=(handler,)),))
    written = manifest_to_json(manifest, 1)["services"][0]["handlers"][0]
    assert written == {"name": "h", "input": {"required": False, "jsonSchema": False}, "output": {}}


def test_handler_options_lie_over_service_options() -> None:
    """What the handler says wins, what it leaves open comes from the service, and retries mix field by field."""
    service = Options(
        abort_timeout_ms=1,
        ingress_private=True,
        retry_policy=RetryPolicy(max_attempts=3, on_max_attempts="kill"),
    )
    handler = Options(abort_timeout_ms=0, enable_lazy_state=False, retry_policy=RetryPolicy(max_attempts=9))
    assert handler.over(service) == Options(
        abort_timeout_ms=0,
        ingress_private=True,
        enable_lazy_state=False,
        retry_policy=RetryPolicy(max_attempts=9, on_max_attempts="kill"),
    )
    assert Options().over(service) == service
    assert service.over(Options()) == service


@pytest.mark.parametrize("version", [0, 6])
def test_a_version_that_does_not_exist_is_a_mistake_of_the_caller(version: int) -> None:
    """Versions come from negotiation."""
    with pytest.raises(ValueError, match="does not exist"):
        manifest_to_json(one(), version)
