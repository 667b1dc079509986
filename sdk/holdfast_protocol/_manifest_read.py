"""Reading a manifest from JSON: unknown fields are skipped, known ones must be of their type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn, TypeVar

from holdfast_protocol import _manifest_rules
from holdfast_protocol._manifest_records import (
    HandlerManifest,
    InputSpec,
    Manifest,
    ManifestError,
    Options,
    OutputSpec,
    RetryPolicy,
    ServiceKind,
    ServiceManifest,
)
from holdfast_protocol._manifest_table import (
    FLAG,
    HANDLER_KIND_BY_DECLARED,
    HANDLER_KINDS,
    LIST,
    MODES,
    OBJECT,
    OPTION_FIELDS,
    SERVICE_KINDS,
    TEXT,
    TEXT_MAP,
    VERSION,
    JsonType,
    one_of,
)
from holdfast_protocol.errors import excerpt

T = TypeVar("T")

_MODE = one_of(MODES)
_SERVICE_KIND = one_of(SERVICE_KINDS)
_HANDLER_KIND = one_of(HANDLER_KINDS)
_COMPRESSION = one_of({"zstd": "zstd"})


def read_manifest(data: bytes | Mapping[str, object], version: int) -> Manifest:
    """Return the manifest that `data`, in one version of the format, describes."""
    node = _Node(_parse(data) if isinstance(data, (bytes, bytearray)) else data, "", version)
    is_compressing = version >= 4 and node.optional("lambdaCompression", _COMPRESSION) is not None
    manifest = Manifest(
        protocol_mode=node.required("protocolMode", _MODE),
        min_protocol_version=node.required("minProtocolVersion", VERSION),
        max_protocol_version=node.required("maxProtocolVersion", VERSION),
        services=tuple(_read_service(child) for child in node.children("services")),
        lambda_compression="zstd" if is_compressing else None,
    )
    _manifest_rules.check(manifest)
    return manifest


class _Node:
    """One JSON object, its path for error messages, and the format's version."""

    __slots__ = ("_fields", "_path", "version")

    def __init__(self, value: object, path: str, version: int) -> None:
        if not isinstance(value, Mapping):
            raise ManifestError(f"{path or 'the manifest'} must be an object, not {excerpt(value)}")
        self._fields = value
        self._path = path
        self.version = version

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def optional(self, name: str, json_type: JsonType[T]) -> T | None:
        # A null says as little as an absent field, and some JSON writers do not leave fields out.
        value = self._fields.get(name)
        if value is None:
            return None
        result = json_type.read(value)
        if result is None:
            raise ManifestError(f"{self.path(name)} must be {json_type.expected}, not {excerpt(value)}")
        return result

    def required(self, name: str, json_type: JsonType[T]) -> T:
        result = self.optional(name, json_type)
        if result is None:
            raise ManifestError(f"{self.path(name)} is missing; it must be {json_type.expected}")
        return result

    def anything(self, name: str) -> object:
        return self._fields.get(name)

    def child(self, name: str) -> _Node | None:
        value = self.optional(name, OBJECT)
        return None if value is None else _Node(value, self.path(name), self.version)

    def children(self, name: str) -> list[_Node]:
        values = self.required(name, LIST)
        return [_Node(value, f"{self.path(name)}[{index}]", self.version) for index, value in enumerate(values)]


def _read_service(node: _Node) -> ServiceManifest:
    kind = node.required("ty", _SERVICE_KIND)
    return ServiceManifest(
        name=node.required("name", TEXT),
        kind=kind,
        handlers=tuple(_read_handler(child, kind) for child in node.children("handlers")),
        documentation=_documentation(node),
        metadata=_metadata(node),
        options=_read_options(node, is_handler=False),
    )


def _read_handler(node: _Node, service_kind: ServiceKind) -> HandlerManifest:
    declared = node.optional("ty", _HANDLER_KIND)
    if (service_kind, declared) not in HANDLER_KIND_BY_DECLARED:
        raise ManifestError(f"{node.path('ty')}: a service of kind {service_kind} has no handlers of kind {declared}")
    return HandlerManifest(
        name=node.required("name", TEXT),
        kind=HANDLER_KIND_BY_DECLARED[service_kind, declared],
        input=_read_input(node.child("input")),
        output=_read_output(node.child("output")),
        documentation=_documentation(node),
        metadata=_metadata(node),
        options=_read_options(node, is_handler=True),
    )


def _read_input(node: _Node | None) -> InputSpec | None:
    if node is None:
        return None
    return InputSpec(
        required=node.optional("required", FLAG),
        content_type=node.optional("contentType", TEXT),
        json_schema=node.anything("jsonSchema"),
    )


def _read_output(node: _Node | None) -> OutputSpec | None:
    if node is None:
        return None
    return OutputSpec(
        content_type=node.optional("contentType", TEXT),
        set_content_type_if_empty=node.optional("setContentTypeIfEmpty", FLAG),
        json_schema=node.anything("jsonSchema"),
    )


def _read_options(node: _Node, *, is_handler: bool) -> Options:
    own: dict[str, object] = {}
    retry: dict[str, object] = {}
    for option in OPTION_FIELDS:
        if option.since <= node.version and (is_handler or not option.is_handler_only):
            (retry if option.in_retry_policy else own)[option.attribute] = node.optional(option.json_name, option.type)
    # The table's types are the records' types; a test holds them together.
    return Options(**own, retry_policy=RetryPolicy(**retry))  # type: ignore[arg-type]


def _documentation(node: _Node) -> str | None:
    return node.optional("documentation", TEXT) if node.version >= 2 else None


def _metadata(node: _Node) -> dict[str, str]:
    return (node.optional("metadata", TEXT_MAP) or {}) if node.version >= 2 else {}


def _parse(data: bytes | bytearray) -> object:
    try:
        parsed: object = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is not JSON: {error}") from error
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
