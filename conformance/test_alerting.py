"""Sets of alerts: what is noticed at all, what each of them says, and where it goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Location, Object
from conformance.kube.path import Path
from conformance.kube.relations import relations
from conformance.promql import unit
from conformance.promql.routing import Route, RoutingError, routings
from conformance.promql.rules import Rule, alerts, recordings
from conformance.promql.syntax import read, selectors
from conformance.promql.trial import UnsupportedError

_UNREAD = "the expression is not understood"

Situations = dict[str, list[dict[str, Any]]]


def _situations(given: Situations) -> None:
    for each in given.values():
        unit.cases(each)


def _waits(given: dict[str, str]) -> None:
    for each in given.values():
        duration.parse_prometheus(each)


def _at(rule: Rule, message: str, expected: object, observed: object, *steps: str) -> Finding:
    return Finding(rule.subject, rule.field(*steps), message, expected, observed, location=rule.locate(*steps))


@check
def test_alerts_notice(
    inventory: Inventory,
    *,
    situations: Annotated[Situations, _situations],
    alert: str = "*",
    recorded: bool = False,
) -> Iterator[Said]:
    """For each situation some alert, whatever its expression, does what all cases of the situation say.

    Judged over made-up series, recording rules included, in promtool's notation (see `promql.unit`). With `recorded`
    the alert must read a recording rule, so that the same number can be looked at. `alert` is a glob over the names
    that count. An alert whose expression is not understood notices nothing, and is an error where no other one does.
    https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
    """
    rules = [each for each in alerts(inventory) if fnmatchcase(each.name, alert)]
    others = _as_text([each.raw for each in recordings(inventory)])
    read_by = [(each, _as_text(each.raw), _reads(each.expr, others)) for each in rules]
    for what, given in situations.items():
        told = {name.partition("{")[0] for case in given for name in case["series"]}
        text = _as_text(given)
        wrong: list[tuple[Rule, str]] = []
        for rule, raw, reads in read_by:
            if reads is not None and (
                (reads.metrics and not reads.metrics & told) or (recorded and not reads.recorded)
            ):
                continue
            problem = _problem(raw, others, text)
            if not problem:
                break
            wrong.append((rule, problem))
        else:
            yield _unnoticed(what, wrong, alert != "*")


def _unnoticed(what: str, wrong: list[tuple[Rule, str]], named: bool) -> Said:
    """What is said of a situation that no alert notices: at the alert, where the requirement names it."""
    unread = next((rule for rule, problem in wrong if problem == _UNREAD), None)
    if unread is not None:
        return Unjudged(unread.subject, unread.field("expr"), _UNREAD, unread.locate("expr"))
    if not wrong:
        return Finding(None, "", f"no alert notices: {what}", what)
    rule, problem = next((each for each in wrong if list(selectors(read(each[0].expr)))), wrong[0])
    if named:
        return _at(rule, f"{what}: {problem}", what, rule.expr, "expr")
    return Finding(None, "", f"no alert notices: {what}; {rule.name} {problem}", what)


def _as_text(raw: object) -> str:
    return json.dumps(raw, default=str, sort_keys=True)


class _Nowhere:
    """The origin of what is only tried out."""

    path = ""

    def locate(self, path: Path) -> Location:
        """Nothing to open."""
        return Location("")


_NOWHERE = Document({}, _Nowhere())


@lru_cache(maxsize=8192)
def _problem(alert: str, recorded: str, given: str) -> str:
    """The first thing that an alert does otherwise than the cases say, nothing when it does as they say.

    Of texts, so that one and the same question is worked out once: many requirements ask about the same situations.
    """
    rule = Rule(_NOWHERE, (), json.loads(alert))
    others = [Rule(_NOWHERE, (), raw) for raw in json.loads(recorded)]
    try:
        return next(unit.failures(rule, others, unit.cases(json.loads(given))), "")
    except (UnsupportedError, DurationError):
        return _UNREAD


@dataclass(frozen=True)
class _Reads:
    """The metrics that an alert reads, itself or through recording rules; none for what always or never fires."""

    metrics: frozenset[str]
    recorded: bool

    def concerns(self, told: set[str], recorded: bool) -> bool:
        """Whether the alert can have to do with these metrics."""
        return (self.recorded or not recorded) and (not self.metrics or bool(self.metrics & told))


@lru_cache(maxsize=1024)
def _reads(expr: str, recorded: str) -> _Reads | None:
    """What an expression reads; None for what is no PromQL, which may have been meant for anything."""
    others = [Rule(_NOWHERE, (), raw) for raw in json.loads(recorded)]
    try:
        parsed = read(expr)
        made = unit.recordings_for(parsed, others)
    except UnsupportedError:
        return None
    parts = (parsed, *(each.expr for each in made))
    return _Reads(frozenset(each.name for part in parts for each in selectors(part)), bool(made))


@check
def test_alert_group(inventory: Inventory, *, group: str, names: list[str]) -> Iterator[Said]:
    """A rule group has all the documented alerts, each of them nowhere else, and Prometheus gets the group.

    Rules in a ConfigMap count when a pod of its namespace mounts that ConfigMap; where no pod of the namespace is to be
    seen, nothing is known. An alert that stands in two groups is raised twice.
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    found = [each for each in alerts(inventory) if each.group == group]
    if not found:
        yield Finding(None, "", f"no rule group {group}")
        return
    for name in names:
        own = [each for each in found if each.name == name]
        elsewhere = [each for each in alerts(inventory) if each.name == name and each.group != group]
        if not own:
            yield _at(found[0], f"group {group} has no alert {name}", name, None)
        for other in elsewhere if own else ():
            yield _at(other, f"{name} stands in group {group} too", group, other.group, "alert")
    for subject in {id(each.subject): each.subject for each in found}.values():
        if isinstance(subject, Object) and subject.kind == "ConfigMap" and not _mounted(subject, inventory):
            yield Finding(subject, "metadata.name", "holds rules that no pod mounts", "a volume of Prometheus")


def _mounted(config: Object, inventory: Inventory) -> bool:
    pods = relations(inventory).pods_near(config)
    named = [
        volume.get("configMap.name") or source.get("configMap.name")
        for pod in pods
        for volume in pod.sequence("volumes")
        for source in [volume, *volume.sequence("projected.sources")]
    ]
    return not pods or config.name in named


@check
def test_alert_waits(inventory: Inventory, *, waits: Annotated[dict[str, str], _waits]) -> Iterator[Said]:
    """Each alert waits as long as documented: `120s` and `2m` are the same, an absent `for` is 0.

    An alert that is missing is reported by the requirement that it exists.
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    found = [each for each in alerts(inventory) if each.name in waits]
    if not found:
        yield NotApplicable("no such alert")
    for rule in found:
        wanted = waits[rule.name]
        try:
            seconds = duration.parse_prometheus(rule.wait or "0s")
        except DurationError as error:
            yield _at(rule, str(error), wanted, rule.wait, "for")
            continue
        if seconds != duration.parse_prometheus(wanted):
            yield _at(rule, f"{rule.name} waits for another time", wanted, rule.wait or None, "for")


@check
def test_alert_label_values(
    inventory: Inventory,
    *,
    groups: list[str],
    allowed: dict[str, list[str]],
    documented: dict[str, dict[str, str]] | None = None,
) -> Iterator[Said]:
    """Every alert of the groups (globs) has each label with an allowed value, the documented alerts exactly theirs.

    Letters count: routing compares labels exactly. Rules of others, such as kube-prometheus, use values of their own;
    therefore the groups.
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    found = _in_groups(inventory, groups)
    if not found:
        yield NotApplicable("no alert in these groups")
    for rule in found:
        own = (documented or {}).get(rule.name, {})
        for label, values in allowed.items():
            wanted = [own[label]] if label in own else values
            observed = rule.labels.get(label)
            if observed not in wanted:
                yield _at(rule, f"label {label} of {rule.name} is another one", wanted, observed, "labels", label)


def _in_groups(inventory: Inventory, groups: list[str]) -> list[Rule]:
    return [each for each in alerts(inventory) if any(fnmatchcase(each.group, group) for group in groups)]


@check
def test_alerts_routed(
    inventory: Inventory, *, combinations: list[dict[str, str]], receivers: dict[str, str] | None = None
) -> Iterator[Said]:
    """Every combination of labels ends in a receiver that tells somebody, and not in the one for everything else.

    Routes are taken as Alertmanager takes them: the first child that matches, more of them with `continue`, the node
    itself when no child does; matchers are anchored regular expressions. `receivers` says, as `key=value` of a
    combination, what the name of its receiver must match. A route that is muted all the time is not looked into.
    https://prometheus.io/docs/alerting/latest/configuration/#route
    """
    found = list(routings(inventory))
    if not found:
        yield Finding(None, "", "no configuration of Alertmanager in this tree")
    for each in found:
        if isinstance(each, RoutingError):
            yield Unjudged(each.subject, each.path, str(each))
            continue
        for labels in combinations:
            said = ", ".join(f"{name}={value}" for name, value in labels.items())
            for taken in each.route.taken(labels):
                problem = _undelivered(taken, each.route, each.receivers, labels, receivers or {})
                if problem:
                    yield Finding(each.subject, each.path, f"{said} {problem}", "a receiver of its own", taken.receiver)


def _undelivered(
    taken: Route, root: Route, told: dict[str, bool], labels: dict[str, str], wanted: dict[str, str]
) -> str:
    if taken is root:
        return f"ends in the default receiver {taken.receiver}"
    if taken.receiver not in told:
        return f"ends in the receiver {taken.receiver}, which is not there"
    if not told[taken.receiver]:
        return f"ends in the receiver {taken.receiver}, which tells nobody"
    for text, pattern in wanted.items():
        name, _, value = text.partition("=")
        if labels.get(name) == value and not re.search(pattern, taken.receiver):
            return f"ends in the receiver {taken.receiver}, not one like {pattern}"
    return ""
