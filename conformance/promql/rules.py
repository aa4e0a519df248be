"""Alert rules wherever a tree keeps them: PrometheusRule objects, rule files, ConfigMaps that hold rule files.

https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Node, Object
from conformance.kube.path import Path
from conformance.kube.selector import label_selector

_RULE_KEYS = {"alert", "record"}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule. `path` leads to it; for a rule inside a ConfigMap's text it leads to that text."""

    subject: Document
    path: Path
    raw: Mapping[str, Any]
    inside_text: bool = False

    @property
    def name(self) -> str:
        """What the alert is called."""
        return str(self.raw.get("alert", ""))

    @property
    def expr(self) -> str:
        """The expression; a bare number is text too."""
        return str(self.raw.get("expr", ""))

    def field(self, *steps: str) -> Path:
        """Path of a part of the rule."""
        return self.path if self.inside_text else (*self.path, *steps)


def alerts(inventory: Inventory) -> list[Alert]:
    """Every alerting rule that a Prometheus of this tree could load.

    A PrometheusRule that no Prometheus object of the tree selects is left out; without a Prometheus object in the tree
    nothing is known about selection, and all count.
    """
    found = [
        alert
        for each in inventory.of_kind("PrometheusRule")
        if selected(each, inventory)
        for alert in _groups(each, "spec")
    ]
    for document in inventory.documents:
        found += _bare(document)
    for config in inventory.of_kind("ConfigMap", ""):
        found += _in_text(config)
    return found


def selected(rule: Object, inventory: Inventory) -> bool:
    """Whether some Prometheus of the tree takes the rule: an absent `ruleSelector` takes none, an empty one all."""
    servers = list(inventory.of_kind("Prometheus", "monitoring.coreos.com"))
    return not servers or any(
        each.get("spec.ruleSelector") is not None and label_selector(each.at("spec.ruleSelector")).matches(rule.labels)
        for each in servers
    )


def _groups(document: Document, below: str) -> Iterator[Alert]:
    node = document.at(below) if below else Node(document.raw)
    for group in node.sequence("groups"):
        for rule in group.sequence("rules"):
            if isinstance(rule.raw, dict) and "alert" in rule.raw:
                yield Alert(document, rule.path, rule.raw)


def _bare(document: Document) -> Iterator[Alert]:
    """A rule file, with `groups:` or as the bare list of rules that guides like to print."""
    raw = document.raw
    if isinstance(raw, dict) and isinstance(raw.get("groups"), list):
        yield from _groups(document, "")
    elif isinstance(raw, list):
        for index, rule in enumerate(raw):
            if isinstance(rule, dict) and "alert" in rule and "expr" in rule:
                yield Alert(document, (index,), rule)


def _in_text(config: Object) -> Iterator[Alert]:
    for key, text in config.mapping("data").items():
        if not isinstance(text, str) or "alert:" not in text:
            continue
        try:
            parsed = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            continue
        groups = parsed.get("groups") if isinstance(parsed, dict) else None
        for group in groups if isinstance(groups, list) else []:
            for rule in (group.get("rules") or []) if isinstance(group, dict) else []:
                if isinstance(rule, dict) and "alert" in rule:
                    yield Alert(config, ("data", str(key)), rule, inside_text=True)
