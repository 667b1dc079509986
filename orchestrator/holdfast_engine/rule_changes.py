"""Changing the rules: batches that take effect as a whole or not at all, each change on conditions if it has any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast_engine.admission import call_up
from holdfast_engine.errors import RequestRejected, RulesConflict
from holdfast_engine.limits import RULES_MAX, Rule, RuleBook
from holdfast_engine.world import World

# Each round lost means that somebody else has changed the rules meanwhile.
_ROUNDS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must be so before a rule is changed: it has this version, or with None, there is no such rule."""

    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    """Make a rule, or put it in place of the one of its pattern."""

    pattern: str
    concurrency: int | None
    description: str | None
    is_disabled: bool
    condition: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Remove a rule; without a condition one that is not there is no matter."""

    pattern: str
    condition: Condition | None


async def upsert_rules(world: World, upserts: Sequence[Upsert]) -> list[Rule]:
    """Make and change rules; return them as they are now.

    Raises:
        RulesConflict: A condition does not hold; then nothing has changed.
        RequestRejected: There would be too many.
    """
    now_ms = world.clock.now_ms()
    book = await _changed(world, lambda book: upserted(book, upserts, now_ms=now_ms))
    return [rule for upsert in upserts if (rule := book.rule(upsert.pattern)) is not None]


async def remove_rules(world: World, removals: Sequence[Removal]) -> list[str]:
    """Remove rules; return the patterns of those that were there.

    Raises:
        RulesConflict: A condition does not hold; then nothing has changed.
    """
    removed: list[str] = []

    def change(book: RuleBook) -> RuleBook:
        removed[:] = [removal.pattern for removal in removals if book.rule(removal.pattern) is not None]
        return without(book, removals)

    await _changed(world, change)
    return removed


def upserted(book: RuleBook, upserts: Sequence[Upsert], *, now_ms: int) -> RuleBook:
    """Return the rules after a batch of changes.

    Raises:
        RulesConflict: A condition does not hold.
        RequestRejected: There would be too many.
    """
    rules = {rule.pattern: rule for rule in book}
    for upsert in upserts:
        known = rules.get(upsert.pattern)
        _check(upsert.pattern, known, upsert.condition)
        matters = known is None or (known.concurrency, known.is_disabled) != (upsert.concurrency, upsert.is_disabled)
        rules[upsert.pattern] = Rule(
            pattern=upsert.pattern,
            concurrency=upsert.concurrency,
            description=upsert.description,
            is_disabled=upsert.is_disabled,
            # A pattern that comes back begins with a version that no earlier rule of it can have had.
            version=book.version + 1 if known is None else known.version + int(matters),
            modified_ms=now_ms if known is None or matters else known.modified_ms,
        )
    if len(rules) > RULES_MAX:
        raise RequestRejected(f"there would be {len(rules)} rules, and at most {RULES_MAX} are allowed")
    return RuleBook(rules.values(), version=book.version + 1)


def without(book: RuleBook, removals: Sequence[Removal]) -> RuleBook:
    """Return the rules without some of them.

    Raises:
        RulesConflict: A condition does not hold.
    """
    for removal in removals:
        _check(removal.pattern, book.rule(removal.pattern), removal.condition)
    gone = {removal.pattern for removal in removals}
    return RuleBook((rule for rule in book if rule.pattern not in gone), version=book.version + 1)


async def _changed(world: World, change: Callable[[RuleBook], RuleBook]) -> RuleBook:
    for _ in range(_ROUNDS_MAX):
        book = await world.store.rules()
        after = change(book)
        if await world.store.save_rules(after, replaces=book.version):
            world.rules = after
            await call_up(world)
            await world.store.flushed()
            return after
    raise RulesConflict("the rules are being changed too quickly; try again")


def _check(pattern: str, rule: Rule | None, condition: Condition | None) -> None:
    version = rule.version if rule is not None else None
    if condition is not None and condition.version != version:
        wanted = "no such rule" if condition.version is None else f"version {condition.version}"
        found = "there is none" if version is None else f"it has version {version}"
        raise RulesConflict(f"the change of rule {pattern!r} asks for {wanted}, and {found}")
