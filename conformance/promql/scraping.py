"""How often the Prometheus of a tree scrapes, where the tree says so.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from conformance.kube.duration import DurationError, parse_prometheus
from conformance.kube.inventory import Inventory


def interval(inventory: Inventory) -> float | None:
    """The shortest `scrape_interval` of any Prometheus of the tree, in seconds; None where nothing says.

    The shortest, because only a window that is too short for it is too short for certain.
    """
    found = []
    for text in _written(inventory):
        try:
            found.append(float(parse_prometheus(text)))
        except DurationError:
            continue
    return min(found, default=None)


def _written(inventory: Inventory) -> Iterator[str]:
    for server in inventory.of_kind("Prometheus", "monitoring.coreos.com"):
        yield str(server.get("spec.scrapeInterval", "30s"))
    for document in inventory.documents:
        yield from _global(document.raw)
    for config in inventory.of_kind("ConfigMap", ""):
        for text in config.mapping("data").values():
            if isinstance(text, str) and "scrape_interval" in text and "scrape_configs" in text:
                try:
                    yield from _global(yaml.safe_load(text))
                except (yaml.YAMLError, ValueError):
                    continue


def _global(raw: Any) -> Iterator[str]:
    """A configuration file; Prometheus' own default is one minute."""
    if isinstance(raw, dict) and isinstance(raw.get("scrape_configs"), list):
        settings = raw.get("global")
        yield str(settings.get("scrape_interval", "1m")) if isinstance(settings, dict) else "1m"
        for job in raw["scrape_configs"]:
            if isinstance(job, dict) and "scrape_interval" in job:
                yield str(job["scrape_interval"])
