"""Series as promtool's unit tests write them: `up{job="api"}` with values such as `1x5 0 _ stale 0+10x60`.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from conformance.promql.syntax import Matcher, Selector, read
from conformance.promql.trial import UnsupportedError

Labels = frozenset[tuple[str, str]]

_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|nan)"
_EXPANDING = re.compile(rf"({_NUMBER})([+-](?!inf|nan)[0-9.e]+|[+-]inf)?x(\d+)\Z", re.IGNORECASE)
_GAP = re.compile(r"_(?:x(\d+))?\Z")
_MOST = 100_000


@dataclass
class Stored:
    """The samples of one series; None is the mark of a series that ended."""

    labels: Labels
    times: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def add(self, at: float, value: float | None) -> None:
        """A sample later than all others; a second one at the same time replaces the first."""
        if self.times and self.times[-1] == at:
            self.values[-1] = value
            return
        self.times.append(at)
        self.values.append(value)

    def latest(self, at: float) -> tuple[float, float | None] | None:
        """The last sample up to a moment, that moment included."""
        index = bisect_right(self.times, at) - 1
        return (self.times[index], self.values[index]) if index >= 0 else None

    def between(self, start: float, end: float, *, with_start: bool) -> list[tuple[float, float]]:
        """The samples of a window, marks of the end left out."""
        return [
            (at, value)
            for at, value in zip(self.times, self.values, strict=True)
            if value is not None and at <= end and (at > start or (with_start and at == start))
        ]


class Store:
    """Series by their labels, `__name__` among them."""

    def __init__(self) -> None:
        self._series: dict[Labels, Stored] = {}
        self._names: dict[str, list[Stored]] = {}

    def series(self, labels: Labels) -> Stored:
        """The series with these labels, made when there is none."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = Stored(labels)
            self._names.setdefault(dict(labels).get("__name__", ""), []).append(found)
        return found

    def select(self, selector: Selector) -> Iterator[Stored]:
        """The series that a selector means; an absent label is the same as an empty one."""
        candidates = self._names.get(selector.name, ()) if selector.name else list(self._series.values())
        for each in candidates:
            labels = dict(each.labels)
            if all(accepts(matcher, labels.get(matcher.label, "")) for matcher in selector.matchers):
                yield each


def accepts(matcher: Matcher, value: str) -> bool:
    """Whether a label value is what a matcher asks for; regular expressions are anchored at both ends."""
    if matcher.op in ("=", "!="):
        return (value == matcher.value) is (matcher.op == "=")
    try:
        found = re.fullmatch(matcher.value, value, re.DOTALL) is not None
    except re.error as error:
        raise UnsupportedError(f"the regular expression {matcher.value!r} is not understood: {error}") from None
    return found is (matcher.op == "=~")


def store(series: Mapping[str, str], interval: float) -> Store:
    """A store of series in promtool's notation, one sample every `interval` seconds from 0.

    Raises UnsupportedError for a name or values that cannot be read.
    """
    made = Store()
    for name, values in series.items():
        stored = made.series(labels_of(name))
        for index, value in enumerate(notation(values)):
            if value is not Ellipsis:
                stored.add(index * interval, value)  # type: ignore[arg-type]
    return made


def labels_of(text: str) -> Labels:
    """The labels of a series written as `name{label="value"}`."""
    selector = read(text)
    if not isinstance(selector, Selector) or selector.range is not None:
        raise UnsupportedError(f"{text!r} is no series")
    found = {(each.label, each.value) for each in selector.matchers if each.value}
    if any(each.op != "=" for each in selector.matchers):
        raise UnsupportedError(f"{text!r} is no series: a series has values, not matchers")
    return frozenset(found | ({("__name__", selector.name)} if selector.name else set()))


def notation(text: str) -> list[object]:
    """The samples of a text: numbers, None where the series ends (`stale`), Ellipsis where a sample is missing (`_`).

    `1+2x3` is 1 3 5 7, `1x3` is 1 1 1 1, `_x3` is three times nothing. Raises UnsupportedError.
    """
    found: list[object] = []
    for word in str(text).split():
        found.extend(_samples(word))
        if len(found) > _MOST:
            raise UnsupportedError(f"more than {_MOST} samples")
    return found


def _samples(word: str) -> Iterable[object]:
    if word == "stale":
        return [None]
    gap = _GAP.match(word)
    if gap is not None:
        return [Ellipsis] * min(int(gap.group(1) or 1), _MOST + 1)
    expanding = _EXPANDING.match(word)
    try:
        if expanding is None:
            return [_number(word)]
        start, step, count = expanding.groups()
        rise = _number(step) if step else 0.0
        return [_number(start) + rise * index for index in range(min(int(count), _MOST) + 1)]
    except ValueError:
        raise UnsupportedError(f"{word!r} is no value of a series") from None


def _number(text: str) -> float:
    return float(int(text, 16)) if "0x" in text.lower() else float(text)
