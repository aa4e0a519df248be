"""What the running Prometheus answers to documented queries."""

from __future__ import annotations

import math
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

NOT_ASKED = "needs --prometheus URL: a Prometheus is asked only when that is said"


@check
def test_prometheus_answer(
    inventory: Inventory,
    *,
    queries: list[str],
    at_least: float | None = None,
    at_most: float | None = None,
    series: int = 1,
) -> Iterator[Said]:
    """Every series of every answer is within the bounds, and there are enough of them.

    An empty answer is no good news: a metric that nobody exports answers nothing, so fewer than `series` is a finding.
    NaN is within no bounds: a ratio over no requests says nothing about them.
    """
    asked = {each.name: each for each in inventory.of_kind("PrometheusAnswer")}
    if inventory.lacks("PrometheusAnswer"):
        yield NotApplicable(NOT_ASKED)
        return
    for query in queries:
        answer = asked.get(query)
        if answer is None:
            yield Finding(None, "", f"{query} was not asked")
        elif answer.text("error"):
            yield Unjudged(answer, "error", f"the query was not answered: {answer.text('error')}")
        else:
            yield from _bounds(answer, at_least, at_most, series)


def _bounds(answer: Object, at_least: float | None, at_most: float | None, series: int) -> Iterator[Finding]:
    found = answer.sequence("series")
    if len(found) < series:
        yield Finding(answer, "series", "too few series: is the metric exported at all?", series, len(found))
    for each in found:
        value = _number(each.text("value"))
        name = ", ".join(f"{key}={label}" for key, label in each.mapping("labels").items()) or "the answer"
        if at_least is not None and not value >= at_least:
            yield Finding(answer, each.at("value").path, f"{name} is too low", f"at least {at_least:g}", f"{value:g}")
        if at_most is not None and not value <= at_most:
            yield Finding(answer, each.at("value").path, f"{name} is too high", f"at most {at_most:g}", f"{value:g}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
