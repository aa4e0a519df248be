"""Rules wherever a tree keeps them: PrometheusRule and VMRule objects, rule files, ConfigMaps, values of charts.

https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import yaml

from conformance.kube import literal
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, FieldTypeError, Location, Node, Object
from conformance.kube.path import Path
from conformance.kube.selector import label_selector

_RULE_KEYS = {"alert", "record"}
#: values files and rule files are not nested deeper
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `path` leads to it; for a rule inside a text (of a ConfigMap) it leads to that text, `inside` on."""

    subject: Document
    path: Path
    raw: Mapping[str, Any]
    #: path inside the text, empty for a rule that is part of the document itself
    inside: Path = ()
    #: name of the group and its `interval`, empty when it has none
    group: str = ""
    interval: str = ""

    @property
    def is_alert(self) -> bool:
        """Whether it is an alerting rule; the others record."""
        return "alert" in self.raw

    @property
    def name(self) -> str:
        """What the alert, or the recorded series, is called."""
        return str(self.raw.get("alert" if self.is_alert else "record", ""))

    @property
    def expr(self) -> str:
        """The expression; a bare number is text too."""
        written = self.raw.get("expr")
        return "" if written is None else str(written)

    @property
    def wait(self) -> str:
        """`for`, empty when there is none."""
        return str(self.raw.get("for", "") or "")

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels that the rule sets; empty for what is no mapping."""
        return _texts(self.raw.get("labels"))

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of an alert."""
        return _texts(self.raw.get("annotations"))

    def field(self, *steps: str) -> Path:
        """Path of a part of the rule."""
        return self.path if self.inside else (*self.path, *steps)

    def locate(self, *steps: str) -> Location | None:
        """Where a part of the rule stands, inside of a text too; None where only `field` tells."""
        if not self.inside:
            return None
        return _inside(self.subject, self.path, (*self.inside, *steps))


@dataclass(frozen=True, slots=True)
class Unread:
    """A text that looks like rules and cannot be read, such as a template that was not rendered."""

    subject: Document
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything in a tree that Prometheus could load as rules."""

    rules: tuple[Rule, ...]
    unread: tuple[Unread, ...]


_FOUND: WeakKeyDictionary[Inventory, Found] = WeakKeyDictionary()


def find(inventory: Inventory) -> Found:
    """Every rule of a tree, in loading order, and what looks like one and cannot be read.

    A PrometheusRule that no Prometheus object of the tree selects is left out; without a Prometheus object in the tree
    nothing is known about selection, and all count.
    """
    if inventory not in _FOUND:
        said = list(_all(inventory))
        rules = tuple(each for each in said if isinstance(each, Rule))
        _FOUND[inventory] = Found(rules, tuple(each for each in said if isinstance(each, Unread)))
    return _FOUND[inventory]


def alerts(inventory: Inventory) -> list[Rule]:
    """Every alerting rule that a Prometheus of this tree could load."""
    return [each for each in find(inventory).rules if each.is_alert]


def recordings(inventory: Inventory) -> list[Rule]:
    """Every recording rule that a Prometheus of this tree could load."""
    return [each for each in find(inventory).rules if not each.is_alert]


def selected(rule: Object, inventory: Inventory) -> bool:
    """Whether some Prometheus of the tree takes the rule: an absent `ruleSelector` takes none, an empty one all."""
    servers = list(inventory.of_kind("Prometheus", "monitoring.coreos.com"))
    return not servers or any(
        each.get("spec.ruleSelector") is not None and label_selector(each.at("spec.ruleSelector")).matches(rule.labels)
        for each in servers
    )


def _all(inventory: Inventory) -> Iterator[Rule | Unread]:
    for kind in ("PrometheusRule", "VMRule"):
        for each in inventory.of_kind(kind):
            yield from _readable(each, _of_object(each, inventory))
    for document in inventory.documents:
        yield from _readable(document, _bare(document))
    for config in inventory.of_kind("ConfigMap", ""):
        yield from _readable(config, _of_config(config))


def _readable(document: Document, rules: Iterator[Rule | Unread]) -> list[Rule | Unread]:
    """The rules of one document; a field of a wrong type costs those of no other."""
    try:
        return list(rules)
    except FieldTypeError as error:
        return [Unread(document, error.path, str(error))]


def _of_object(rule: Object, inventory: Inventory) -> Iterator[Rule | Unread]:
    if rule.kind == "VMRule" or selected(rule, inventory):
        yield from _groups(rule, rule.at("spec"))


def _of_config(config: Object) -> Iterator[Rule | Unread]:
    for key, text in config.mapping("data").items():
        if isinstance(text, str):
            yield from _in_text(config, ("data", str(key)), text)


def _groups(document: Document, below: Node) -> Iterator[Rule]:
    for group in below.sequence("groups"):
        yield from _rules(document, group)


def _rules(document: Document, group: Node, path: Path = (), inside: bool = False) -> Iterator[Rule]:
    if not isinstance(group.raw, dict):
        raise FieldTypeError(group.path, "a mapping", group.raw)
    name, interval = str(group.raw.get("name", "")), str(group.raw.get("interval", "") or "")
    for rule in group.sequence("rules"):
        if isinstance(rule.raw, dict) and _RULE_KEYS & rule.raw.keys():
            where = (path, rule.path) if inside else (rule.path, ())
            yield Rule(document, where[0], rule.raw, where[1], name, interval)


def _bare(document: Document) -> Iterator[Rule | Unread]:
    """A rule file, the bare list of rules that guides like to print, or rules somewhere in values of a chart."""
    raw = document.raw
    if isinstance(raw, list):
        for index, rule in enumerate(raw):
            if isinstance(rule, dict) and _RULE_KEYS & rule.keys() and "expr" in rule:
                yield Rule(document, (index,), rule)
    elif isinstance(raw, dict):
        yield from _nested(document, Node(raw), 0)


def _nested(document: Document, node: Node, depth: int) -> Iterator[Rule | Unread]:
    if depth > _DEEPEST:
        return
    if isinstance(node.raw, str):
        yield from _in_text(document, node.path, node.raw)
    elif isinstance(node.raw, list):
        for index, each in enumerate(node.raw):
            yield from _nested(document, Node(each, (*node.path, index)), depth + 1)
    elif isinstance(node.raw, dict):
        groups = node.raw.get("groups")
        if _is_groups(groups):
            for group in node.sequence("groups"):
                if isinstance(group.raw, dict) and isinstance(group.raw.get("rules"), list):
                    yield from _rules(document, group)
            return
        for key, each in node.raw.items():
            if isinstance(each, dict | list | str):
                yield from _nested(document, Node(each, (*node.path, key)), depth + 1)


def _is_groups(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(rule, dict) and _RULE_KEYS & rule.keys() and "expr" in rule
        for group in value
        if isinstance(group, dict) and isinstance(group.get("rules"), list)
        for rule in group["rules"]
    )


def _in_text(subject: Document, path: Path, text: str) -> Iterator[Rule | Unread]:
    if "groups:" not in text or "expr:" not in text or not ("alert:" in text or "record:" in text):
        return
    try:
        parsed = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        yield Unread(subject, path, f"rules that are no YAML: {str(error).splitlines()[0]}")
        return
    if not isinstance(parsed, dict) or not _is_groups(parsed.get("groups")):
        return
    try:
        for group in Node(parsed).sequence("groups"):
            yield from _rules(subject, group, path, inside=True)
    except FieldTypeError as error:
        yield Unread(subject, path, str(error))


def _texts(value: Any) -> Mapping[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def _inside(subject: Document, path: Path, inside: Path) -> Location | None:
    text = Node(subject.raw).get(path)
    return literal.locate(subject, path, _line(text, inside)) if isinstance(text, str) else None


def _line(text: str, path: Path) -> int:
    """The line of a text, from 1, on which a field or its nearest present parent stands; for a key, the key's."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    line: int = node.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line
    return line + 1
