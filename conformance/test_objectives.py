"""Objectives of availability: that somebody measures them, and by what."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.promql.rules import recordings
from conformance.promql.syntax import read, selectors


@check
def test_indicator_recorded(inventory: Inventory, *, metric: str) -> Iterator[Said]:
    """Some recording rule is fed by that metric, which somebody independent of what is measured provides.

    A gateway that is down counts no failed requests, so that an indicator of its own figures is perfect just then; a
    probe from outside is not. https://github.com/prometheus/blackbox_exporter
    """
    found = recordings(inventory)
    for rule in found:
        try:
            if any(each.name == metric for each in selectors(read(rule.expr))):
                return
        except ValueError:
            continue
    names = sorted(rule.name for rule in found)
    yield Finding(None, "", f"no recording rule uses {metric}", metric, names or None)
