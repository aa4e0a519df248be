"""Alerting and recording rules: what they say, when they fire, and whether they can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.promql import exporters, faults, meaning, scraping, unit
from conformance.promql.faults import Verdict
from conformance.promql.rules import Rule, Unread, alerts, find, recordings
from conformance.promql.syntax import read, selectors
from conformance.promql.trial import UnsupportedError


@check
def test_alert_rule(
    inventory: Inventory,
    *,
    alert: str | list[str],
    expr: list[str] | None = None,
    threshold: Annotated[dict[str, float], meaning.bounds] | None = None,
    cases: Annotated[list[dict[str, Any]], unit.cases] | None = None,
    wait: Annotated[str, duration.parse_prometheus] | None = None,
    wait_at_most: Annotated[str, duration.parse_prometheus] | None = None,
    labels: dict[str, str] | None = None,
    annotations: list[str] | None = None,
    required: bool = True,
) -> Iterator[Said]:
    """An alert says what is documented: by the meaning of its expression, or by what it does over made-up series.

    The expression holds when it means one of `expr`, in which `{threshold}` may be any number within `threshold`
    (`at_least`, `at_most`), or else when all `cases` turn out as they say (see `promql.unit`). `wait` is exactly `for`,
    `0s` for none. Of several alerts with one of the names one has to be right, so that a second, stricter one harms
    nothing; what is wrong is said of the one that is nearest. An expression that is wrong by itself is said to be so.
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    names = [alert] if isinstance(alert, str) else alert
    found = [each for each in alerts(inventory) if each.name in names]
    yield from _unread(inventory)
    if not found:
        missing = Finding(None, "", f"no alert {' or '.join(names)} that Prometheus would load")
        yield missing if required else NotApplicable(f"no alert {' or '.join(names)}")
        return
    verdicts = []
    for rule in found:
        said = [
            *_expression(rule, inventory, expr, threshold, unit.cases(cases or [])),
            *_waits(rule, wait, wait_at_most),
            *_labelled(rule, labels or {}),
            *_annotated(rule, annotations or []),
        ]
        verdicts.append(said)
    yield from min(verdicts, key=len)


def finding(rule: Rule, field: str, message: str, expected: object = None, observed: object = None) -> Finding:
    """A finding at a part of a rule, such as `labels.severity`, located inside of texts too."""
    steps = field.split(".")
    return Finding(rule.subject, rule.field(*steps), message, expected, observed, location=rule.locate(*steps))


def _unread(inventory: Inventory) -> Iterator[Unjudged]:
    found: tuple[Unread, ...] = find(inventory).unread
    for each in found:
        yield Unjudged(each.subject, each.path, each.reason)


def _expression(
    rule: Rule,
    inventory: Inventory,
    wanted: list[str] | None,
    threshold: dict[str, float] | None,
    given: list[unit.Case],
) -> Iterator[Said]:
    try:
        if any(_means(rule, each, threshold) for each in wanted or ()):
            return
        failed = list(unit.failures(rule, recordings(inventory), given))
    except (UnsupportedError, DurationError) as error:
        yield Unjudged(rule.subject, rule.field("expr"), str(error), rule.locate("expr"))
        return
    expected, why = wanted[0] if wanted else None, _why(rule)
    if not given and wanted:
        yield finding(rule, "expr", f"the expression means something else{why}", expected, rule.expr)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        yield finding(rule, "expr", f"{failed[0]}{more}{why}", expected, rule.expr)


def _why(rule: Rule) -> str:
    """What is wrong with the expression by itself, behind the words of a finding."""
    expr = read(rule.expr)
    said = [each.message for each in faults.faults(expr, alert=rule.is_alert)]
    for each in selectors(expr):
        known = exporters.owner(each.name)
        lacking = known.lacks(each) if known is not None else ""
        said += [f"{known.name} has no {lacking}"] if known is not None and lacking else []
    return f": {'; '.join(dict.fromkeys(said))}" if said else ""


def _means(rule: Rule, pattern: str, threshold: dict[str, float] | None) -> bool:
    if threshold is None:
        return meaning.same(rule.expr, pattern)
    return meaning.within(rule.expr, pattern, threshold.get("at_least"), threshold.get("at_most"))


def _waits(rule: Rule, exactly: str | None, at_most: str | None) -> Iterator[Said]:
    try:
        seconds = duration.parse_prometheus(rule.wait or "0s")
    except DurationError as error:
        yield finding(rule, "for", str(error), exactly or at_most, rule.wait)
        return
    if exactly is not None and seconds != duration.parse_prometheus(exactly):
        yield finding(rule, "for", "waits for another time before it fires", exactly, rule.wait or None)
    if at_most is not None and seconds > duration.parse_prometheus(at_most):
        yield finding(rule, "for", "waits too long before it fires", f"at most {at_most}", rule.wait)


def _labelled(rule: Rule, wanted: dict[str, str]) -> Iterator[Said]:
    for name, value in wanted.items():
        observed = rule.labels.get(name)
        if observed is None or not fnmatchcase(observed, value):
            yield finding(rule, f"labels.{name}", f"label {name} is not {value}", value, observed)


def _annotated(rule: Rule, wanted: list[str]) -> Iterator[Said]:
    for name in wanted:
        if not rule.annotations.get(name, "").strip():
            yield finding(rule, f"annotations.{name}", f"has no annotation {name}", name, None)


@check
def test_rules_can_fire(
    inventory: Inventory,
    *,
    rules: list[str] | None = None,
    verdicts: list[Literal["never", "always", "wrong", "weak"]] | None = None,
    ignore: list[str] | None = None,
) -> Iterator[Said]:
    """No rule is dead or rings for ever: no ratio of vectors that never match, no impossible limit, no raw counter.

    Only what is certain from the expression and from the known labels of common exporters (see docs/rules.md). `rules`
    are globs over names, all by default; `verdicts` which of the kinds count, all but `weak` by default; `ignore` codes
    that do not. The scrape interval is that of the tree's Prometheus, where it has one.
    https://prometheus.io/docs/prometheus/latest/querying/operators/
    """
    counted = verdicts or ["never", "always", "wrong"]
    interval = scraping.interval(inventory)
    judged = False
    yield from _unread(inventory)
    for rule in _chosen(inventory, rules):
        judged = True
        try:
            found = faults.faults(read(rule.expr), alert=rule.is_alert, scrape_interval=interval)
        except UnsupportedError as error:
            yield Unjudged(rule.subject, rule.field("expr"), str(error), rule.locate("expr"))
            continue
        for each in found:
            if each.verdict in counted and each.code not in (ignore or ()):
                yield finding(rule, "expr", f"{_EFFECT[each.verdict]}: {each.message}", None, each.part)
    if not judged and not find(inventory).unread:
        yield NotApplicable("no rules")


_EFFECT = {
    Verdict.NEVER: "cannot fire",
    Verdict.ALWAYS: "fires without reason",
    Verdict.WRONG: "computes something else than it seems to",
    Verdict.WEAK: "misses something",
}


def _chosen(inventory: Inventory, names: list[str] | None) -> list[Rule]:
    found = find(inventory).rules
    return [each for each in found if not names or any(fnmatchcase(each.name, name) for name in names)]


@check
def test_metrics_provided(
    inventory: Inventory,
    *,
    rules: list[str] | None = None,
    sources: list[str] | None = None,
    metrics: list[str] | None = None,
) -> Iterator[Said]:
    """Every metric that a rule reads comes from an exporter that is there: a rule over a missing metric is never red.

    `sources` are the documented exporters by name, by default those that the tree runs. `metrics` are globs over what
    applications export themselves; recorded series are provided by their rules. A metric whose exporter nobody knows
    is a finding only when `sources` or `metrics` say what there is. Some names are known not to exist, such as
    `pg_stat_statements_mean_time_ms`, and some labels: nginx' exporter has no status codes.
    """
    there = set(sources if sources is not None else exporters.present(inventory)) | {"prometheus"}
    recorded = {each.name for each in recordings(inventory)}
    judged = False
    yield from _unread(inventory)
    for rule in _chosen(inventory, rules):
        try:
            found = list(dict.fromkeys(selectors(read(rule.expr))))
        except UnsupportedError as error:
            yield Unjudged(rule.subject, rule.field("expr"), str(error), rule.locate("expr"))
            continue
        for selector in found:
            name = selector.name
            if not name or name in recorded or any(fnmatchcase(name, each) for each in metrics or ()):
                judged = True
                continue
            known = exporters.owner(name)
            if known is not None:
                judged = True
                lacking = known.lacks(selector)
                if known.name not in there:
                    yield finding(rule, "expr", f"nothing provides {name}: there is no {known.name}", known.name, name)
                elif lacking:
                    yield finding(rule, "expr", f"{known.name} has no {lacking}", None, name)
            elif sources is not None or metrics is not None:
                judged = True
                message = f"nothing that is documented provides {name}"
                yield finding(rule, "expr", message, ", ".join([*(sources or ()), *(metrics or ())]), name)
    if not judged:
        yield NotApplicable("no rule reads a metric whose exporter is known")


@check
def test_alert_labels(
    inventory: Inventory,
    *,
    labels: dict[str, list[str]] | None = None,
    annotations: list[str] | None = None,
    groups: list[str] | None = None,
) -> Iterator[Said]:
    """Every alert carries the labels by which it is routed, with known values, and annotations that say something.

    `groups` are globs over rule groups, all by default. A ratio printed with a percent sign (`{{ $value }}%`) is a
    hundred times too small: `humanizePercentage` is meant.
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    judged = False
    yield from _unread(inventory)
    for rule in alerts(inventory):
        if groups and not any(fnmatchcase(rule.group, each) for each in groups):
            continue
        judged = True
        for name, values in (labels or {}).items():
            observed = rule.labels.get(name)
            if observed is None or ("{{" not in observed and not any(fnmatchcase(observed, each) for each in values)):
                yield finding(
                    rule, f"labels.{name}", f"label {name} is none of the known", " or ".join(values), observed
                )
        yield from _annotated(rule, annotations or [])
        for name, text in rule.annotations.items():
            if _PERCENT.search(text) and _is_ratio(rule):
                message = "prints a ratio with a percent sign"
                yield finding(rule, f"annotations.{name}", message, "{{ $value | humanizePercentage }}", text)
    if not judged and not find(inventory).unread:
        yield NotApplicable("no alerts")


_PERCENT = re.compile(r"\{\{[^}]*\$value(?![^}]*humanizePercentage)[^}]*\}\}\s*%")


def _is_ratio(rule: Rule) -> bool:
    """Whether the condition compares with a number of 1 at most, and so is no percentage."""
    try:
        limits = meaning.limits(rule.expr)
    except UnsupportedError:
        return False
    return bool(limits) and all(0 < abs(each) <= 1 for each in limits)
