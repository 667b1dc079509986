"""Manifest: reading undoes writing for every manifest and version, and no JSON raises anything but the one error."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol.manifest import (
    HandlerKind,
    HandlerManifest,
    InputSpec,
    Manifest,
    ManifestError,
    Options,
    OutputSpec,
    RetryPolicy,
    ServiceKind,
    ServiceManifest,
    manifest_from_json,
    manifest_to_json,
)
from holdfast_protocol.names import handler_name_problem, service_name_problem


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that also gives None."""
    return st.none() | strategy


ms = st.integers(0, 2**64 - 1)
texts = st.text(max_size=10)
metadata = st.dictionaries(texts, texts, max_size=3)
json_values = st.recursive(
    st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner)
)
service_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9._-]{1,10}", fullmatch=True).filter(
    lambda name: service_name_problem(name) is None
)
handler_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{1,10}", fullmatch=True).filter(
    lambda name: handler_name_problem(name) is None
)
KINDS: dict[ServiceKind, list[HandlerKind]] = {
    "service": [None],
    "object": ["exclusive", "shared"],
    "workflow": ["workflow", "shared"],
}
versions = st.sampled_from([1, 2, 3, 4, 5])


def options(version: int, *, is_run: bool, is_handler: bool) -> st.SearchStrategy[Options]:
    """Return a strategy for the options that a version can carry at one place."""
    none = st.none()
    since_3 = version >= 3
    since_4 = version >= 4
    retry = st.builds(
        RetryPolicy,
        initial_interval_ms=maybe(ms),
        max_interval_ms=maybe(ms),
        max_attempts=maybe(st.integers(0, 1000)),
        exponentiation_factor=maybe(st.floats(0.1, 100)),
        on_max_attempts=st.sampled_from([None, "pause", "kill"]),
    )
    return st.builds(
        Options,
        inactivity_timeout_ms=maybe(ms) if since_3 else none,
        abort_timeout_ms=maybe(ms) if since_3 else none,
        journal_retention_ms=maybe(ms) if since_3 else none,
        idempotency_retention_ms=maybe(ms) if since_3 and not is_run else none,
        workflow_completion_retention_ms=maybe(ms) if since_3 and is_run else none,
        enable_lazy_state=maybe(st.booleans()) if since_3 else none,
        # A public handler in a private service is refused, so only the service says false here.
        ingress_private=(st.sampled_from([None, True]) if is_handler else maybe(st.booleans())) if since_3 else none,
        eager_state_keys=maybe(st.lists(texts, max_size=3).map(tuple)) if version >= 5 else none,
        retry_policy=retry if since_4 else st.just(RetryPolicy()),
    )


@st.composite
def services(draw: st.DrawFn, version: int, name: str) -> ServiceManifest:
    """Draw one service."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    handlers = []
    for handler_name in draw(st.lists(handler_names, max_size=3, unique=True)):
        handler_kind = draw(st.sampled_from(KINDS[kind]))
        handlers.append(
            HandlerManifest(
                name=handler_name,
                kind=handler_kind,
                input=draw(
                    maybe(
                        st.builds(
                            InputSpec,
                            required=maybe(st.booleans()),
                            content_type=maybe(texts),
                            json_schema=maybe(json_values),
                        )
                    )
                ),
                output=draw(
                    maybe(
                        st.builds(
                            OutputSpec,
                            content_type=maybe(texts),
                            set_content_type_if_empty=maybe(st.booleans()),
                            json_schema=maybe(json_values),
                        )
                    )
                ),
                documentation=draw(maybe(texts)) if version >= 2 else None,
                metadata=draw(metadata) if version >= 2 else {},
                options=draw(options(version, is_run=handler_kind == "workflow", is_handler=True)),
            )
        )
    return ServiceManifest(
        name=name,
        kind=kind,
        handlers=tuple(handlers),
        documentation=draw(maybe(texts)) if version >= 2 else None,
        metadata=draw(metadata) if version >= 2 else {},
        options=draw(options(version, is_run=False, is_handler=False)),
    )


@st.composite
def manifests(draw: st.DrawFn) -> tuple[Manifest, int]:
    """Draw a manifest together with a version that can carry it."""
    version = draw(versions)
    low, high = sorted(draw(st.tuples(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))))
    names = draw(st.lists(service_names, max_size=3, unique=True))
    manifest = Manifest(
        protocol_mode=draw(st.sampled_from(["bidi_stream", "request_response"])),
        min_protocol_version=low,
        max_protocol_version=high,
        services=tuple(draw(services(version, name)) for name in names),
        lambda_compression=draw(st.sampled_from([None, "zstd"])) if version >= 4 else None,
    )
    return manifest, version


@given(manifests())
def test_reading_undoes_writing(case: tuple[Manifest, int]) -> None:
    """A manifest that a version can carry comes back equal, through real JSON bytes."""
    manifest, version = case
    data = json.dumps(manifest_to_json(manifest, version)).encode()
    assert manifest_from_json(data, version) == manifest


@given(manifests())
def test_every_newer_version_carries_the_same(case: tuple[Manifest, int]) -> None:
    """What one version can say, the next ones say in the same words."""
    manifest, version = case
    written = manifest_to_json(manifest, version)
    for newer in range(version, 6):
        assert manifest_from_json(written, newer) == manifest


@given(manifests(), st.data())
def test_a_damaged_manifest_raises_nothing_but_the_one_error(case: tuple[Manifest, int], data: st.DataObject) -> None:
    """Replacing any one value of a good manifest gives a manifest or one short sentence."""
    manifest, version = case
    written: Any = manifest_to_json(manifest, version)
    node = written
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if isinstance(node[key], (dict, list)) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(st.none() | json_values)
        break
    _check_reading(written, version)


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()), versions)
def test_no_document_raises_anything_but_the_one_error(document: bytes, version: int) -> None:
    """Arbitrary bytes and arbitrary JSON give a manifest or one short sentence."""
    _check_reading(document, version)


def _check_reading(data: Any, version: int) -> None:
    reason = ""
    try:
        manifest_from_json(data, version)
    except ManifestError as error:
        reason = str(error)
    assert "\n" not in reason
    assert len(reason) < 500
