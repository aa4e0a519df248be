"""Runs of scheduled work against each other: what must not happen at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.cron import Schedule
from conformance.kube.cron_fields import CronError
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

_START = datetime(2026, 1, 1, tzinfo=UTC)
_WEEKS = timedelta(weeks=4)


@check
def test_schedules_apart(
    inventory: Inventory, *, first: list[str], second: list[str], gap: Annotated[str, duration.parse], zone: str = ""
) -> Iterator[Said]:
    """No run of one schedule starts less than `gap` after a run of the other has started, either way round.

    Both are `Kind/namespace/name`; a CronJob has its zone in `timeZone`, a Velero Schedule in `CRON_TZ=`. One without a
    zone runs by the clock of its controller, which `zone` says where it is known; otherwise it is compared as UTC.
    Instants are compared over four weeks, not texts: 02:00 in Seoul is 17:00 UTC of the day before.
    https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones
    """
    pairs = [(a, b) for a in _objects(inventory, first) for b in _objects(inventory, second)]
    if not pairs:
        yield NotApplicable("one of the two is not scheduled here")
    least = timedelta(seconds=float(duration.parse(gap)))
    for one, other in pairs:
        try:
            runs, others = _runs(one, zone), _runs(other, zone)
        except CronError as error:
            yield Finding(one, "spec.schedule", f"cannot be compared with {other}: {error}", "a schedule")
            continue
        meeting = next((a for a in runs if any(abs(a - b) < least for b in others)), None)
        if meeting is not None:
            message = f"runs within {gap} of {other}, for one at {meeting:%Y-%m-%d %H:%M} UTC"
            yield Finding(one, "spec.schedule", message, f"{gap} apart", one.text("spec.schedule"))


def _objects(inventory: Inventory, names: list[str]) -> list[Object]:
    wanted = [each.split("/") for each in names]
    return [
        thing
        for kind, namespace, name in wanted
        for thing in inventory.by_kind.get(kind, ())
        if thing.namespace == namespace and thing.name == name
    ]


def _runs(thing: Object, zone: str) -> list[datetime]:
    schedule = Schedule.parse(thing.text("spec.schedule"), thing.text("spec.timeZone") or zone or None)
    return list(takewhile(lambda moment: moment < _START + _WEEKS, schedule.fires(_START)))
