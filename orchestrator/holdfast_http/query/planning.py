"""From a DataFusion plan to what it wants of each table: filters right above a scan say which rows can count.

Only what is certain narrows a scan; whatever is not understood (a cast, a function, a subquery) leaves it wide. The
filters stay in the plan, so reading too much is slow and never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast_http.query.tables import STATUS_WORDS, TABLES
from holdfast_http.query.wanted import Wanted

# By column, the values it may have; a column that is missing may have any.
_Values = dict[str, frozenset[str]]


def wanted_of(plan: Any) -> list[Wanted]:
    """Return the scans of an optimised plan."""
    scans = list(_scans(plan, {}))
    shown = plan.display_indent()
    for table in TABLES:
        # Plans inside of expressions are not among a plan's inputs: a table that is read there is read whole.
        if shown.count(f"TableScan: {table} ") + shown.count(f"TableScan: {table}\n") > _count(scans, table):
            scans.append(Wanted(table, [name for name, _ in TABLES[table].columns], {}, None))
    return scans


def _count(scans: list[Wanted], table: str) -> int:
    return sum(scan.table == table for scan in scans)


def _scans(plan: Any, values: _Values) -> Iterator[Wanted]:
    node = plan.to_variant()
    match type(node).__name__:
        case "TableScan":
            if (name := node.table_name()) in TABLES:
                columns = [column for _, column in node.projection()]
                selectable = TABLES[name].selectable
                chosen = {column: sorted(each) for column, each in values.items() if column in selectable}
                yield Wanted(name, columns, chosen, node.fetch() if not values else None)
        case "Filter":
            inner = _values_of(node.predicate())
            for below in plan.inputs():
                yield from _scans(below, inner)
        case _:
            for below in plan.inputs():
                yield from _scans(below, {})


def _values_of(expression: Any) -> _Values:
    node = expression.to_variant()
    match type(node).__name__:
        case "BinaryExpr" if node.op() == "AND":
            return _both(_values_of(node.left()), _values_of(node.right()))
        case "BinaryExpr" if node.op() == "OR":
            return _either(_values_of(node.left()), _values_of(node.right()))
        case "BinaryExpr" if node.op() == "!=":
            return _unequal(node.left(), node.right()) or _unequal(node.right(), node.left())
        case "BinaryExpr" if node.op() == "=":
            return _equal(node.left(), [node.right()]) or _equal(node.right(), [node.left()])
        case "InList" if not node.negated():
            return _equal(node.expr(), node.list())
        case _:
            return {}


def _equal(column: Any, literals: list[Any]) -> _Values:
    if column.variant_name() != "Column" or any(each.variant_name() != "Literal" for each in literals):
        return {}
    values = [_plain(each.python_value()) for each in literals]
    texts = frozenset(value for value in values if isinstance(value, str))
    return {column.to_variant().name(): texts} if len(texts) == len(set(values)) else {}


def _unequal(column: Any, literal: Any) -> _Values:
    """Return the other statuses; of anything else there are too many others."""
    equal = _equal(column, [literal]).get("status")
    return {"status": STATUS_WORDS - equal} if equal is not None else {}


def _plain(value: Any) -> Any:
    # Of some types it is an Arrow scalar.
    return value.as_py() if hasattr(value, "as_py") else value


def _both(one: _Values, other: _Values) -> _Values:
    both = {**one, **other}
    return {column: one.get(column, values) & other.get(column, values) for column, values in both.items()}


def _either(one: _Values, other: _Values) -> _Values:
    return {column: values | other[column] for column, values in one.items() if column in other}
