"""The rules that limit how many invocations of a scope run at a time: listed, changed and removed in batches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast_engine.limits import Rule, pattern_problem
from holdfast_engine.rule_changes import Condition, Removal, Upsert, remove_rules, upsert_rules
from holdfast_http.json_body import require_json_type
from holdfast_http.messages import Request, Response, json_response
from holdfast_http.problems import HttpProblem, bad_request

if TYPE_CHECKING:
    from holdfast_http.admin.tools import Answers, Tools

_UNPROCESSABLE = 422
_CONCURRENCY_MAX = 2**32 - 1

Fields = Mapping[str, Any]


def answers(tools: Tools, request: Request, segments: tuple[str, ...]) -> Answers:
    """Return what the methods of a path do; nothing for a path that is not of the rules."""
    match segments:
        case ["limits", "rules"]:
            return {"GET": lambda: _list(tools), "PUT": lambda: _upsert(tools, request)}
        case ["limits", "rules", "bulk-delete"]:
            return {"POST": lambda: _remove(tools, request)}
        case _:
            return {}


async def _list(tools: Tools) -> Response:
    # Another process may have changed them.
    return json_response(200, [_rule_json(rule) for rule in await tools.engine.world.store.rules()])


async def _upsert(tools: Tools, request: Request) -> Response:
    upserts = [_upsert_of(fields, index) for index, fields in enumerate(_objects(request))]
    rules = await upsert_rules(tools.engine.world, upserts)
    return json_response(200, [_rule_json(rule) for rule in rules])


async def _remove(tools: Tools, request: Request) -> Response:
    removals = []
    for index, fields in enumerate(_objects(request)):
        version = _whole(fields, "expected_version", index, least=0)
        condition = None if version is None else Condition(version=version)
        removals.append(Removal(pattern=_pattern(fields, index), condition=condition))
    return json_response(200, await remove_rules(tools.engine.world, removals))


def _rule_json(rule: Rule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "pattern": rule.pattern,
        "limits": {} if rule.concurrency is None else {"concurrency": rule.concurrency},
        "disabled": rule.is_disabled,
        "version": rule.version,
        "last_modified_millis_since_epoch": rule.modified_ms,
    }
    return shown if rule.description is None else {**shown, "description": rule.description}


def _objects(request: Request) -> list[Fields]:
    require_json_type(request)
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise _unfit("the body must be a list of objects, one for each rule")
    return content


def _upsert_of(fields: Fields, index: int) -> Upsert:
    limits = _object(fields, "limits", index)
    description, is_disabled = fields.get("description"), fields.get("disabled", False)
    if not isinstance(description, str | None):
        raise _unfit(f"[{index}].description must be a string")
    if not isinstance(is_disabled, bool):
        raise _unfit(f"[{index}].disabled must be true or false")
    return Upsert(
        pattern=_pattern(fields, index),
        concurrency=_whole(limits, "concurrency", index, least=1),
        description=description,
        is_disabled=is_disabled,
        condition=_condition(fields, index),
    )


def _pattern(fields: Fields, index: int) -> str:
    pattern = fields.get("pattern")
    if not isinstance(pattern, str):
        raise _unfit(f"[{index}].pattern must be a string such as 'scope', 'scope/*' or '*/level/level'")
    if (problem := pattern_problem(pattern)) is not None:
        raise _unfit(f"[{index}].pattern {pattern[:100]!r} is none: {problem}")
    return pattern


def _condition(fields: Fields, index: int) -> Condition | None:
    said = _object(fields, "precondition", index)
    match said.get("type", "none"):
        case "none":
            return None
        case "does_not_exist":
            return Condition(version=None)
        case "matches":
            version = _whole(said, "version", index, least=0)
            if version is not None:
                return Condition(version=version)
    raise _unfit(
        f"[{index}].precondition must be of type 'none', 'does_not_exist', or 'matches' with the version that is meant"
    )


def _object(fields: Fields, name: str, index: int) -> Fields:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unfit(f"[{index}].{name} must be an object")
    return value


def _whole(fields: Fields, name: str, index: int, *, least: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _CONCURRENCY_MAX:
        raise _unfit(f"[{index}].{name} must be a whole number from {least} to {_CONCURRENCY_MAX}")
    return value


def _unfit(message: str) -> HttpProblem:
    return HttpProblem(_UNPROCESSABLE, message)
