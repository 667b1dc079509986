"""Permits and rules as the compact values that items and columns hold, and back."""

from __future__ import annotations

import json
import zlib

from holdfast_engine.limits import Rule, RuleBook
from holdfast_engine.permits import Permit, Permits


def permits_text(permits: Permits) -> str:
    """Return the permits of a scope."""
    return _dumped([[permit.invocation_id, permit.epoch, permit.limit_key] for permit in permits.out])


def permits_of(text: str) -> Permits:
    """Return the permits of a text."""
    return Permits(
        out=tuple(
            Permit(invocation_id=invocation_id, epoch=epoch, limit_key=limit_key)
            for invocation_id, epoch, limit_key in json.loads(text)
        )
    )


def rules_bytes(book: RuleBook) -> bytes:
    """Return the rules, compressed: ten thousand of them fit into one item."""
    rules = [
        [rule.pattern, rule.concurrency, rule.description, rule.is_disabled, rule.version, rule.modified_ms]
        for rule in book
    ]
    return zlib.compress(_dumped([book.version, rules]).encode())


def rules_of(data: bytes) -> RuleBook:
    """Return the rules that bytes stand for."""
    version, rules = json.loads(zlib.decompress(data))
    return RuleBook(
        (
            Rule(
                pattern=pattern,
                concurrency=concurrency,
                description=description,
                is_disabled=is_disabled,
                version=rule_version,
                modified_ms=modified_ms,
            )
            for pattern, concurrency, description, is_disabled, rule_version, modified_ms in rules
        ),
        version=version,
    )


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
