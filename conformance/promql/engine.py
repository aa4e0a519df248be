"""PromQL evaluated over stored series: what a rule would see at a moment.

Windows reach from just after their start to their end, as in Prometheus 3; `old` is Prometheus 2, where the start
belongs to the window. What is not understood raises UnsupportedError, never a wrong answer.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from conformance.promql import functions, operators
from conformance.promql.operators import Vector, nameless
from conformance.promql.series import Labels, Store
from conformance.promql.syntax import SETS, Aggregate, Binary, Call, Expr, Number, Selector, Subquery, Text
from conformance.promql.trial import UnsupportedError

LOOKBACK = 300.0

Value = float | str | Vector


@dataclass(frozen=True)
class Engine:
    """Evaluates at one moment after the other; `interval` is the step of a subquery that names none."""

    store: Store
    interval: float = 60.0
    old: bool = False

    def value(self, expr: Expr, at: float) -> Value:
        """The value at a moment. Raises UnsupportedError, and MatchError where Prometheus itself would fail."""
        match expr:
            case Number(value):
                return value
            case Text(text):
                return text
            case Selector(range=None):
                return self._instant(expr, at)
            case Call():
                return self._call(expr, at)
            case Aggregate():
                param = self.value(expr.param, at) if expr.param is not None else None
                if isinstance(param, list):
                    raise UnsupportedError(f"{expr.op}() of a vector as its parameter is not tried out")
                return operators.aggregate(expr, self.vector(expr.expr, at), param)
            case Binary():
                return self._binary(expr, at)
            case _:
                raise UnsupportedError("a range has no value of its own")

    def vector(self, expr: Expr, at: float) -> Vector:
        """The value as a vector; a scalar is an element without labels, as a rule takes it."""
        value = self.value(expr, at)
        if isinstance(value, str):
            raise UnsupportedError("a text is no vector")
        return [(frozenset(), value)] if isinstance(value, float) else value

    def _moment(self, expr: Selector | Subquery, at: float) -> float:
        if isinstance(expr.at, str):
            raise UnsupportedError(f"@ {expr.at}() is not tried out")
        return (at if expr.at is None else expr.at) - expr.offset

    def _instant(self, expr: Selector, at: float) -> Vector:
        moment = self._moment(expr, at)
        found: Vector = []
        for series in self.store.select(expr):
            sample = series.latest(moment)
            if sample is None or sample[1] is None:
                continue
            age = moment - sample[0]
            if age < LOOKBACK or (self.old and age == LOOKBACK):
                found.append((series.labels, sample[1]))
        return found

    def _windows(self, expr: Expr, at: float) -> tuple[list[tuple[Labels, functions.Samples]], float, float]:
        if isinstance(expr, Selector) and expr.range is not None:
            end = self._moment(expr, at)
            start = end - expr.range
            found = [
                (series.labels, series.between(start, end, with_start=self.old)) for series in self.store.select(expr)
            ]
            return [each for each in found if each[1]], start, end
        if isinstance(expr, Subquery):
            return self._subquery(expr, at)
        raise UnsupportedError("a function over time needs a range")

    def _subquery(self, expr: Subquery, at: float) -> tuple[list[tuple[Labels, functions.Samples]], float, float]:
        end = self._moment(expr, at)
        start, step = end - expr.range, expr.step or self.interval
        if expr.range / step > 20_000:
            raise UnsupportedError("a subquery of more than 20000 steps is not tried out")
        moment = step * math.floor(start / step)
        if moment < start or (not self.old and moment == start):
            moment += step
        found: dict[Labels, functions.Samples] = {}
        while moment <= end:
            for labels, value in self.vector(expr.expr, moment):
                found.setdefault(labels, []).append((moment, value))
            moment += step
        return list(found.items()), start, end

    def _binary(self, expr: Binary, at: float) -> Value:
        left, right = self.value(expr.left, at), self.value(expr.right, at)
        if isinstance(left, str) or isinstance(right, str):
            raise UnsupportedError("a text cannot be calculated with")
        if isinstance(left, float) and isinstance(right, float):
            return operators.scalars(expr, left, right)
        if isinstance(right, float):
            return operators.with_scalar(expr, left, right, swapped=False)  # type: ignore[arg-type]
        if isinstance(left, float):
            return operators.with_scalar(expr, right, left, swapped=True)
        return operators.sets(expr, left, right) if expr.op in SETS else operators.vectors(expr, left, right)

    def _call(self, expr: Call, at: float) -> Value:
        name, args = expr.name, expr.args
        if name == "time":
            return at
        if name == "pi":
            return math.pi
        if name == "vector":
            return [(frozenset(), self._scalar(args[0], at))]
        if name == "scalar":
            found = self.vector(args[0], at)
            return found[0][1] if len(found) == 1 else math.nan
        if name in ("absent", "absent_over_time"):
            return self._absent(expr, at)
        if name in functions.EACH:
            return [(nameless(labels), functions.EACH[name](value)) for labels, value in self.vector(args[0], at)]
        if name in functions.DATES:
            vector = self.vector(args[0], at) if args else [(frozenset[tuple[str, str]](), at)]
            return [(nameless(labels), functions.dated(name, value)) for labels, value in vector]
        if name in ("round", "clamp", "clamp_min", "clamp_max"):
            return self._bounded(expr, at)
        if name == "histogram_quantile":
            return functions.histogram_quantile(self._scalar(args[0], at), self.vector(args[1], at))
        if name in ("label_replace", "label_join"):
            words = [str(self.value(each, at)) for each in args[1:]]
            vector = self.vector(args[0], at)
            if name == "label_replace":
                return functions.label_replace(vector, *words)
            return functions.label_join(vector, words[0], words[1], words[2:])
        if name in ("sort", "sort_desc"):
            return sorted(self.vector(args[0], at), key=lambda each: each[1], reverse=name == "sort_desc")
        if name == "timestamp":
            return self._timestamps(args[0], at)
        return self._over_time(expr, at)

    def _scalar(self, expr: Expr, at: float) -> float:
        value = self.value(expr, at)
        if not isinstance(value, float):
            raise UnsupportedError("a vector stands where a number is needed")
        return value

    def _bounded(self, expr: Call, at: float) -> Vector:
        numbers = [self._scalar(each, at) for each in expr.args[1:]]
        low = numbers[0] if expr.name in ("clamp", "clamp_min") else -math.inf
        high = numbers[-1] if expr.name in ("clamp", "clamp_max") else math.inf
        to = (numbers or [1.0])[0]
        return [
            (nameless(labels), functions.nearest(value, to) if expr.name == "round" else max(low, min(high, value)))
            for labels, value in self.vector(expr.args[0], at)
            if low <= high
        ]

    def _timestamps(self, expr: Expr, at: float) -> Vector:
        if not isinstance(expr, Selector):
            return [(nameless(labels), at) for labels, _ in self.vector(expr, at)]
        moment = self._moment(expr, at)
        there = {labels for labels, _ in self._instant(expr, at)}
        return [
            (nameless(series.labels), sample[0])
            for series in self.store.select(expr)
            if series.labels in there and (sample := series.latest(moment)) is not None
        ]

    def _absent(self, expr: Call, at: float) -> Vector:
        argument = expr.args[0]
        there = self.vector(argument, at) if expr.name == "absent" else self._windows(argument, at)[0]
        if there:
            return []
        labels: dict[str, str] = {}
        if isinstance(argument, Selector):
            plain = [each for each in argument.matchers if each.op == "=" and each.value]
            names = [each.label for each in argument.matchers]
            labels = {each.label: each.value for each in plain if names.count(each.label) == 1}
        return [(frozenset(labels.items()), 1.0)]

    def _over_time(self, expr: Call, at: float) -> Vector:
        name, args = expr.name, list(expr.args)
        number = 0.0
        if name == "quantile_over_time":
            number = self._scalar(args.pop(0), at)
        elif name == "predict_linear":
            number = self._scalar(args.pop(1), at)
        windows, start, end = self._windows(args[0], at)
        found: Vector = []
        for labels, samples in windows:
            value = self._window(name, samples, start, end, at, number)
            if value is not None:
                found.append((labels if name in functions.KEEPS_NAME else nameless(labels), value))
        return found

    def _window(
        self, name: str, samples: functions.Samples, start: float, end: float, at: float, number: float
    ) -> float | None:
        if name in ("rate", "increase", "delta"):
            return functions.extrapolated(name, samples, start, end, old=self.old)
        if name in ("irate", "idelta"):
            return functions.instant(name, samples)
        if name in functions.OVER_TIME:
            return functions.OVER_TIME[name](samples)
        if name == "quantile_over_time":
            return functions.quantile_over_time(number, samples)
        if name in ("deriv", "predict_linear"):
            fitted = functions.line(samples, samples[0][0] if name == "deriv" else at)
            if fitted is None:
                return None
            return fitted[0] if name == "deriv" else fitted[1] + fitted[0] * number
        raise UnsupportedError(f"{name}() is not tried out")


__all__ = ["LOOKBACK", "Engine", "UnsupportedError", "Value"]
