"""Trying an alert out: which made-up series make it fire. Expressions that behave alike are alike, whatever their text.

A small part of PromQL over single series: arithmetic, comparisons, `and`, `or`, `unless`, `absent`, `predict_linear`,
`rate`, `increase`, `delta`, `deriv`, `*_over_time`, aggregations of one series. Anything else raises UnsupportedError.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser as promql

from conformance.kube.duration import parse_prometheus

STEP = 60.0
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else float("nan"),
    "%": lambda a, b: a % b if b else float("nan"),
    "^": operator.pow,
}
_COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_OVER_TIME: Mapping[str, Callable[[list[float]], float]] = {
    "avg_over_time": lambda values: sum(values) / len(values),
    "max_over_time": max,
    "min_over_time": min,
    "last_over_time": lambda values: values[-1],
    "sum_over_time": sum,
    "count_over_time": len,
}


class UnsupportedError(ValueError):
    """The expression uses something that is not tried out here, or is no PromQL at all."""


@dataclass(frozen=True)
class Series:
    """One series: its value at a time, in seconds. A label that is not in `labels` matches whatever is asked of it."""

    value: Callable[[float], float]
    labels: Mapping[str, str]
    #: the first sample; a range reaches no further back, as for a volume that was just made
    since: float = float("-inf")


World = Mapping[str, Series]


def parse(expr: str) -> Any:
    """The parsed expression. Raises UnsupportedError for text that is no PromQL, such as an unrendered template."""
    try:
        return promql.parse(expr)
    except ValueError as error:
        raise UnsupportedError(f"not PromQL: {error}") from None


def fires(expr: str, wait: str, world: World, until: float, step: float = STEP) -> bool:
    """Whether an alert with this expression and `for` fires at some time from 0 to `until` seconds.

    Evaluated every `step` seconds; it fires once the expression has had a value at each of them for as long as `for`.
    Raises UnsupportedError; DurationError for a `for` that is none.
    """
    parsed = parse(expr)
    needed = float(parse_prometheus(wait)) if wait else 0.0
    since: float | None = None
    moment = 0.0
    while moment <= until:
        if evaluate(parsed, world, moment) is None:
            since = None
        else:
            since = moment if since is None else since
            if moment - since >= needed:
                return True
        moment += step
    return False


def metrics(expr: str) -> set[str]:
    """Names of the metrics that an expression reads. Raises UnsupportedError."""
    return {name for name, _ in _selectors(parse(expr))}


def guarded(expr: str) -> set[str]:
    """Names of the metrics whose absence an expression notices, by `absent` or `absent_over_time`."""
    return {
        name
        for node in _walk(parse(expr))
        if isinstance(node, promql.Call) and node.func.name in ("absent", "absent_over_time")
        for name, _ in _selectors(node)
    }


def evaluate(node: Any, world: World, at: float) -> float | None:
    """The value of a parsed expression over single series; None is the empty vector."""
    if isinstance(node, promql.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql.ParenExpr):
        return evaluate(node.expr, world, at)
    if isinstance(node, promql.UnaryExpr):
        value = evaluate(node.expr, world, at)
        return None if value is None else -value
    if isinstance(node, promql.VectorSelector):
        series = _series(node, world)
        return None if series is None or at < series.since else series.value(at)
    if isinstance(node, promql.AggregateExpr) and str(node.op) in ("sum", "max", "min", "avg"):
        return evaluate(node.expr, world, at)
    if isinstance(node, promql.BinaryExpr):
        return _binary(node, world, at)
    if isinstance(node, promql.Call):
        return _call(node, world, at)
    raise UnsupportedError(f"{type(node).__name__} is not tried out")


def _binary(node: Any, world: World, at: float) -> float | None:
    sign = str(node.op)
    left, right = evaluate(node.lhs, world, at), evaluate(node.rhs, world, at)
    if sign == "or":
        return left if left is not None else right
    if sign in ("and", "unless"):
        return left if (right is not None) == (sign == "and") else None
    if left is None or right is None:
        return None
    if sign in _ARITHMETIC:
        return _ARITHMETIC[sign](left, right)
    if sign not in _COMPARISON:
        raise UnsupportedError(f"{sign} is not tried out")
    held = _COMPARISON[sign](left, right)
    if node.modifier is not None and node.modifier.return_bool:
        return float(held)
    # A comparison filters: it keeps the value of the vector's side, which for a truth value makes no difference here.
    return left if held else None


def _call(node: Any, world: World, at: float) -> float | None:
    name, arguments = node.func.name, list(node.args)
    if name == "time":
        return at
    if name == "vector":
        return evaluate(arguments[0], world, at)
    if name == "absent":
        return 1.0 if evaluate(arguments[0], world, at) is None else None
    if name in ("abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "scalar"):
        return evaluate(arguments[0], world, at)
    if not arguments or not isinstance(arguments[0], promql.MatrixSelector):
        raise UnsupportedError(f"{name}() is not tried out")
    series = _series(arguments[0].vector_selector, world)
    if name == "absent_over_time":
        return 1.0 if series is None else None
    if series is None:
        return None
    span = min(arguments[0].range.total_seconds(), at - series.since)
    if span <= 0:
        return None
    samples = [(at - ago, series.value(at - ago)) for ago in _ages(span)]
    if name in _OVER_TIME:
        return _OVER_TIME[name]([value for _, value in samples])
    slope, level = _line(samples, at)
    if name == "predict_linear":
        ahead = evaluate(arguments[1], world, at)
        return None if ahead is None else level + slope * ahead
    if name in ("deriv", "rate"):
        return slope
    if name in ("delta", "increase"):
        return slope * span
    raise UnsupportedError(f"{name}() is not tried out")


def _ages(span: float) -> list[float]:
    count = max(2, min(61, int(span // STEP) + 1))
    return [span - span * index / (count - 1) for index in range(count)]


def _line(samples: list[tuple[float, float]], at: float) -> tuple[float, float]:
    """Least squares, as predict_linear does it: slope per second, and the level at the moment of evaluation."""
    count = len(samples)
    mean_x = sum(moment - at for moment, _ in samples) / count
    mean_y = sum(value for _, value in samples) / count
    spread = sum((moment - at - mean_x) ** 2 for moment, _ in samples)
    slope = sum((moment - at - mean_x) * (value - mean_y) for moment, value in samples) / spread if spread else 0.0
    return slope, mean_y - slope * mean_x


def _series(selector: Any, world: World) -> Series | None:
    for name, matchers in _selectors(selector):
        series = world.get(name)
        if series is not None and all(_accepts(matcher, series.labels) for matcher in matchers):
            return series
    return None


def _accepts(matcher: Any, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name)
    if value is None:
        return True
    negative = matcher.op in (promql.MatchOp.NotEqual, promql.MatchOp.NotRe)
    if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual):
        found = value == matcher.value
    else:
        found = re.fullmatch(matcher.value, value) is not None
    return found is not negative


def _selectors(node: Any) -> Iterator[tuple[str, list[Any]]]:
    for each in _walk(node):
        if isinstance(each, promql.VectorSelector):
            matchers = list(each.matchers.matchers)
            named = next((m.value for m in matchers if m.name == "__name__"), None)
            yield each.name or named or "", [m for m in matchers if m.name != "__name__"]


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield from _walk(child)
    for child in getattr(node, "args", None) or ():
        yield from _walk(child)
