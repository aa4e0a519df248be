"""What documented URLs answer, and how long their certificates hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

NOT_ASKED = "needs --endpoints: URLs are asked only when that is said"


@check
def test_endpoint_answers(
    inventory: Inventory,
    *,
    urls: list[str],
    status: list[int] | None = None,
    within: Annotated[str, duration.parse] = "10s",
    percentile: int = 100,
    certificate_days: int = 0,
) -> Iterator[Said]:
    """URLs answer with one of these statuses (200 by default), fast enough, with a certificate that holds for a while.

    The worst status of several requests counts, redirects are not followed, and `within` is asked of the percentile
    of the times that is named, by the nearest-rank method: of five requests the 95th is the slowest.
    """
    asked = {each.name: each for each in inventory.of_kind("Endpoint")}
    if inventory.lacks("Endpoint"):
        yield NotApplicable(NOT_ASKED)
        return
    for url in urls:
        endpoint = asked.get(url)
        if endpoint is None:
            yield Finding(None, "", f"{url} was not asked")
            continue
        yield from _answer(endpoint, status or [200], within, percentile)
        yield from _certificate(endpoint, certificate_days)


def _answer(endpoint: Object, status: list[int], within: str, percentile: int) -> Iterator[Finding]:
    said = endpoint.number("status")
    if endpoint.text("error"):
        yield Finding(endpoint, "error", f"it does not answer: {endpoint.text('error')}", expected=status)
    elif said not in status:
        yield Finding(endpoint, "status", "it answers with another status", status, said)
    else:
        yield from _late(endpoint, within, percentile)


def _late(endpoint: Object, within: str, percentile: int) -> Iterator[Finding]:
    seconds = sorted(float(each.raw) for each in endpoint.sequence("seconds"))
    if not seconds:
        yield Finding(endpoint, "seconds", "no request was timed")
        return
    took = seconds[max(0, math.ceil(len(seconds) * percentile / 100) - 1)]
    if took > float(duration.parse(within)):
        yield Finding(endpoint, "seconds", f"the {percentile}th percentile is too slow", within, f"{took:g}s")


def _certificate(endpoint: Object, days: int) -> Iterator[Finding]:
    left = endpoint.number("certificate.daysLeft")
    if days and left is None:
        yield Finding(endpoint, "certificate", "it shows no certificate", f"{days} days")
    elif left is not None and left < days:
        yield Finding(endpoint, "certificate.daysLeft", "its certificate ends too soon", f"{days} days", f"{left} days")
