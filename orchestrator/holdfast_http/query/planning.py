"""From a DataFusion plan to what it wants of each table: filters right above a scan say which rows can count.

Only what is certain narrows a scan; whatever is not understood (a cast, a function, a subquery) leaves it wide. The
filters stay in the plan, so reading too much is slow and never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from holdfast_http.query.tables import STATUS_WORDS, TABLES
from holdfast_http.query.wanted import Wanted

# By column, the values it may have; a column that is missing may have any.
_Values = dict[str, frozenset[str]]

# Their rows come newest first, and the store finds just those that have the values; other tables have more rows for
# what it finds.
_LISTED = frozenset({"sys_invocation", "sys_invocation_status"})


class _Above(NamedTuple):
    """What the nodes above a scan leave of it: rows with these values, and of those so many, any or the newest.

    No limit when more is asked of a row than its values, for then it may take more rows to find so many.
    """

    values: _Values
    limit: int | None
    is_newest: bool


_ANYTHING = _Above({}, None, is_newest=False)


def wanted_of(plan: Any) -> list[Wanted]:
    """Return the scans of an optimised plan."""
    scans = list(_scans(plan, _ANYTHING))
    shown = plan.display_indent()
    for table in TABLES:
        # Plans inside of expressions are not among a plan's inputs: a table that is read there is read whole.
        if shown.count(f"TableScan: {table} ") + shown.count(f"TableScan: {table}\n") > _count(scans, table):
            scans.append(Wanted(table, [name for name, _ in TABLES[table].columns], {}, None))
    return scans


def _count(scans: list[Wanted], table: str) -> int:
    return sum(scan.table == table for scan in scans)


def _scans(plan: Any, above: _Above) -> Iterator[Wanted]:
    node = plan.to_variant()
    match type(node).__name__:
        case "TableScan":
            if (name := node.table_name()) in TABLES:
                columns = [column for _, column in node.projection()]
                selectable = TABLES[name].selectable
                chosen = {column: sorted(each) for column, each in above.values.items() if column in selectable}
                yield Wanted(name, columns, chosen, _limit(node, name, above))
            return
        case "Filter":
            values, is_exact = _values_of(node.predicate())
            # Of two filters one above the other, only the lower one's values are known at the scan.
            within = _Above(values, above.limit if is_exact and not above.values else None, above.is_newest)
        case "Limit":
            within = _Above({}, _rows_of(node), is_newest=False)
        case "Sort":
            within = _Above({}, node.get_fetch_val() if _is_newest_first(node) else None, is_newest=True)
        case "Projection" | "SubqueryAlias" if not above.values and not (above.is_newest and _renames(node)):
            within = above
        case _:
            within = _ANYTHING
    for below in plan.inputs():
        yield from _scans(below, within)


def _limit(node: Any, table: str, above: _Above) -> int | None:
    """Return how many rows of a scan are enough; any that the store finds by the values of the nodes above."""
    if not above.values and (fetch := node.fetch()) is not None:
        return int(fetch)
    if table not in _LISTED:
        return None
    # The store looks for one value of a column; statuses it knows by the set. Ids are looked up whatever else is asked.
    single = {column: len(each) == 1 or column == "status" for column, each in above.values.items()}
    is_found = single.keys() <= TABLES[table].selectable - {"id"} and all(single.values())
    return above.limit if is_found else None


def _rows_of(node: Any) -> int | None:
    """Return how many rows a limit takes, those that it skips among them."""
    bounds = [each.to_variant() for each in (node.skip(), node.fetch()) if each is not None]
    if node.fetch() is None or any(not hasattr(each, "value_i64") for each in bounds):
        return None
    return sum(each.value_i64() or 0 for each in bounds)


def _is_newest_first(node: Any) -> bool:
    """Return whether a sort has the newest first and asks for nothing more: of a tie, any may be cut."""
    orders = node.sort_exprs()
    if len(orders) != 1 or orders[0].ascending() or orders[0].expr().variant_name() != "Column":
        return False
    return bool(orders[0].expr().to_variant().name() == "created_at")


def _renames(node: Any) -> bool:
    """Return whether what is called created_at above a projection may be something else below."""
    return type(node).__name__ == "Projection" and any(
        each.variant_name() != "Column" for each in node.projections() if each.schema_name() == "created_at"
    )


def _values_of(expression: Any) -> tuple[_Values, bool]:
    """Return which values columns may have, and whether a row that has them is all that is asked for."""
    node = expression.to_variant()
    match type(node).__name__:
        case "BinaryExpr" if node.op() == "AND":
            (left, is_left), (right, is_right) = _values_of(node.left()), _values_of(node.right())
            return _both(left, right), is_left and is_right
        case "BinaryExpr" if node.op() == "OR":
            (left, is_left), (right, is_right) = _values_of(node.left()), _values_of(node.right())
            return _either(left, right), is_left and is_right and len(left) == 1 and left.keys() == right.keys()
        case "BinaryExpr" if node.op() == "!=":
            values = _unequal(node.left(), node.right()) or _unequal(node.right(), node.left())
        case "BinaryExpr" if node.op() == "=":
            values = _equal(node.left(), [node.right()]) or _equal(node.right(), [node.left()])
        case "InList" if not node.negated():
            values = _equal(node.expr(), node.list())
        case _:
            values = {}
    return values, bool(values)


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
