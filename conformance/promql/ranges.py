"""Between which numbers the values of an expression lie, whatever the series say."""

from __future__ import annotations

import math

from conformance.promql import exporters
from conformance.promql.syntax import COMPARISONS, Aggregate, Binary, Call, Expr, Number, Selector, Subquery

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
_KEEPING = frozenset({"min", "max", "avg", "quantile", "topk", "bottomk"})
_KEEPING_CALLS = frozenset({"avg_over_time", "min_over_time", "max_over_time", "last_over_time", "sort", "sort_desc"})


def values(expr: Expr) -> Range:
    """The least and the greatest value that an expression can have."""
    match expr:
        case Number(value):
            return value, value
        case Selector():
            return _series(expr)
        case Subquery():
            return values(expr.expr)
        case Aggregate():
            return _aggregated(expr)
        case Call():
            return _called(expr)
        case Binary():
            return _operated(expr)
        case _:
            return ANY


def holds(op: str, found: Range, limit: float) -> bool | None:
    """Whether a comparison with a number holds for every value (True), for none (False), or for some (None)."""
    low, high = found
    if op == ">":
        return True if low > limit else False if high <= limit else None
    if op == ">=":
        return True if low >= limit else False if high < limit else None
    if op == "<":
        return True if high < limit else False if low >= limit else None
    if op == "<=":
        return True if high <= limit else False if low > limit else None
    outside = limit < low or limit > high
    if op == "==":
        return True if low == high == limit else False if outside else None
    return True if outside else False if low == high == limit else None


def _series(expr: Selector) -> Range:
    if exporters.is_flag(expr.name):
        return 0.0, 1.0
    return (0.0, math.inf) if exporters.is_counter(expr.name) else ANY


def _aggregated(expr: Aggregate) -> Range:
    low, high = values(expr.expr)
    if expr.op in _KEEPING:
        return low, high
    if expr.op in ("count", "count_values"):
        return 1.0, math.inf
    if expr.op == "group":
        return 1.0, 1.0
    if expr.op in ("stddev", "stdvar"):
        return 0.0, math.inf
    return (0.0 if low >= 0 else -math.inf), math.inf


def _called(expr: Call) -> Range:
    name = expr.name
    if name in ("absent", "absent_over_time", "present_over_time"):
        return 1.0, 1.0
    if name in ("vector", *_KEEPING_CALLS) and expr.args:
        return values(expr.args[0])
    if name in ("rate", "irate") and _idle(expr):
        return 0.0, 1.0
    if name in ("rate", "irate", "increase", "resets", "changes", "abs", "count_over_time", "time", "sqrt"):
        return 0.0, math.inf
    if name == "sum_over_time" and expr.args:
        return (0.0 if values(expr.args[0])[0] >= 0 else -math.inf), math.inf
    if name in ("clamp_max", "clamp_min", "clamp") and all(isinstance(each, Number) for each in expr.args[1:]):
        low, high = values(expr.args[0])
        numbers = [each.value for each in expr.args[1:] if isinstance(each, Number)]
        if name != "clamp_max":
            low, high = max(low, numbers[0]), max(high, numbers[0])
        if name != "clamp_min":
            low, high = min(low, numbers[-1]), min(high, numbers[-1])
        return low, high
    return ANY


def _idle(expr: Call) -> bool:
    """Seconds of one mode of one CPU in a second."""
    return isinstance(expr.args[0], Selector) and expr.args[0].name == "node_cpu_seconds_total"


def _operated(expr: Binary) -> Range:
    left, right = values(expr.left), values(expr.right)
    if expr.op in COMPARISONS:
        return (0.0, 1.0) if expr.bool else left if not isinstance(expr.left, Number) else right
    if expr.op == "or":
        return min(left[0], right[0]), max(left[1], right[1])
    if expr.op in ("and", "unless"):
        return left
    if expr.op == "/" and is_share(expr.left, expr.right):
        return 0.0, 1.0
    if expr.op == "+":
        return left[0] + right[0], left[1] + right[1]
    if expr.op == "-":
        return left[0] - right[1], left[1] - right[0]
    if expr.op in ("*", "/"):
        return _product(expr.op, left, right)
    return ANY


def _product(op: str, left: Range, right: Range) -> Range:
    if op == "/":
        if right[0] != right[1] or not right[0]:
            return (0.0, math.inf) if left[0] >= 0 and right[0] >= 0 else ANY
        right = (1 / right[0], 1 / right[0])
    if not (math.isfinite(right[0]) and right[0] == right[1]):
        return (0.0, math.inf) if left[0] >= 0 and right[0] >= 0 else ANY
    ends = sorted(each * right[0] if right[0] else 0.0 for each in left)
    return ends[0], ends[1]


def is_share(part: Expr, whole: Expr, *, positive: bool = False) -> bool:
    """Whether one expression is surely a part of another: the same series, or fewer of them, computed the same way.

    `positive` is for values that are never below 0, as those of a counter and of a rate.
    """
    if isinstance(part, Selector) and isinstance(whole, Selector):
        if part.range != whole.range or (part.offset, part.at) != (whole.offset, whole.at):
            return False
        if exporters.is_share(part.name, whole.name):
            return True
        return (
            part.name == whole.name and part.matchers > whole.matchers and (positive or exporters.is_counter(part.name))
        )
    if isinstance(part, Call) and isinstance(whole, Call):
        same = part.name == whole.name and part.name in ("rate", "irate", "increase")
        return same and len(part.args) == 1 == len(whole.args) and is_share(part.args[0], whole.args[0], positive=True)
    if isinstance(part, Aggregate) and isinstance(whole, Aggregate):
        same = (part.op, part.labels, part.without) == (whole.op, whole.labels, whole.without)
        return same and part.op == "sum" and is_share(part.expr, whole.expr)
    return False
