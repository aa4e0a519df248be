"""Unit cases of an alert: series, and the moments at which it has to fire or to be silent.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.kube.duration import parse
from conformance.promql.alerting import Firing, Recording, alerting, firing
from conformance.promql.rules import Rule
from conformance.promql.series import store
from conformance.promql.syntax import Expr, read, selectors

_KEYS = {"what", "series", "interval", "fires", "silent", "labels"}


@dataclass(frozen=True)
class Case:
    """Made-up series with the moments (seconds) at which an alert fires or is silent over them."""

    series: Mapping[str, str]
    interval: float
    fires: tuple[float, ...]
    silent: tuple[float, ...]
    #: some alert that fires has at least these labels
    labels: Mapping[str, str]
    what: str = ""


def cases(given: list[dict[str, Any]]) -> list[Case]:
    """Cases as a requirement writes them: `series` in promtool's notation, `fires` and `silent` as lists of durations.

    `interval` is the time between two samples and between two evaluations, a minute unless said. Raises ValueError.
    """
    return [_case(each) for each in given]


def _case(raw: Mapping[str, Any]) -> Case:
    unknown = set(raw) - _KEYS
    if unknown:
        raise ValueError(f"a case has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_KEYS))}")
    series = raw.get("series", {})
    if not isinstance(series, dict):
        raise ValueError(f"series {series!r} is not a mapping")
    for name, values in series.items():
        if not isinstance(values, str) and values not in range(10):
            raise ValueError(
                f"values of {name}: {values!r} is a number in YAML, which reads 0x15 as 21: put it in quotes"
            )
    interval = float(parse(raw.get("interval", "1m")))
    if interval <= 0:
        raise ValueError("an interval is longer than 0")
    fires, silent = (tuple(float(parse(each)) for each in _list(raw.get(name))) for name in ("fires", "silent"))
    if not fires and not silent:
        raise ValueError("a case says when the alert fires, or when it is silent")
    labels = raw.get("labels", {})
    if not isinstance(labels, dict):
        raise ValueError(f"labels {labels!r} is not a mapping")
    made = Case({str(k): str(v) for k, v in series.items()}, interval, fires, silent, labels, str(raw.get("what", "")))
    store(made.series, made.interval)  # refuses what cannot be read
    return made


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def failures(rule: Rule, recorded: Sequence[Rule], given: Sequence[Case]) -> Iterator[str]:
    """What an alert does otherwise than its cases say, in words.

    Raises UnsupportedError for expressions that are not understood, DurationError for a `for` that is none.
    """
    alert = alerting(rule.raw)
    needed = recordings_for(alert.expr, recorded)
    for case in given:
        moments = [*case.fires, *case.silent]
        found = firing(alert, needed, store(case.series, case.interval), moments, interval=case.interval)
        with_what = f" with {case.what}" if case.what else ""
        for moment in case.silent:
            if found[moment]:
                yield f"fires at {_time(moment)}{with_what}"
        for moment in case.fires:
            if not found[moment]:
                yield f"does not fire at {_time(moment)}{with_what}"
            elif not any(_has(each, case.labels) for each in found[moment]):
                yield f"fires at {_time(moment)}{with_what} without the labels {_shown(case.labels)}"


def recordings_for(expr: Expr, recorded: Sequence[Rule]) -> list[Recording]:
    """The recording rules that an expression reads, and those that they read in turn, each before its readers."""
    by_name: dict[str, list[Rule]] = {}
    for each in recorded:
        by_name.setdefault(each.name, []).append(each)
    found: dict[str, list[Recording]] = {}

    def visit(inside: Expr, above: frozenset[str]) -> None:
        for name in dict.fromkeys(each.name for each in selectors(inside)):
            if name in by_name and name not in found and name not in above:
                parsed = [(rule, read(rule.expr)) for rule in by_name[name]]
                for _, below in parsed:
                    visit(below, above | {name})
                found[name] = [Recording(name, below, rule.labels) for rule, below in parsed]

    visit(expr, frozenset())
    return [each for group in found.values() for each in group]


def _has(alert: Firing, labels: Mapping[str, str]) -> bool:
    return all(alert.labels.get(name, "") == value for name, value in labels.items())


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _time(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
