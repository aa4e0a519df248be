"""Alert rules: tried out on made-up series, because two expressions are alike when they behave alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.promql.rules import Rule, alerts
from conformance.promql.trial import STEP, Series, UnsupportedError, World, fires, guarded, metrics

GIB = float(2**30)
HOUR, DAY = 3600.0, 86400.0


@check
def test_usage_alert(
    inventory: Inventory,
    *,
    alert: str,
    percent: int,
    wait: Annotated[str, duration.parse_prometheus],
    namespaces: list[str],
) -> Iterator[Said]:
    """An alert fires when a volume is fuller than so many percent for so long, and not before.

    One percent above for a minute longer fires; exactly at the limit does not, nor does one percent above that ends a
    minute early. So `> 0.8`, `100 * used / capacity > 80` and `1 - available / capacity > 0.8` are one and the same.
    """
    seconds = float(duration.parse_prometheus(wait))
    above, at = (percent + 1) / 100, percent / 100
    trials: list[tuple[str, Callable[[float], float], float, bool]] = [
        (f"does not fire at {percent + 1} % for {_minutes(seconds + 60)}", lambda t: above, seconds + 60, True),
        (f"fires at exactly {percent} %", lambda t: at, seconds * 4, False),
        (
            f"fires at {percent + 1} % for only {_minutes(seconds - 60)}",
            lambda t: above if t < seconds - 60 else at / 2,
            seconds * 4,
            False,
        ),
    ]
    yield from _tried(inventory, alert, trials, namespaces)


@check
def test_prediction_alert(
    inventory: Inventory, *, alert: str, days: int, lookback_hours: int, namespaces: list[str]
) -> Iterator[Said]:
    """An alert fires for a volume that will be full within so many days, judging by its last hours, and not otherwise.

    A volume that fills in two thirds of the time fires; one that takes twice as long does not, nor does one that stays
    as it is. A `for` and a least fill level are allowed: the trial lasts a day and starts half full.
    """
    quick, slow = 0.5 / (days * DAY * 2 / 3 + DAY), 0.5 / (days * DAY * 2 + DAY)
    # A step of two percent that takes ten minutes: a window of hours shrugs, one of minutes panics.
    burst = 0.02 / (10 * 60)
    # Constant at first and steep in the last hours: only a look at these hours sees it coming.
    bend = 12 * HOUR
    late = 0.4 / (days * DAY)
    trials: list[tuple[str, Callable[[float], float], float, bool]] = [
        (f"does not fire for a volume that is full within {days} days", lambda t: 0.5 + quick * (t + DAY), DAY, True),
        (f"fires for a volume that lasts twice {days} days", lambda t: 0.5 + slow * t, DAY, False),
        (
            "fires for a burst of ten minutes",
            lambda t: 0.5 + burst * min(max(t - 6 * HOUR, 0.0), 600.0),
            DAY,
            False,
        ),
        ("fires for a volume that does not grow", lambda t: 0.5, DAY, False),
        (
            f"does not see what happened in the last {lookback_hours} hours",
            lambda t: 0.5 + (late * 1.6 * (t - bend) if t > bend else 0.0),
            bend + lookback_hours * HOUR * 2,
            True,
        ),
    ]
    yield from _tried(inventory, alert, trials, namespaces, step=5 * STEP)


Trial = tuple[str, Callable[[float], float], float, bool]


def _tried(
    inventory: Inventory, name: str, trials: list[Trial], namespaces: list[str], step: float = STEP
) -> Iterator[Said]:
    found = [each for each in alerts(inventory) if each.name == name]
    if not found:
        yield Finding(None, "", f"no alert {name} that Prometheus would load")
    for alert in found:
        wait = str(alert.raw.get("for", "") or "")
        try:
            failed = [
                (message, namespace)
                for namespace in namespaces
                for message, used, until, wanted in trials
                if fires(alert.expr, wait, _volume(used, namespace), until, step) is not wanted
            ]
        except (UnsupportedError, DurationError) as error:
            yield Unjudged(alert.subject, alert.field("expr"), str(error))
            continue
        for message in dict.fromkeys(each for each, _ in failed):
            where = [namespace for each, namespace in failed if each == message]
            yield Finding(
                alert.subject, alert.field("expr"), f"{message} (namespace {', '.join(where)})", None, alert.expr
            )


def _volume(used: Callable[[float], float], namespace: str) -> World:
    """A volume of 50Gi whose fill level is a function of time."""
    labels = {"namespace": namespace, "persistentvolumeclaim": "data-0"}
    size = 50 * GIB
    return {
        "kubelet_volume_stats_used_bytes": Series(lambda t: used(t) * size, labels),
        "kubelet_volume_stats_capacity_bytes": Series(lambda t: size, labels),
        "kubelet_volume_stats_available_bytes": Series(lambda t: (1 - used(t)) * size, labels),
    }


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} minutes"


@check
def test_alert_annotations(inventory: Inventory, *, names: list[str], summary: str) -> Iterator[Said]:
    """The summary of each alert names what it speaks of, by the label that Prometheus fills in.

    Helm renders `{{ $labels… }}` away unless it is escaped, which leaves `<no value>`.
    """
    found = [each for each in alerts(inventory) if each.name in names]
    if not found:
        yield NotApplicable("no such alert; its absence is reported by the requirement that it exists")
    for alert in found:
        annotations = alert.raw.get("annotations")
        text = annotations.get("summary") if isinstance(annotations, dict) else None
        if not isinstance(text, str) or summary not in text:
            place = alert.field("annotations", "summary")
            yield Finding(alert.subject, place, f"the summary of {alert.name} does not say which", summary, text)


@check
def test_alert_severity(inventory: Inventory, *, names: list[str], allowed: list[str]) -> Iterator[Said]:
    """Each alert carries a severity that the routing knows."""
    found = [each for each in alerts(inventory) if each.name in names]
    if not found:
        yield NotApplicable("no such alert")
    for alert in found:
        labels = alert.raw.get("labels")
        severity = labels.get("severity") if isinstance(labels, dict) else None
        if severity not in allowed:
            place = alert.field("labels", "severity")
            yield Finding(alert.subject, place, f"{alert.name} cannot be routed by severity", allowed, severity)


@check
def test_metric_guard(inventory: Inventory, *, metric: str) -> Iterator[Said]:
    """Some alert fires when the metric that the others compare is not there at all.

    A comparison with nothing is empty, not true: without the metric the alerts are silent, whatever happens. The
    kubelet publishes no volume metrics for hostPath volumes. Whether the metric exists only a cluster tells.
    """
    found = alerts(inventory)
    if not found:
        yield NotApplicable("no alert rules in this tree")
        return
    if not any(metric in _guarded(each) for each in found):
        yield Finding(None, "", f"no alert notices that {metric} is missing: absent({metric})")


@check
def test_backup_alert(
    inventory: Inventory, *, metric_names: list[str], within: Annotated[str, duration.parse]
) -> Iterator[Said]:
    """An alert fires when the last good backup is too old, and when there never was one.

    Tried on the metrics named: success so long ago, and metric absent. A CronJob that never succeeded has no time of
    success, so a comparison alone stays silent about it.
    """
    found = [each for each in alerts(inventory) if _reads(each) & set(metric_names)]
    if not found:
        yield Finding(None, "", f"no alert reads {' or '.join(metric_names)}")
    stale: list[Rule] = []
    for alert in found:
        try:
            if _fires_when_stale(alert, metric_names, float(duration.parse(within))):
                stale.append(alert)
        except (UnsupportedError, DurationError) as error:
            yield Unjudged(alert.subject, alert.field("expr"), str(error))
    if found and not stale:
        for alert in found:
            message = f"does not fire for a backup older than {within}"
            yield Finding(alert.subject, alert.field("expr"), message, within, alert.expr)
    for alert in stale:
        names = _reads(alert) & set(metric_names)
        if not any(names & _guarded(each) for each in found):
            message = "stays silent when there never was a backup"
            yield Finding(alert.subject, alert.field("expr"), message, "or absent(…)", alert.expr)


def _fires_when_stale(alert: Rule, names: list[str], limit: float) -> bool:
    """A success at time 0, looked at later; a metric of failures or of age would be read the same way."""
    world = {name: Series(lambda t: 0.0, {}) for name in names}
    wait = str(alert.raw.get("for", "") or "")
    late = fires(alert.expr, wait, world, limit + 2 * HOUR, 10 * STEP)
    return late and not fires(alert.expr, wait, world, limit / 2, 10 * STEP)


def _reads(alert: Rule) -> set[str]:
    try:
        return metrics(alert.expr)
    except UnsupportedError:
        return set()


def _guarded(alert: Rule) -> set[str]:
    try:
        return guarded(alert.expr)
    except UnsupportedError:
        return set()
