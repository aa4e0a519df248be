"""Alertmanager's routing tree: which receiver an alert ends in.

https://prometheus.io/docs/alerting/latest/configuration/#route
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Object
from conformance.kube.path import Path

_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^,"{}]*?))\s*(?:,|\Z)')


class RoutingError(ValueError):
    """A configuration that cannot be read, and where it stands."""

    def __init__(self, subject: Document, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.subject, self.path = subject, path


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; an absent label is an empty one."""

    label: str
    op: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; regular expressions are anchored."""
        value = labels.get(self.label, "")
        held = re.fullmatch(self.value, value) is not None if "~" in self.op else value == self.value
        return held is not self.op.startswith("!")


@dataclass(frozen=True)
class Route:
    """A node of the tree, with the receiver that it inherits where it names none."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = field(default_factory=tuple)

    def taken(self, labels: Mapping[str, str]) -> list[Route]:
        """The nodes at which an alert that got here ends: the matching children, else this node."""
        found: list[Route] = []
        for child in self.routes:
            if all(each.holds(labels) for each in child.matchers):
                found += child.taken(labels)
                if not child.goes_on:
                    break
        return found or [self]


@dataclass(frozen=True)
class Routing:
    """A configuration: its tree, and for each receiver whether it has anything that tells somebody."""

    subject: Document
    path: Path
    route: Route
    receivers: dict[str, bool]


def routings(inventory: Inventory) -> Iterator[Routing | RoutingError]:
    """Every configuration of Alertmanager: files, and texts of ConfigMaps and of readable Secrets."""
    for document in inventory.documents:
        if _is_configuration(document.raw):
            yield _read(document, (), document.raw)
    for kind, part in (("ConfigMap", "data"), ("Secret", "stringData")):
        for each in inventory.of_kind(kind, ""):
            yield from _in_texts(each, part)


def _in_texts(holder: Object, part: str) -> Iterator[Routing | RoutingError]:
    for key, text in holder.mapping(part).items():
        if not isinstance(text, str) or "receivers:" not in text or "route:" not in text:
            continue
        path = (part, str(key))
        try:
            raw = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:
            yield RoutingError(holder, path, f"is no YAML: {str(error).splitlines()[0]}")
            continue
        if _is_configuration(raw):
            yield _read(holder, path, raw)


def _is_configuration(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("route"), dict) and isinstance(raw.get("receivers"), list)


def _read(subject: Document, path: Path, raw: dict[str, Any]) -> Routing | RoutingError:
    try:
        route = _route(raw["route"], "")
    except (ValueError, TypeError, AttributeError, re.error) as error:
        return RoutingError(subject, path, f"has a route that cannot be read: {error}")
    told = {
        str(each.get("name")): any(str(key).endswith("_configs") and value for key, value in each.items())
        for each in raw["receivers"]
        if isinstance(each, dict)
    }
    return Routing(subject, path, route, told)


def _route(raw: dict[str, Any], inherited: str) -> Route:
    receiver = str(raw.get("receiver") or inherited)
    matchers = [each for text in raw.get("matchers") or () for each in _matchers(str(text))]
    matchers += [Matcher(str(k), "=", str(v)) for k, v in (raw.get("match") or {}).items()]
    matchers += [Matcher(str(k), "=~", str(v)) for k, v in (raw.get("match_re") or {}).items()]
    for each in matchers:
        re.compile(each.value if "~" in each.op else "")
    children = tuple(_route(each, receiver) for each in raw.get("routes") or ())
    return Route(receiver, tuple(matchers), raw.get("continue") is True, children)


def _matchers(text: str) -> Iterator[Matcher]:
    """The matchers of one text: `severity="critical"`, or several in braces."""
    inner = text.strip().removeprefix("{").removesuffix("}")
    at = 0
    while at < len(inner):
        found = _MATCHER.match(inner, at)
        if found is None or found.end() == at:
            raise ValueError(f"{text!r} is no matcher")
        label, op, quoted, bare = found.groups()
        yield Matcher(label, op, re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare)
        at = found.end()
