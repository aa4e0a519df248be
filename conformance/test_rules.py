"""Alerting and recording rules: what they say, when they fire, and whether they can."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.promql import meaning, unit
from conformance.promql.rules import Rule, Unread, alerts, find, recordings
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
    if not given and wanted:
        yield finding(rule, "expr", "the expression means something else", wanted[0], rule.expr)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        yield finding(rule, "expr", failed[0] + more, wanted[0] if wanted else None, rule.expr)


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
def test_recording_rule(
    inventory: Inventory, *, record: str, expr: list[str], labels: dict[str, str] | None = None, required: bool = True
) -> Iterator[Said]:
    """A recording rule computes what is documented, whatever its spelling. `record` is a glob over its name.

    With several rules of the name one has to mean one of `expr`.
    """
    found = [each for each in recordings(inventory) if fnmatchcase(each.name, record)]
    yield from _unread(inventory)
    if not found:
        missing = Finding(None, "", f"no rule records {record}")
        yield missing if required else NotApplicable(f"no rule records {record}")
        return
    verdicts = [[*_expression(rule, inventory, expr, None, []), *_labelled(rule, labels or {})] for rule in found]
    yield from min(verdicts, key=len)
