"""Rules that limit how many invocations of a scope run at a time, and which of them apply to one invocation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from holdfast_engine.scopes import LIMIT_KEY_LEVELS_MAX, counters_of, name_problem

# The official server's bound. All of them together are one item.
RULES_MAX = 10_000

_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: a pattern `scope[/level[/level]]`, in which `*` stands for any name, and its limit.

    `concurrency` is how many invocations may run at a time that count there; None for any number. A wildcard does not
    make one pool of many: each scope, and each limit key, that it stands for has the limit for itself. `version` is
    raised with every change that matters, and no later rule of the same pattern begins with one that was used before.
    """

    pattern: str
    concurrency: int | None
    description: str | None
    is_disabled: bool
    version: int
    modified_ms: int


class RuleBook:
    """All rules; `version` counts the batches of changes that made it."""

    def __init__(self, rules: Iterable[Rule] = (), *, version: int = 0) -> None:
        self.version = version
        self._rule_by_pattern = {rule.pattern: rule for rule in rules}

    def __iter__(self) -> Iterator[Rule]:
        """Yield the rules by pattern."""
        return iter([self._rule_by_pattern[pattern] for pattern in sorted(self._rule_by_pattern)])

    def __len__(self) -> int:
        """Return how many rules there are."""
        return len(self._rule_by_pattern)

    def rule(self, pattern: str) -> Rule | None:
        """Return the rule of a pattern."""
        return self._rule_by_pattern.get(pattern)

    def limits(self, scope: str | None, limit_key: str | None) -> Mapping[str, int]:
        """Return the limit of each counter that an invocation counts in and that has one."""
        if scope is None or not self._rule_by_pattern:
            return {}
        limits = {counter: self._limit(scope, counter) for counter in counters_of(limit_key)}
        return {counter: limit for counter, limit in limits.items() if limit is not None}

    def _limit(self, scope: str, counter: str) -> int | None:
        """Return what the most specific rule says of a counter: an earlier name counts for more than a later one."""
        names = [scope, *(counter.split("/") if counter else ())]
        for parts in product(*((name, _ANY) for name in names)):
            rule = self._rule_by_pattern.get("/".join(parts))
            if rule is not None and not rule.is_disabled:
                return rule.concurrency
        return None


def pattern_problem(pattern: str) -> str | None:
    """Return why a text is no pattern, as a clause; None when it is one."""
    parts = pattern.split("/")
    if len(parts) > 1 + LIMIT_KEY_LEVELS_MAX:
        return f"it has {len(parts)} parts, and at most {1 + LIMIT_KEY_LEVELS_MAX} are allowed"
    return next((problem for part in parts if part != _ANY and (problem := name_problem(part)) is not None), None)
