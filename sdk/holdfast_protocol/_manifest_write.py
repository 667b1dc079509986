"""Writing a manifest as JSON in the version a server asked for."""

from __future__ import annotations

from typing import Any

from holdfast_protocol import _manifest_rules
from holdfast_protocol._manifest_records import (
    HandlerManifest,
    InputSpec,
    Manifest,
    ManifestError,
    Options,
    OutputSpec,
    ServiceManifest,
)
from holdfast_protocol._manifest_table import HANDLER_KINDS, MODES, OPTION_FIELDS, SERVICE_KINDS

Json = dict[str, Any]

_SPELLING_BY_MODE = {word: spelling for spelling, word in MODES.items()}
_SPELLING_BY_SERVICE_KIND = {word: spelling for spelling, word in SERVICE_KINDS.items()}
_SPELLING_BY_HANDLER_KIND = {word: spelling for spelling, word in HANDLER_KINDS.items()}


def write_manifest(manifest: Manifest, version: int) -> Json:
    """Return the manifest as JSON values that only use fields of `version`.

    Texts for people and the offer to compress are left out where the version has no place for them. An option is
    not: a server that never hears of it would do something else than the service asks for.
    """
    _manifest_rules.check(manifest)
    result: Json = {
        "protocolMode": _SPELLING_BY_MODE[manifest.protocol_mode],
        "minProtocolVersion": manifest.min_protocol_version,
        "maxProtocolVersion": manifest.max_protocol_version,
    }
    if version >= 4 and manifest.lambda_compression is not None:
        result["lambdaCompression"] = manifest.lambda_compression
    result["services"] = [
        _write_service(service, f"services[{index}]", version) for index, service in enumerate(manifest.services)
    ]
    return result


def _write_service(service: ServiceManifest, path: str, version: int) -> Json:
    result: Json = {"name": service.name, "ty": _SPELLING_BY_SERVICE_KIND[service.kind]}
    result["handlers"] = [
        _write_handler(handler, f"{path}.handlers[{index}]", version) for index, handler in enumerate(service.handlers)
    ]
    return result | _write_texts(service, version) | _write_options(service.options, path, version)


def _write_handler(handler: HandlerManifest, path: str, version: int) -> Json:
    result: Json = {"name": handler.name}
    if handler.kind is not None:
        result["ty"] = _SPELLING_BY_HANDLER_KIND[handler.kind]
    if handler.input is not None:
        result["input"] = _write_input(handler.input)
    if handler.output is not None:
        result["output"] = _write_output(handler.output)
    return result | _write_texts(handler, version) | _write_options(handler.options, path, version)


def _write_input(spec: InputSpec) -> Json:
    return _said(required=spec.required, contentType=spec.content_type, jsonSchema=spec.json_schema)


def _write_output(spec: OutputSpec) -> Json:
    return _said(
        contentType=spec.content_type,
        setContentTypeIfEmpty=spec.set_content_type_if_empty,
        jsonSchema=spec.json_schema,
    )


def _write_texts(record: ServiceManifest | HandlerManifest, version: int) -> Json:
    if version < 2:
        return {}
    return _said(documentation=record.documentation, metadata=dict(record.metadata) or None)


def _write_options(options: Options, path: str, version: int) -> Json:
    result: Json = {}
    for option in OPTION_FIELDS:
        value = getattr(options.retry_policy if option.in_retry_policy else options, option.attribute)
        if value is None:
            continue
        if option.since > version:
            raise ManifestError(
                f"{path}.{option.json_name} needs version {option.since} of the manifest,"
                f" and the server asked for version {version}: leave the option out or use a newer server"
            )
        if option.spelling_by_word is not None:
            value = option.spelling_by_word[value]
        result[option.json_name] = list(value) if isinstance(value, tuple) else value
    return result


def _said(**values: object) -> Json:
    return {name: value for name, value in values.items() if value is not None}
