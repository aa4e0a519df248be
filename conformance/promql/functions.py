"""PromQL's functions over samples and vectors, computed as Prometheus computes them.

https://prometheus.io/docs/prometheus/latest/querying/functions/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from conformance.promql.operators import Vector, divide, nameless, quantile, variance
from conformance.promql.series import Labels
from conformance.promql.trial import UnsupportedError

Samples = list[tuple[float, float]]


def _changes(samples: Samples) -> float:
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for (_, a), (_, b) in pairwise(samples)))


def _values(over: Callable[[list[float]], float]) -> Callable[[Samples], float | None]:
    return lambda samples: over([value for _, value in samples]) if samples else None


#: what needs only the samples of the window
OVER_TIME: Mapping[str, Callable[[Samples], float | None]] = {
    "avg_over_time": _values(lambda values: sum(values) / len(values)),
    "min_over_time": _values(min),
    "max_over_time": _values(max),
    "sum_over_time": _values(sum),
    "count_over_time": _values(lambda values: float(len(values))),
    "last_over_time": _values(lambda values: values[-1]),
    "present_over_time": _values(lambda values: 1.0),
    "stddev_over_time": _values(lambda values: math.sqrt(variance(values))),
    "stdvar_over_time": _values(variance),
    "changes": lambda samples: _changes(samples) if samples else None,
    "resets": lambda samples: float(sum(b < a for (_, a), (_, b) in pairwise(samples))) if samples else None,
}
#: what keeps the name of the metric
KEEPS_NAME = frozenset({"last_over_time"})


def extrapolated(name: str, samples: Samples, start: float, end: float, *, old: bool) -> float | None:
    """`rate`, `increase` and `delta`: the difference, stretched to the whole window where samples reach its ends.

    Two samples are needed. A counter that falls was reset. A counter is not stretched to below zero; `old` is how
    Prometheus did that before 2.50.
    """
    if len(samples) < 2:
        return None
    counter = name != "delta"
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    result = last - first
    if counter:
        result += sum(before for (_, before), (_, after) in pairwise(samples) if after < before)
    sampled = last_at - first_at
    between = sampled / (len(samples) - 1)
    to_start, to_end = first_at - start, end - last_at
    zero = sampled * divide(first, result) if counter and result > 0 and first >= 0 else math.inf
    limit = between * 1.1
    if old:
        to_start = min(to_start, zero)
        to_start = to_start if to_start < limit else between / 2
    else:
        to_start = min(to_start if to_start < limit else between / 2, zero)
    to_end = to_end if to_end < limit else between / 2
    result *= (sampled + to_start + to_end) / sampled
    return result / (end - start) if name == "rate" else result


def instant(name: str, samples: Samples) -> float | None:
    """`irate` and `idelta`: the last two samples."""
    if len(samples) < 2:
        return None
    (before_at, before), (at, value) = samples[-2:]
    if name == "idelta":
        return value - before
    return (value if value < before else value - before) / (at - before_at)


def line(samples: Samples, at: float) -> tuple[float, float] | None:
    """Least squares: slope per second, and the level at a moment; for `deriv` and `predict_linear`."""
    if len(samples) < 2:
        return None
    count = len(samples)
    if all(value == samples[0][1] for _, value in samples):
        return 0.0, samples[0][1]
    mean_x = sum(moment - at for moment, _ in samples) / count
    mean_y = sum(value for _, value in samples) / count
    spread = sum((moment - at - mean_x) ** 2 for moment, _ in samples)
    slope = sum((moment - at - mean_x) * (value - mean_y) for moment, value in samples) / spread
    return slope, mean_y - slope * mean_x


def _logarithm(of: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: of(value) if value > 0 else -math.inf if value == 0 else math.nan


def _rounding(of: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(of(value)) if math.isfinite(value) else value


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


#: what is applied to each element
EACH: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": _rounding(math.ceil),
    "floor": _rounding(math.floor),
    "exp": _exp,
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "ln": _logarithm(math.log),
    "log2": _logarithm(math.log2),
    "log10": _logarithm(math.log10),
    "sgn": lambda value: float((value > 0) - (value < 0)),
}


def nearest(value: float, to: float) -> float:
    """`round`, ties upwards."""
    return math.floor(value / to + 0.5) * to if math.isfinite(value) else value


#: parts of a date, in UTC
DATES: Mapping[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day_of_week": lambda moment: moment.isoweekday() % 7,
    "day_of_month": lambda moment: moment.day,
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "days_in_month": lambda moment: (
        ((moment.replace(day=28).toordinal() - moment.replace(day=1).toordinal()) + 1)
        + sum(
            datetime.fromordinal(moment.replace(day=28).toordinal() + extra).month == moment.month
            for extra in (1, 2, 3)
        )
    ),
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}


def dated(name: str, value: float) -> float:
    """A part of the date of a Unix time."""
    return float(DATES[name](datetime.fromtimestamp(value, UTC))) if math.isfinite(value) else math.nan


def histogram_quantile(share: float, vector: Vector) -> Vector:
    """The quantile of each histogram, interpolated inside its bucket; buckets are told apart by `le` alone.

    Without the bucket `+Inf`, and without observations, it is NaN, which no comparison holds for.
    """
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in vector:
        bound = dict(labels).get("le")
        try:
            upper = float(bound) if bound is not None else None
        except ValueError:
            upper = None
        if upper is not None:
            key = frozenset(each for each in nameless(labels) if each[0] != "le")
            groups.setdefault(key, []).append((upper, value))
    return [(key, _bucket_quantile(share, buckets)) for key, buckets in groups.items()]


def _bucket_quantile(share: float, found: list[tuple[float, float]]) -> float:
    if math.isnan(share):
        return math.nan
    if share < 0 or share > 1:
        return math.copysign(math.inf, share)
    merged: dict[float, float] = {}
    for upper, count in found:
        merged[upper] = merged.get(upper, 0.0) + count
    buckets = sorted(merged.items())
    if len(buckets) < 2 or buckets[-1][0] != math.inf:
        return math.nan
    highest, rising = 0.0, []
    for upper, count in buckets:
        highest = max(highest, count)
        rising.append((upper, highest))
    observations = rising[-1][1]
    if not observations or math.isnan(observations):
        return math.nan
    rank = share * observations
    index = next((at for at, (_, count) in enumerate(rising[:-1]) if count >= rank), len(rising) - 1)
    if index == len(rising) - 1:
        return rising[-2][0]
    upper, count = rising[index]
    if index == 0 and upper <= 0:
        return upper
    lower, below = rising[index - 1] if index else (0.0, 0.0)
    return lower + (upper - lower) * divide(rank - below, count - below)


def label_replace(vector: Vector, target: str, template: str, source: str, pattern: str) -> Vector:
    """`label_replace`: the label is set where the whole value matches, and removed where the template gives nothing."""
    try:
        regex = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise UnsupportedError(f"the regular expression {pattern!r} is not understood: {error}") from None
    written = re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: rf"\g<{found.group(1) or found.group(2)}>", template)
    made: Vector = []
    for labels, value in vector:
        found = regex.fullmatch(dict(labels).get(source, ""))
        made.append((_labelled(labels, target, found.expand(written)) if found else labels, value))
    return made


def label_join(vector: Vector, target: str, separator: str, sources: list[str]) -> Vector:
    """`label_join`: the values of some labels as one."""
    return [
        (_labelled(labels, target, separator.join(dict(labels).get(each, "") for each in sources)), value)
        for labels, value in vector
    ]


def _labelled(labels: Labels, name: str, value: str) -> Labels:
    kept = frozenset(each for each in labels if each[0] != name)
    return kept | {(name, value)} if value else kept


def quantile_over_time(share: float, samples: Samples) -> float | None:
    """The quantile of the values in a window."""
    return quantile(share, [value for _, value in samples]) if samples else None
