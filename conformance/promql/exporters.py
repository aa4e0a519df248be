"""What is known of the metrics of common exporters: whose they are, counters or gauges, their labels.

The knowledge itself is data, `exporters.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.promql.syntax import Selector

# A name that ends in `_count` may be of anything that is counted; only those of histograms and summaries are counters.
_COUNTER = re.compile(r"(?:_total|_bucket|_(?:seconds|bytes|duration|size|latency)_(?:count|sum))\Z")
_GAUGE = ("_ratio", "_percent", "_celsius", "_info", "_timestamp_seconds", "_timestamp", "_created")


@dataclass(frozen=True)
class Exporter:
    """One exporter and the metrics that are its own."""

    name: str
    prefixes: tuple[str, ...]
    image: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    #: provided by every node of a cluster
    kubelet: bool = False
    absent: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    #: metrics that are 0 or 1
    flags: tuple[str, ...] = ()
    #: metrics that every target has, with that target's own `job`
    every_target: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: (part, whole): metrics of which the first is a share of the second
    shares: tuple[tuple[str, str], ...] = ()

    def owns(self, metric: str) -> bool:
        """Whether a name is one of this exporter's."""
        return _any(metric, self.prefixes)

    def lacks(self, selector: Selector) -> str:
        """What it is known not to have: the metric, or a label that is asked for; empty when nothing is known."""
        for pattern in self.absent:
            name, brace, label = pattern.rstrip("}").partition("{")
            if fnmatchcase(selector.name, name) and (not brace or any(m.label == label for m in selector.matchers)):
                return f"label {label}" if brace else selector.name
        return ""


@cache
def exporters() -> Mapping[str, Exporter]:
    """Every exporter that is known, by name."""
    text = resources.files("conformance.promql").joinpath("exporters.yaml").read_text(encoding="utf-8")
    return {name: _exporter(name, raw) for name, raw in yaml.safe_load(text).items()}


def _exporter(name: str, raw: Mapping[str, Any]) -> Exporter:
    plain = {key: tuple(value) for key, value in raw.items() if isinstance(value, list) and key != "shares"}
    labels = {metric: tuple(each) for metric, each in raw.get("labels", {}).items()}
    shares = tuple((part, whole) for part, whole in raw.get("shares", ()))
    return Exporter(name, **plain, kubelet=raw.get("kubelet", False), labels=labels, shares=shares)


@lru_cache(maxsize=4096)
def owner(metric: str) -> Exporter | None:
    """The exporter that a metric's name belongs to; the longest pattern decides. None where nobody is known."""
    found = [
        (len(pattern), each.name)
        for each in exporters().values()
        for pattern in each.prefixes
        if fnmatchcase(metric, pattern)
    ]
    return exporters()[max(found)[1]] if found else None


def is_counter(metric: str) -> bool:
    """Whether a metric surely counts up: by what is known of it, else by its name's ending."""
    known = owner(metric)
    if known is not None and _any(metric, known.counters):
        return True
    if known is not None and _any(metric, known.gauges):
        return False
    return _COUNTER.search(metric) is not None and ":" not in metric


def is_gauge(metric: str) -> bool:
    """Whether a metric surely goes up and down."""
    known = owner(metric)
    named = known is not None and (_any(metric, known.gauges) or _any(metric, known.flags))
    return ":" not in metric and (named or metric.endswith(_GAUGE)) and not is_counter(metric)


def is_flag(metric: str) -> bool:
    """Whether a metric is 0 or 1."""
    known = owner(metric)
    return known is not None and _any(metric, known.flags)


def is_everywhere(metric: str) -> bool:
    """Whether every target has a metric, so that its labels say nothing about the exporter."""
    known = owner(metric)
    return known is not None and _any(metric, known.every_target)


def labels(metric: str) -> frozenset[str] | None:
    """The labels of a metric beside those of its target; None where they are not known."""
    known = owner(metric)
    for pattern, found in known.labels.items() if known is not None else ():
        if fnmatchcase(metric, pattern):
            return frozenset(found)
    return None


def is_share(part: str, whole: str) -> bool:
    """Whether a metric is a part of another, so that their ratio is between 0 and 1."""
    known = owner(part)
    return known is not None and (part, whole) in known.shares


def present(inventory: Inventory) -> Iterator[str]:
    """Exporters that a tree runs, by images and names; those of the kubelet wherever there are workloads."""
    images = {
        image.partition("@")[0].rpartition(":")[0] or image
        for pod in inventory.pods()
        for container in pod.containers
        if (image := container.text("image"))
    }
    names = {each.name for each in (inventory.carriers() if inventory.live else inventory.objects)}
    for each in exporters().values():
        by_image = any(fnmatchcase(f"/{image}", pattern) for image in images for pattern in each.image)
        by_name = any(word in name for name in names for word in each.component)
        if by_image or by_name or (each.kubelet and images):
            yield each.name


def _any(metric: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(metric, pattern) for pattern in patterns)
