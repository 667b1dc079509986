"""Reading a discovery manifest: every field by version, defaults, leniency, and one clear sentence per mistake."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from holdfast_protocol.errors import DecodeError
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
)

Json = dict[str, Any]

RETRY_JSON = {
    "retryPolicyInitialInterval": 100,
    "retryPolicyMaxInterval": 2000,
    "retryPolicyMaxAttempts": 5,
    "retryPolicyExponentiationFactor": 1.5,
    "retryPolicyOnMaxAttempts": "KILL",
}
OPTIONS_JSON = {
    "inactivityTimeout": 1,
    "abortTimeout": 2,
    "journalRetention": 3,
    "enableLazyState": True,
    "ingressPrivate": True,
    **RETRY_JSON,
    "eagerStateKeysWhitelist": ["a", "b"],
}
RETRY = RetryPolicy(
    initial_interval_ms=100,
    max_interval_ms=2000,
    max_attempts=5,
    exponentiation_factor=1.5,
    on_max_attempts="kill",
)


def full() -> Json:
    """Return a manifest that has every field of every version somewhere."""
    return {
        "protocolMode": "BIDI_STREAM",
        "minProtocolVersion": 5,
        "maxProtocolVersion": 7,
        "lambdaCompression": "zstd",
        "services": [
            {
                "name": "Wf",
                "ty": "WORKFLOW",
                "documentation": "doc",
                "metadata": {"team": "a"},
                "idempotencyRetention": 4,
                **OPTIONS_JSON,
                "handlers": [
                    {
                        "name": "run",
                        "ty": "WORKFLOW",
                        "documentation": "the run",
                        "metadata": {"x": "y"},
                        "input": {
                            "required": True,
                            "contentType": "application/json",
                            "jsonSchema": {"type": "string"},
                        },
                        "output": {"contentType": "text/plain", "setContentTypeIfEmpty": True, "jsonSchema": True},
                        "workflowCompletionRetention": 5,
                        **OPTIONS_JSON,
                    }
                ],
            }
        ],
    }


def small(**changes: object) -> Json:
    """Return the least manifest, with changes at its top."""
    handler: Json = {"name": "greet"}
    service: Json = {"name": "Greeter", "ty": "SERVICE", "handlers": [handler]}
    manifest: Json = {
        "protocolMode": "REQUEST_RESPONSE",
        "minProtocolVersion": 5,
        "maxProtocolVersion": 7,
        "services": [service],
    }
    return {**manifest, **changes}


def with_service(**changes: object) -> Json:
    """Return the least manifest with changes in its one service."""
    manifest = small()
    manifest["services"][0].update(changes)
    return manifest


def with_handler(service_type: str = "SERVICE", **changes: object) -> Json:
    """Return the least manifest with changes in its one handler."""
    manifest = with_service(ty=service_type)
    manifest["services"][0]["handlers"][0].update(changes)
    return manifest


def test_every_field_of_the_newest_version_is_read() -> None:
    """Nothing that the manifest says is lost on the way into the records."""
    options = Options(
        inactivity_timeout_ms=1,
        abort_timeout_ms=2,
        journal_retention_ms=3,
        enable_lazy_state=True,
        ingress_private=True,
        eager_state_keys=("a", "b"),
        retry_policy=RETRY,
    )
    assert manifest_from_json(full(), 5) == Manifest(
        protocol_mode="bidi_stream",
        min_protocol_version=5,
        max_protocol_version=7,
        lambda_compression="zstd",
        services=(
            ServiceManifest(
                name="Wf",
                kind="workflow",
                documentation="doc",
                metadata={"team": "a"},
                options=Options(idempotency_retention_ms=4).over(options),
                handlers=(
                    HandlerManifest(
                        name="run",
                        kind="workflow",
                        documentation="the run",
                        metadata={"x": "y"},
                        input=InputSpec(required=True, content_type="application/json", json_schema={"type": "string"}),
                        output=OutputSpec(content_type="text/plain", set_content_type_if_empty=True, json_schema=True),
                        options=Options(workflow_completion_retention_ms=5).over(options),
                    ),
                ),
            ),
        ),
    )


def test_the_least_manifest_leaves_everything_open() -> None:
    """Absent fields are None or empty, and a handler of a plain service has no kind."""
    manifest = manifest_from_json(json.dumps(small()).encode(), 1)
    assert manifest == Manifest(
        protocol_mode="request_response",
        min_protocol_version=5,
        max_protocol_version=7,
        services=(
            ServiceManifest(name="Greeter", kind="service", handlers=(HandlerManifest(name="greet", kind=None),)),
        ),
    )
    assert manifest.services[0].options == Options()


@pytest.mark.parametrize(
    ("version", "unread"),
    [
        (1, {"documentation", "metadata", "options-3", "retry_policy", "lambda_compression", "eager_state_keys"}),
        (2, {"options-3", "retry_policy", "lambda_compression", "eager_state_keys"}),
        (3, {"retry_policy", "lambda_compression", "eager_state_keys"}),
        (4, {"eager_state_keys"}),
        (5, set()),
    ],
)
def test_a_field_newer_than_the_version_is_an_unknown_field(version: int, unread: set[str]) -> None:
    """A manifest of version N is read with the fields of N, and newer ones are skipped as unknown."""
    manifest = manifest_from_json(full(), version)
    service = manifest.services[0]
    absent = {
        "documentation": service.documentation is None,
        "metadata": service.metadata == {},
        "options-3": service.options.abort_timeout_ms is None,
        "retry_policy": service.options.retry_policy == RetryPolicy(),
        "lambda_compression": manifest.lambda_compression is None,
        "eager_state_keys": service.handlers[0].options.eager_state_keys is None,
    }
    assert {name for name, is_absent in absent.items() if is_absent} == unread


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_unknown_fields_are_tolerated(version: int) -> None:
    """At every level and in every version, a field nobody defined changes nothing."""
    strange = small(futureThing={"a": 1})
    strange["services"][0]["retryPolicyOnStatusCode"] = [{"statusCode": 400, "action": "KILL"}]
    strange["services"][0]["handlers"][0].update(other=[1], input={"strange": True}, output={"strange": None})
    expected = small()
    expected["services"][0]["handlers"][0].update(input={}, output={})
    assert manifest_from_json(strange, version) == manifest_from_json(expected, version)


def test_null_says_as_little_as_an_absent_field() -> None:
    """Writers that spell absent fields as null are understood."""
    manifest = with_service(documentation=None, metadata=None, abortTimeout=None)
    manifest["services"][0]["handlers"][0].update(ty=None, input=None, output={"contentType": None})
    expected = with_handler(output={})
    assert manifest_from_json(manifest, 4) == manifest_from_json(expected, 4)


def test_reading_does_not_change_or_keep_the_input() -> None:
    """The caller's JSON is left alone."""
    data = full()
    before = copy.deepcopy(data)
    manifest = manifest_from_json(data, 5)
    data["services"][0]["metadata"]["team"] = "b"
    assert manifest.services[0].metadata == {"team": "a"}
    data["services"][0]["metadata"]["team"] = "a"
    assert data == before


@pytest.mark.parametrize(
    ("service", "declared", "kind"),
    [
        ("SERVICE", None, None),
        ("SERVICE", "SHARED", None),
        ("VIRTUAL_OBJECT", None, "exclusive"),
        ("VIRTUAL_OBJECT", "EXCLUSIVE", "exclusive"),
        ("VIRTUAL_OBJECT", "SHARED", "shared"),
        ("WORKFLOW", "WORKFLOW", "workflow"),
        ("WORKFLOW", None, "shared"),
        ("WORKFLOW", "SHARED", "shared"),
    ],
)
def test_the_kind_of_a_handler_follows_from_its_service(service: str, declared: str | None, kind: str | None) -> None:
    """What a handler declares, or does not, means what servers take it to mean in that type of service."""
    manifest = manifest_from_json(with_handler(service, ty=declared), 4)
    assert manifest.services[0].handlers[0].kind == kind


@pytest.mark.parametrize(
    ("service", "declared"),
    [
        ("SERVICE", "EXCLUSIVE"),
        ("SERVICE", "WORKFLOW"),
        ("VIRTUAL_OBJECT", "WORKFLOW"),
        ("WORKFLOW", "EXCLUSIVE"),
    ],
)
def test_a_kind_that_does_not_fit_its_service_is_refused(service: str, declared: str) -> None:
    """Every other pair of types cannot be registered."""
    with pytest.raises(ManifestError, match=r"^services\[0\]\.handlers\[0\]\.ty: a service of kind .* no handlers"):
        manifest_from_json(with_handler(service, ty=declared), 4)


def without(manifest: Json, name: str) -> Json:
    """Return a manifest without one of its top fields."""
    del manifest[name]
    return manifest


H = "services[0].handlers[0]"
MISTAKES: list[tuple[Json, str]] = [
    (with_service(metadata="x"), "services[0].metadata must be an object of strings, not 'x'"),
    (
        with_service(retryPolicyExponentiationFactor="2"),
        "services[0].retryPolicyExponentiationFactor must be a number above 0, not '2'",
    ),
    (without(small(), "protocolMode"), "protocolMode is missing; it must be one of BIDI_STREAM, REQUEST_RESPONSE"),
    (without(small(), "services"), "services is missing; it must be an array"),
    (
        without(small(), "minProtocolVersion"),
        "minProtocolVersion is missing; it must be an integer from 1 to 2147483647",
    ),
    (
        without(small(), "maxProtocolVersion"),
        "maxProtocolVersion is missing; it must be an integer from 1 to 2147483647",
    ),
    (small(protocolMode="GRPC"), "protocolMode must be one of BIDI_STREAM, REQUEST_RESPONSE, not 'GRPC'"),
    (small(protocolMode="bidi_stream"), "protocolMode must be one of BIDI_STREAM, REQUEST_RESPONSE, not 'bidi_stream'"),
    (small(minProtocolVersion=0), "minProtocolVersion must be an integer from 1 to 2147483647, not 0"),
    (small(minProtocolVersion="5"), "minProtocolVersion must be an integer from 1 to 2147483647, not '5'"),
    (small(minProtocolVersion=True), "minProtocolVersion must be an integer from 1 to 2147483647, not True"),
    (small(maxProtocolVersion=7.0), "maxProtocolVersion must be an integer from 1 to 2147483647, not 7.0"),
    (small(maxProtocolVersion=2**31), "maxProtocolVersion must be an integer from 1 to 2147483647, not 2147483648"),
    (small(maxProtocolVersion=4), "minProtocolVersion must not be above maxProtocolVersion, but 5 is above 4"),
    (small(lambdaCompression="gzip"), "lambdaCompression must be one of zstd, not 'gzip'"),
    (small(services={}), "services must be an array, not a value of type dict"),
    (small(services=["Greeter"]), "services[0] must be an object, not 'Greeter'"),
    (with_service(name=None), "services[0].name is missing; it must be a string"),
    (with_service(name=7), "services[0].name must be a string, not 7"),
    (with_service(name="restateX"), "services[0].name: 'restateX' is reserved"),
    (with_service(name="a b"), "services[0].name: 'a b' is not a service name"),
    (with_service(ty=None), "services[0].ty is missing; it must be one of SERVICE, VIRTUAL_OBJECT, WORKFLOW"),
    (with_service(ty="ACTOR"), "services[0].ty must be one of SERVICE, VIRTUAL_OBJECT, WORKFLOW, not 'ACTOR'"),
    (with_service(handlers=None), "services[0].handlers is missing; it must be an array"),
    (with_service(handlers=[None]), "services[0].handlers[0] must be an object, not None"),
    (with_service(documentation=1), "services[0].documentation must be a string, not 1"),
    (with_service(metadata={"a": 1}), "services[0].metadata must be an object of strings, not a value of type dict"),
    (
        with_service(abortTimeout=-1),
        "services[0].abortTimeout must be a whole number of milliseconds, 0 or more, not -1",
    ),
    (
        with_service(abortTimeout="1s"),
        "services[0].abortTimeout must be a whole number of milliseconds, 0 or more, not '1s'",
    ),
    (
        with_service(abortTimeout=2**64),
        "services[0].abortTimeout must be a whole number of milliseconds, 0 or more, not a number of 65 bits",
    ),
    (with_service(enableLazyState=1), "services[0].enableLazyState must be true or false, not 1"),
    (
        with_service(retryPolicyMaxAttempts=1.5),
        "services[0].retryPolicyMaxAttempts must be a whole number, 0 or more, not 1.5",
    ),
    (
        with_service(retryPolicyExponentiationFactor=0),
        "services[0].retryPolicyExponentiationFactor must be a number above 0, not 0",
    ),
    (
        with_service(retryPolicyExponentiationFactor=10**400),
        "services[0].retryPolicyExponentiationFactor must be a number above 0, not a number of 1329 bits",
    ),
    (
        with_service(retryPolicyOnMaxAttempts="STOP"),
        "services[0].retryPolicyOnMaxAttempts must be one of PAUSE, KILL, not 'STOP'",
    ),
    (
        with_service(eagerStateKeysWhitelist="a"),
        "services[0].eagerStateKeysWhitelist must be an array of strings, not 'a'",
    ),
    (
        with_service(eagerStateKeysWhitelist=[1]),
        "services[0].eagerStateKeysWhitelist must be an array of strings, not a value of type list",
    ),
    (with_handler(name=None), f"{H}.name is missing; it must be a string"),
    (with_handler(name="a.b"), f"{H}.name: 'a.b' is not a handler name"),
    (with_handler(ty="MAIN"), f"{H}.ty must be one of WORKFLOW, EXCLUSIVE, SHARED, not 'MAIN'"),
    (with_handler(input=[]), f"{H}.input must be an object, not a value of type list"),
    (with_handler(input={"required": "no"}), f"{H}.input.required must be true or false, not 'no'"),
    (with_handler(input={"contentType": 1}), f"{H}.input.contentType must be a string, not 1"),
    (
        with_handler(output={"setContentTypeIfEmpty": 0}),
        f"{H}.output.setContentTypeIfEmpty must be true or false, not 0",
    ),
]


@pytest.mark.parametrize(("data", "sentence"), MISTAKES, ids=[sentence[:60] for _, sentence in MISTAKES])
def test_a_mistake_is_one_sentence_that_names_the_place(data: Json, sentence: str) -> None:
    """The error is a single line: where, what was expected there, and what came."""
    with pytest.raises(ManifestError) as caught:
        manifest_from_json(data, 5)
    message = str(caught.value)
    assert message.startswith(sentence)
    assert "\n" not in message
    assert len(message) < 300


RULES: list[tuple[Json, str]] = [
    (
        with_handler(workflowCompletionRetention=1),
        f"{H}.workflowCompletionRetention is only allowed on the run handler of a workflow",
    ),
    (
        with_handler("WORKFLOW", ty="SHARED", workflowCompletionRetention=1),
        f"{H}.workflowCompletionRetention is only allowed on the run handler of a workflow",
    ),
    (
        with_handler("WORKFLOW", ty="WORKFLOW", idempotencyRetention=1),
        f"{H}.idempotencyRetention is not allowed on the run handler of a workflow",
    ),
    (
        with_service(ingressPrivate=True, handlers=[{"name": "a", "ingressPrivate": False}]),
        f"{H}.ingressPrivate cannot be false, because its service is private",
    ),
    (
        with_service(handlers=[{"name": "a"}, {"name": "b"}, {"name": "a"}]),
        "services[0].handlers[2].name: services[0].handlers[0] is a handler of the same name",
    ),
    (small(services=small()["services"] * 2), "services[1].name: services[0] is a service of the same name"),
]


@pytest.mark.parametrize(("data", "sentence"), RULES)
def test_rules_of_registration_are_checked(data: Json, sentence: str) -> None:
    """What no server would register is refused when it is read."""
    with pytest.raises(ManifestError) as caught:
        manifest_from_json(data, 3)
    assert str(caught.value) == sentence


def test_what_the_rules_allow_passes() -> None:
    """The neighbours of the refused cases are fine."""
    for data in (
        with_handler("WORKFLOW", ty="WORKFLOW", workflowCompletionRetention=1),
        with_handler("WORKFLOW", ty="SHARED", idempotencyRetention=1),
        with_service(ingressPrivate=True, handlers=[{"name": "a", "ingressPrivate": True}, {"name": "b"}]),
        with_service(ingressPrivate=False, handlers=[{"name": "a", "ingressPrivate": True}]),
        small(services=[]),
        with_service(handlers=[]),
        small(minProtocolVersion=7),
        with_service(retryPolicyMaxAttempts=0),
        with_service(workflowCompletionRetention=1),
    ):
        manifest_from_json(data, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"protocolMode": NaN}',
        b'{"maxProtocolVersion": ' + b"9" * 5000 + b"}",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
    ],
    ids=["empty", "cut", "text", "not-utf8", "nan", "long-number", "deep-arrays", "deep-objects"],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """Bytes that are no JSON document are the same error, however deep or long they are."""
    with pytest.raises(ManifestError, match=r"^the manifest is not JSON: ") as caught:
        manifest_from_json(data, 4)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"x"'])
def test_a_document_that_is_no_object_is_refused(data: bytes) -> None:
    """A manifest is a JSON object."""
    with pytest.raises(ManifestError, match=r"^the manifest must be an object"):
        manifest_from_json(data, 4)


def test_the_error_is_the_decoders_error() -> None:
    """Whoever catches the package's decode error catches a bad manifest too."""
    assert issubclass(ManifestError, DecodeError)


@pytest.mark.parametrize("version", [0, 6, -1])
def test_a_version_that_does_not_exist_is_a_mistake_of_the_caller(version: int) -> None:
    """Versions come from negotiation, so an impossible one is not the manifest's fault."""
    with pytest.raises(ValueError, match="does not exist"):
        manifest_from_json(small(), version)
