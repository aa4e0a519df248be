"""What really runs and what really was backed up: seen in a cluster alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import parse

_OF_SCHEDULE = "velero.io/schedule-name"


@check
def test_spread_now(inventory: Inventory, *, namespace: str, apps: list[str], nodes: int) -> Iterator[Said]:
    """The ready pods of each application, by its label `app`, run on so many nodes at least.

    Constraints are obeyed when a pod is scheduled and never again: after a node came back, everything may still be on
    the other one. A pod that is on its way out does not count.
    https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#known-limitations
    """
    if not inventory.live:
        yield NotApplicable("only a cluster has pods on nodes")
        return
    for app in apps:
        own = [pod for pod in inventory.of_kind("Pod", "") if pod.namespace == namespace]
        ready = [pod for pod in own if pod.labels.get("app") == app and _is_ready(pod)]
        found = sorted({pod.text("spec.nodeName") for pod in ready})
        if not ready:
            yield Finding(None, "", f"no pod of {app} in namespace {namespace} is ready", f"{nodes} nodes")
        elif len(found) < nodes:
            message = f"the {len(ready)} ready pods of {app} run on {len(found)} nodes"
            yield Finding(ready[-1], "spec.nodeName", message, f"{nodes} nodes", found)


def _is_ready(pod: Object) -> bool:
    if pod.get("metadata.deletionTimestamp") is not None:
        return False
    conditions = pod.sequence("status.conditions")
    return any(each.text("type") == "Ready" and each.text("status") == "True" for each in conditions)


@check
def test_backup_completed(
    schedule: Object, inventory: Inventory, *, within: Annotated[str, duration.parse]
) -> Iterator[Said]:
    """The newest Backup that a Velero Schedule made is complete, without errors, and young enough.

    Backups by hand do not count: they would hide a schedule that no longer runs. One that runs now is left out, unless
    it has been running for longer than the time. Names sort by prefix, so that the start decides which is the newest.
    https://velero.io/docs/main/api-types/backup/
    """
    now = inventory.taken
    if now is None:
        yield NotApplicable("only a cluster has backups, and a time at which it was looked at")
        return
    allowed = timedelta(seconds=float(duration.parse(within)))
    own = [each for each in inventory.of_kind("Backup", "velero.io") if each.labels.get(_OF_SCHEDULE) == schedule.name]
    begun = [(time, each) for each in own if (time := _time(each, "status.startTimestamp")) is not None]
    ended = [(time, each) for time, each in begun if not _is_running(each, now - time, allowed)]
    if not ended:
        yield Finding(schedule, "metadata.name", "it never made a backup", f"one within {within}")
        return
    started, newest = max(ended, key=lambda pair: pair[0])
    phase, errors = newest.text("status.phase"), newest.number("status.errors", 0)
    if phase != "Completed":
        yield Finding(newest, "status.phase", "the newest backup is not complete", "Completed", phase)
    elif errors:
        yield Finding(newest, "status.errors", "the newest backup has errors", 0, errors)
    if now - started > allowed:
        message = f"the newest backup is {now - started} old"
        yield Finding(newest, "status.startTimestamp", message, f"within {within}", started.isoformat())


def _is_running(backup: Object, since: timedelta, allowed: timedelta) -> bool:
    return backup.text("status.phase") in ("New", "InProgress", "Finalizing") and since <= allowed


def _time(thing: Node, field: str) -> datetime | None:
    text = thing.text(field)
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise FieldTypeError(parse(field), "a time", text) from None
