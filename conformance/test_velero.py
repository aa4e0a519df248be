"""Velero Schedules: what they back up, where to, and when. The fields are those of `velero.io/v1`."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path

#: `BackupSpec` of Velero 1.16; `spec.template` of a Schedule is one
_FIELDS = {
    "csiSnapshotTimeout", "datamover", "defaultVolumesToFsBackup", "defaultVolumesToRestic",
    "excludedClusterScopedResources", "excludedNamespaceScopedResources", "excludedNamespaces", "excludedResources",
    "hooks", "includeClusterResources", "includedClusterScopedResources", "includedNamespaceScopedResources",
    "includedNamespaces", "includedResources", "itemOperationTimeout", "labelSelector", "metadata", "orLabelSelectors",
    "orderedResources", "resourcePolicy", "snapshotMoveData", "snapshotVolumes", "storageLocation", "ttl",
    "uploaderConfig", "volumeGroupSnapshotLabelKey", "volumeSnapshotLocations",
}  # fmt: skip
_TEMPLATE = ("spec", "template")
_EXCLUDING = ("excludedResources", "excludedNamespaceScopedResources", "excludedClusterScopedResources")
_NARROWING = ("labelSelector", "orLabelSelectors")
_CHOOSING = ("includedResources", "includedNamespaceScopedResources")


@check
def test_velero_template(schedule: Object) -> Iterator[Said]:
    """What a Schedule says about its backups stands directly in `spec.template`, which is a BackupSpec.

    Below `spec.template.spec` nothing is read: strict validation refuses it, and without that the API server prunes it,
    after which the Schedule backs up every namespace with the defaults of the server.
    https://velero.io/docs/main/api-types/schedule/
    """
    template = schedule.at(_TEMPLATE)
    if not template.mapping():
        yield Finding(schedule, _TEMPLATE, "says nothing about its backups", "the fields of a BackupSpec", template.raw)
    for name in template.mapping():
        if name not in _FIELDS:
            inner = template.get((name,))
            lost = f", and {', '.join(map(str, inner))} with it" if isinstance(inner, dict) and inner else ""
            yield Finding(schedule, (*_TEMPLATE, name), f"is no field of a backup and gets pruned{lost}")


@check
def test_velero_enabled(schedule: Object) -> Iterator[Said]:
    """A Schedule that is paused keeps the phase Enabled and makes no backup; one that is invalid has another phase.

    https://velero.io/docs/main/api-types/schedule/
    """
    if schedule.flag("spec.paused", False):
        yield Finding(schedule, "spec.paused", "a paused Schedule makes no backup", False, True)
    phase = schedule.text("status.phase", "Enabled")
    if phase != "Enabled":
        yield Finding(schedule, "status.phase", "is not in force", "Enabled", phase)


@check
def test_velero_time_zone(schedule: Object, inventory: Inventory) -> Iterator[Said]:
    """The zone of a backup window is said: in the schedule, in `TZ` of the Velero server, or in an annotation.

    The server evaluates a schedule in the zone of its pod, which is UTC unless somebody says otherwise.
    https://velero.io/docs/main/api-types/schedule/
    """
    if schedule.text("spec.schedule").startswith(("CRON_TZ=", "TZ=")):
        return
    noted = any("zone" in name.rpartition("/")[2].replace("timezone", "zone") for name in schedule.annotations)
    if not noted and not any(_has_zone(each, schedule.namespace) for each in inventory.of_kind("Deployment", "apps")):
        message = "fires by the clock of the server's pod, which is UTC unless it is told otherwise"
        yield Finding(schedule, "spec.schedule", message, "CRON_TZ=…", schedule.text("spec.schedule"))


def _has_zone(server: Object, namespace: str | None) -> bool:
    containers = server.sequence("spec.template.spec.containers")
    return server.namespace == namespace and any(
        "velero" in container.text("image") and entry.get("name") == "TZ" and bool(entry.get("value"))
        for container in containers
        for entry in container.sequence("env")
    )


@check
def test_velero_covers(schedule: Object, *, namespaces: list[str]) -> Iterator[Said]:
    """The backups hold the namespaces whole: included, not excluded, and not thinned out by labels or resources.

    No `includedNamespaces`, or `*`, means all of them; an exclusion wins. A list below `spec.template.spec` is pruned.
    https://velero.io/docs/main/api-types/schedule/
    """
    template = schedule.at(_TEMPLATE)
    nested = (*_TEMPLATE, "spec", "includedNamespaces")
    if schedule.get(nested) is not None:
        yield Finding(schedule, nested, "is pruned and includes nothing", "spec.template.includedNamespaces")
    included = template.sequence("includedNamespaces")
    excluded = template.sequence("excludedNamespaces")
    for namespace in namespaces:
        if included and not any(_fits(namespace, each) for each in included):
            path = (*_TEMPLATE, "includedNamespaces")
            yield Finding(schedule, path, f"leaves out {namespace}", namespaces, [each.raw for each in included])
        for each in excluded:
            if _fits(namespace, each):
                yield Finding(schedule, each.path, f"excludes {namespace}", None, each.raw)
    for name in _NARROWING:
        if template.get(name):
            yield Finding(schedule, (*_TEMPLATE, name), "drops every object without these labels", None, "a selector")
    for name in _CHOOSING:
        chosen = [each.raw for each in template.sequence(name)]
        if chosen and "*" not in chosen:
            yield Finding(schedule, (*_TEMPLATE, name), "drops every other kind of object", None, chosen)


def _fits(name: str, pattern: Node) -> bool:
    return isinstance(pattern.raw, str) and fnmatchcase(name, pattern.raw)


@check
def test_velero_exclusions(schedule: Object, *, resources: list[str]) -> Iterator[Said]:
    """Exactly these resources are left out of the backups; any other one is data that no restore brings back.

    https://velero.io/docs/main/api-types/schedule/
    """
    template = schedule.at(_TEMPLATE)
    left_out = [each for name in _EXCLUDING for each in template.sequence(name)]
    for each in left_out:
        if each.raw not in resources:
            yield Finding(schedule, each.path, "no restore brings these back", resources, each.raw)
    for name in resources:
        if name not in [each.raw for each in left_out]:
            yield Finding(schedule, (*_TEMPLATE, "excludedResources"), f"does not exclude {name}", resources)


@check
def test_velero_location(
    schedule: Object,
    inventory: Inventory,
    *,
    kind: Literal["BackupStorageLocation", "VolumeSnapshotLocation"],
    name: str,
) -> Iterator[Said]:
    """Backups go to a location that exists and can be written to, and volumes are really copied there.

    A Schedule without `storageLocation` uses the one that is marked `default`. `snapshotVolumes: false` without a
    backup of the file systems completes, and holds no data.
    https://velero.io/docs/main/api-types/backupstoragelocation/
    """
    storage = kind == "BackupStorageLocation"
    path: Path = (*_TEMPLATE, "storageLocation" if storage else "volumeSnapshotLocations")
    location = inventory.find("velero.io", kind, schedule.namespace, name)
    said = schedule.get(path)
    by_default = storage and said is None and location is not None and location.flag("spec.default", False)
    if not by_default and name not in (said if isinstance(said, list) else [said]):
        yield Finding(schedule, path, f"does not name {kind} {name}", name, said)
    if location is None:
        yield Finding(schedule, path, f"there is no {kind} {name} in namespace {schedule.namespace}", name)
    elif storage:
        yield from _unusable(location)
    if not storage:
        template = schedule.at(_TEMPLATE)
        off = template.flag("snapshotVolumes") is False
        if off and not template.flag("defaultVolumesToFsBackup", False):
            yield Finding(schedule, (*_TEMPLATE, "snapshotVolumes"), "no volume is copied at all", True, False)


def _unusable(location: Object) -> Iterator[Finding]:
    mode, phase = location.text("spec.accessMode", "ReadWrite"), location.text("status.phase", "Available")
    if mode != "ReadWrite":
        yield Finding(location, "spec.accessMode", "takes no new backups", "ReadWrite", mode)
    if phase != "Available":
        yield Finding(location, "status.phase", "cannot be reached", "Available", phase)
