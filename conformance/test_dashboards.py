"""Grafana dashboards in Git: that they are there, and that their expressions say what the alerts say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document
from conformance.kube.path import Path
from conformance.promql.syntax import Aggregate, Binary, Call, Expr, Selector, read, selectors, walk
from conformance.promql.trial import UnsupportedError

_DURATION = re.compile(r"\[\s*(?:\$\{?\w+(?::\w+)?\}?|\[\[\w+\]\])\s*\]")
_VARIABLE = re.compile(r"\$\{\w+(?::\w+)?\}|\$\w+|\[\[\w+\]\]")


@dataclass(frozen=True)
class _Dashboard:
    subject: Document
    path: Path
    #: None for a text that is no JSON
    raw: dict[str, Any] | None
    title: str


def _dashboards(inventory: Inventory) -> Iterator[_Dashboard]:
    """Dashboards as files or as texts of ConfigMaps, bare or wrapped in `dashboard`, as the API of Grafana has it."""
    for document in inventory.documents:
        model = _model(document.raw)
        if model is not None:
            yield _Dashboard(document, (), model, str(model.get("title", "")))
    for config in inventory.of_kind("ConfigMap", ""):
        for key, text in config.mapping("data").items():
            if not isinstance(text, str) or '"panels"' not in text:
                continue
            try:
                model = _model(json.loads(text))
            except ValueError:
                titles = re.findall(r'"title"\s*:\s*"([^"]*)"', text)
                yield _Dashboard(config, ("data", str(key)), None, titles[0] if titles else "")
                continue
            if model is not None:
                yield _Dashboard(config, ("data", str(key)), model, str(model.get("title", "")))


def _model(raw: Any) -> dict[str, Any] | None:
    if isinstance(raw, dict) and isinstance(raw.get("dashboard"), dict):
        raw = raw["dashboard"]
    return raw if isinstance(raw, dict) and isinstance(raw.get("panels"), list) and "title" in raw else None


def _panels(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Panels, those inside of collapsed rows too."""
    panels = model.get("panels")
    for panel in panels if isinstance(panels, list) else ():
        if isinstance(panel, dict):
            yield panel
            yield from _panels(panel)


def _targets(panel: dict[str, Any]) -> list[str]:
    targets = panel.get("targets")
    found = targets if isinstance(targets, list) else []
    return [str(each["expr"]) for each in found if isinstance(each, dict) and each.get("expr")]


@check
def test_dashboard(
    inventory: Inventory, *, title: str, panels: dict[str, list[str]], quantiles: list[float] | None = None
) -> Iterator[Said]:
    """A dashboard of that title has the documented panels, and each of them shows the documented metrics.

    `panels` are titles with the metrics that their expressions read (globs), all of them; the type of a panel means
    nothing, since Grafana migrates old ones. `quantiles` are asked for anywhere in the dashboard. What only looks like
    JSON, with comments in it for one, Grafana does not load.
    """
    found = [each for each in _dashboards(inventory) if each.title == title]
    if not found:
        yield Finding(None, "", f"no dashboard {title}", title)
    for each in found:
        if each.raw is None:
            yield Finding(each.subject, each.path, "is not valid JSON", title)
            continue
        by_title = {str(panel.get("title")): _targets(panel) for panel in _panels(each.raw)}
        for name, metrics in panels.items():
            shown = {metric for expr in by_title.get(name, []) for metric in _metrics(expr)}
            if name not in by_title:
                yield Finding(each.subject, each.path, f"has no panel {name}", name, sorted(by_title))
            for metric in metrics if name in by_title else ():
                if not any(fnmatchcase(one, metric) for one in shown):
                    yield Finding(each.subject, each.path, f"panel {name} shows no {metric}", metric, sorted(shown))
        asked = {q for exprs in by_title.values() for expr in exprs for q in _quantiles(expr)}
        for quantile in quantiles or ():
            if quantile not in asked:
                yield Finding(each.subject, each.path, f"shows no quantile {quantile}", quantile, sorted(asked))


def _parsed(expr: str) -> Expr:
    """An expression with the variables of the dashboard filled in: a range by 5m, anything else by a word."""
    return read(_VARIABLE.sub("x", _DURATION.sub("[5m]", expr)))


def _metrics(expr: str) -> set[str]:
    try:
        return {each.name for each in selectors(_parsed(expr))}
    except UnsupportedError:
        return set()


def _quantiles(expr: str) -> Iterator[float]:
    try:
        parts = list(walk(_parsed(expr)))
    except UnsupportedError:
        return
    for each in parts:
        if isinstance(each, Call) and each.name == "histogram_quantile":
            yield getattr(each.args[0], "value", float("nan"))


@check
def test_dashboard_expressions(inventory: Inventory, *, titles: list[str]) -> Iterator[Said]:
    """Every expression of the dashboards (globs over titles) is PromQL, and none of the common mistakes.

    These are: a quantile or a heatmap over buckets that are not summed by `le`, which is one for each replica; and the
    division of a metric by itself where only one side is restricted, without summing, which pairs every failed request
    with itself and is always 1.
    """
    found = [each for each in _dashboards(inventory) if any(fnmatchcase(each.title, title) for title in titles)]
    if not found:
        yield NotApplicable("no such dashboard")
    for each in found:
        for panel in _panels(each.raw or {}):
            for expr in _targets(panel):
                problem = _mistake(expr, panel.get("type") == "heatmap")
                if problem:
                    message = f"panel {panel.get('title')}: {problem}"
                    yield Finding(each.subject, each.path, message, None, expr)


def _mistake(expr: str, heatmap: bool) -> str:
    try:
        parsed = _parsed(expr)
    except UnsupportedError as error:
        return str(error)
    for each in walk(parsed):
        if isinstance(each, Call) and each.name == "histogram_quantile" and not _by_bound(each.args[-1]):
            return "the quantile is computed for each series, not over sum by (le)"
        if isinstance(each, Binary) and each.op == "/" and not each.matching.on and _divides_itself(each):
            return "each series is divided by itself: the ratio is always 1"
    if heatmap and any(each.name.endswith("_bucket") for each in selectors(parsed)) and not _by_bound(parsed):
        return "the buckets of every replica are shown, not their sum by (le)"
    return ""


def _by_bound(expr: Expr) -> bool:
    """Whether buckets are aggregated with `le` kept; what a recording rule made is taken to be."""
    if any(isinstance(each, Aggregate) and ("le" in each.labels) is not each.without for each in walk(expr)):
        return True
    return all(":" in each.name for each in selectors(expr))


def _divides_itself(division: Binary) -> bool:
    if any(isinstance(each, Aggregate) for side in (division.left, division.right) for each in walk(side)):
        return False
    left, right = _only(division.left), _only(division.right)
    return left is not None and right is not None and left.name == right.name and left.matchers != right.matchers


def _only(expr: Expr) -> Selector | None:
    found = list(selectors(expr))
    return found[0] if len(found) == 1 else None
