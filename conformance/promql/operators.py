"""Operations between vectors and over one, as Prometheus matches and groups them.

https://prometheus.io/docs/prometheus/latest/querying/operators/
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping

from conformance.promql.series import Labels
from conformance.promql.syntax import COMPARISONS, Aggregate, Binary, Matching
from conformance.promql.trial import UnsupportedError

Vector = list[tuple[Labels, float]]


class MatchError(UnsupportedError):
    """Prometheus refuses to match the vectors, so that the rule fails at every evaluation."""


def divide(left: float, right: float) -> float:
    """Division as IEEE 754 has it: `0 / 0` is NaN, `1 / 0` is infinite."""
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1.0, right)


def _modulo(left: float, right: float) -> float:
    return math.nan if not right or math.isinf(left) else math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        value = left**right
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return value if isinstance(value, float) else math.nan


ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "%": _modulo,
    "^": _power,
    "atan2": math.atan2,
}
COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def nameless(labels: Labels) -> Labels:
    """The labels without the metric's name."""
    return frozenset(each for each in labels if each[0] != "__name__")


def scalars(expr: Binary, left: float, right: float) -> float:
    """An operation of two scalars; a comparison of them has `bool`."""
    return _applied(expr.op, left, right)[0]


def with_scalar(expr: Binary, vector: Vector, number: float, *, swapped: bool) -> Vector:
    """An operation of a vector and a scalar; a comparison filters and keeps the vector's values and names."""
    found: Vector = []
    for labels, value in vector:
        result, held = _applied(expr.op, *((number, value) if swapped else (value, number)))
        if expr.op in COMPARISONS and not expr.bool:
            if held:
                found.append((labels, value))
        else:
            found.append((nameless(labels), result))
    return found


def _applied(op: str, left: float, right: float) -> tuple[float, bool]:
    if op in COMPARISON:
        held = COMPARISON[op](left, right)
        return float(held), held
    if op not in ARITHMETIC:
        raise UnsupportedError(f"{op} is not tried out")
    return ARITHMETIC[op](left, right), True


def signature(labels: Labels, matching: Matching) -> Labels:
    """What decides whether two elements match: all labels but the name, or those that `on`/`ignoring` leave."""
    if matching.on:
        return frozenset(each for each in labels if each[0] in matching.labels)
    return frozenset(each for each in labels if each[0] != "__name__" and each[0] not in matching.labels)


def sets(expr: Binary, left: Vector, right: Vector) -> Vector:
    """`and`, `or`, `unless`."""
    there = {signature(labels, expr.matching) for labels, _ in right}
    if expr.op == "and":
        return [each for each in left if signature(each[0], expr.matching) in there]
    if expr.op == "unless":
        return [each for each in left if signature(each[0], expr.matching) not in there]
    here = {signature(labels, expr.matching) for labels, _ in left}
    return left + [each for each in right if signature(each[0], expr.matching) not in here]


def vectors(expr: Binary, left: Vector, right: Vector) -> Vector:
    """Arithmetic and comparison of two vectors, one-to-one or with a group modifier."""
    matching = expr.matching
    turned = matching.group == "right"
    many, one = (right, left) if turned else (left, right)
    by_signature: dict[Labels, tuple[Labels, float]] = {}
    for each in one:
        key = signature(each[0], matching)
        if key in by_signature:
            raise MatchError(f"several elements match on the {'left' if turned else 'right'} side of {expr.op}")
        by_signature[key] = each
    found: Vector = []
    seen: dict[Labels, set[Labels]] = {}
    for labels, value in many:
        key = signature(labels, matching)
        if key not in by_signature:
            continue
        other_labels, other = by_signature[key]
        pair = (other, value) if turned else (value, other)
        result, held = _applied(expr.op, *pair)
        if expr.op in COMPARISONS and not expr.bool:
            if not held:
                continue
            result = pair[0]
        made = _result(labels, other_labels, expr)
        used = seen.setdefault(key, set())
        if made in used or (used and not matching.group):
            raise MatchError(f"several elements match on the {'right' if turned else 'left'} side of {expr.op}")
        used.add(made)
        found.append((made, result))
    return found


def _result(labels: Labels, other: Labels, expr: Binary) -> Labels:
    matching = expr.matching
    kept = nameless(labels) if expr.op not in COMPARISONS or expr.bool else labels
    if not matching.group:
        return frozenset(each for each in kept if (each[0] in matching.labels) is matching.on)
    copied = {each for each in other if each[0] in matching.include}
    return frozenset(each for each in kept if each[0] not in matching.include) | copied


_OVER: Mapping[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": lambda values: variance(values),
}


def _numbers(values: list[float]) -> list[float]:
    return [each for each in values if not math.isnan(each)] or [math.nan]


def variance(values: Iterable[float]) -> float:
    """Population variance."""
    found = list(values)
    mean = math.fsum(found) / len(found)
    return math.fsum((each - mean) ** 2 for each in found) / len(found)


def quantile(share: float, values: list[float]) -> float:
    """Interpolated between the two nearest values; beyond 0..1 it is infinite."""
    if not values or math.isnan(share):
        return math.nan
    if share < 0 or share > 1:
        return math.copysign(math.inf, share)
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] * (1 - (rank - lower)) + ordered[upper] * (rank - lower)


def aggregate(expr: Aggregate, vector: Vector, param: float | str | None) -> Vector:
    """One element for each group; `topk` and `bottomk` keep elements as they are."""
    groups: dict[Labels, Vector] = {}
    for labels, value in vector:
        key = grouping(labels, expr)
        if expr.op == "count_values":
            key |= {(str(param), f"{value:g}")}
        groups.setdefault(key, []).append((labels, value))
    if expr.op in ("topk", "bottomk"):
        size = int(param) if isinstance(param, float) else 0
        return [each for group in groups.values() for each in _best(group, size, expr.op == "topk")]
    return [(key, _over(expr.op, [value for _, value in group], param)) for key, group in groups.items()]


def grouping(labels: Labels, expr: Aggregate) -> Labels:
    """The labels of the group that an element falls into."""
    if expr.without:
        return frozenset(each for each in labels if each[0] not in expr.labels and each[0] != "__name__")
    return frozenset(each for each in labels if each[0] in expr.labels)


def _best(group: Vector, size: int, largest: bool) -> Vector:
    def worth(each: tuple[Labels, float]) -> float:
        return -math.inf if math.isnan(each[1]) else each[1] if largest else -each[1]

    return sorted(group, key=worth, reverse=True)[: max(size, 0)]


def _over(op: str, values: list[float], param: float | str | None) -> float:
    if op == "quantile" and isinstance(param, float):
        return quantile(param, values)
    if op == "count_values":
        return float(len(values))
    if op not in _OVER:
        raise UnsupportedError(f"{op}() is not tried out")
    if any(math.isinf(each) or math.isnan(each) for each in values) and op in ("sum", "avg"):
        total = sum(values)
        return total if op == "sum" else total / len(values)
    return _OVER[op](values)
