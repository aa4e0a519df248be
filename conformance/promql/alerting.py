"""Alerts as a Prometheus raises them over made-up series: pending for as long as `for`, then firing.

The unit cases of promtool, evaluated here: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from conformance.kube.duration import parse_prometheus
from conformance.promql.engine import Engine
from conformance.promql.operators import Vector, nameless
from conformance.promql.series import Labels, Store
from conformance.promql.syntax import Expr, read

_MOST_STEPS = 20_000
_TEMPLATE = re.compile(r"\{\{-?\s*(\$\w+(?:\.\w+)*)((?:\s*\|\s*\w+(?:\s+\"[^\"]*\")?)*)\s*-?\}\}")
_FORMAT = re.compile(r"%\.(\d+)f")


@dataclass(frozen=True)
class Alerting:
    """What decides over an alert: expression, `for`, `keep_firing_for` in seconds, labels and annotations."""

    expr: Expr
    wait: float = 0.0
    keep: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """A recording rule: the series that it writes at each evaluation."""

    name: str
    expr: Expr
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Firing:
    """An alert that fires: its labels without `alertname`, its annotations, filled in."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def alerting(raw: Mapping[str, object]) -> Alerting:
    """An alerting rule as it stands in a rule file. Raises UnsupportedError, and DurationError for a wrong `for`."""
    return Alerting(
        read(str(raw.get("expr") or "")),
        _seconds(raw.get("for")),
        _seconds(raw.get("keep_firing_for")),
        _texts(raw.get("labels")),
        _texts(raw.get("annotations")),
    )


def _seconds(value: object) -> float:
    return float(parse_prometheus(str(value))) if value not in (None, "") else 0.0


def _texts(value: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def firing(
    alert: Alerting,
    recordings: Sequence[Recording],
    store: Store,
    moments: Sequence[float],
    *,
    interval: float = 60.0,
    old: bool = False,
) -> dict[float, list[Firing]]:
    """What fires at each of some moments, evaluated every `interval` seconds from 0 as promtool does.

    Recording rules write into the store before the alert is evaluated, in their order. Raises UnsupportedError.
    """
    engine = Engine(store, interval, old)
    active: dict[Labels, _Active] = {}
    found: dict[float, list[Firing]] = {}
    left = sorted(set(moments))
    steps = math.floor(left[-1] / interval) if left else -1
    before: dict[str, set[Labels]] = {}
    for step in range(min(steps, _MOST_STEPS) + 1):
        at = float(step * interval)
        for rule in recordings:
            _record(rule, engine, at, before)
        _advance(alert, engine.vector(alert.expr, at), active, at)
        now = [Firing(each.labels, each.annotations) for each in active.values() if each.fires]
        while left and left[0] < at + interval:
            found[left.pop(0)] = now
    return found


@dataclass
class _Active:
    since: float
    seen: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fires: bool = False


def _record(rule: Recording, engine: Engine, at: float, before: dict[str, set[Labels]]) -> None:
    written: set[Labels] = set()
    for labels, value in engine.vector(rule.expr, at):
        made = {**dict(nameless(labels)), **rule.labels, "__name__": rule.name}
        key = frozenset((name, text) for name, text in made.items() if text)
        engine.store.series(key).add(at, value)
        written.add(key)
    for gone in before.get(rule.name, set()) - written:
        engine.store.series(gone).add(at, None)
    before[rule.name] = written


def _advance(alert: Alerting, vector: Vector, active: dict[Labels, _Active], at: float) -> None:
    seen: set[Labels] = set()
    for labels, value in vector:
        own = dict(nameless(labels))
        filled = {name: fill(text, own, value) for name, text in alert.labels.items()}
        merged = {name: text for name, text in {**own, **filled}.items() if text}
        key = frozenset(merged.items())
        seen.add(key)
        notes = {name: fill(text, own, value) for name, text in alert.annotations.items()}
        each = active.setdefault(key, _Active(at, at, merged, notes))
        each.seen, each.annotations = at, notes
        each.fires = each.fires or at - each.since >= alert.wait
    for key in [key for key in active if key not in seen]:
        each = active[key]
        if not each.fires or at - each.seen >= alert.keep:
            del active[key]


def fill(text: str, labels: Mapping[str, str], value: float) -> str:
    """A template with `$labels.x` and `$value` filled in, with the formats that are in common use.

    What is not known stays as it is written. `{{ $labels.gone }}` is empty.
    """
    return _TEMPLATE.sub(lambda found: _filled(found, labels, value), text)


def _filled(found: re.Match[str], labels: Mapping[str, str], value: float) -> str:
    name, formats = found.group(1), [each.strip() for each in found.group(2).split("|") if each.strip()]
    if name.startswith("$labels."):
        return labels.get(name.removeprefix("$labels."), "") if not formats else found.group()
    if name != "$value":
        return found.group()
    if not formats:
        return number(value)
    if formats == ["humanizePercentage"]:
        return f"{number(float(f'{value * 100:.4g}'))}%"
    printed = re.fullmatch(r'printf "([^"]*)"', formats[0])
    if printed and len(formats) == 1 and _FORMAT.search(printed.group(1)):
        return _FORMAT.sub(lambda part: _fixed(value, int(part.group(1))), printed.group(1)).replace("%%", "%")
    return found.group()


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else number(value)


def number(value: float) -> str:
    """A number as Go prints a float64 by default: shortest digits, an exponent from 1e21 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return text
