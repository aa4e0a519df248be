"""Storage: what happens to volumes whose claim goes, and whether data really lies on a claim."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.chart_values import alternatives, settings
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.storage import bound_claim, claims, data_workloads, is_claim, operator_data_claim

Globs = list[str]


@check
def test_reclaim_policy(
    inventory: Inventory, *, policy: Literal["Retain"], storage_class: str, namespaces: Globs, values: str = ""
) -> Iterator[Said]:
    """The named class, and every other class that a claim of the namespaces resolves to, keeps volumes.

    An absent reclaimPolicy means Delete. The field is immutable: a corrected file does not correct a class that exists.
    Other classes are nobody's business here. `values` is a values file of the local-path-provisioner chart, which may
    stand in for the class. https://kubernetes.io/docs/concepts/storage/storage-classes/#reclaim-policy
    """
    wanted = {storage_class} | {each.storage_class(inventory) for each in claims(inventory, namespaces)}
    found = [each for each in inventory.of_kind("StorageClass", "storage.k8s.io") if each.name in wanted]
    for each in found:
        if each.get("reclaimPolicy", "Delete") != policy:
            yield Finding(
                each, "reclaimPolicy", "data is deleted with the claim", policy, each.get("reclaimPolicy", "Delete")
            )
    charts = settings(inventory, values, "storageClass.reclaimPolicy") if values else []
    for setting in charts:
        if setting.value != policy:
            yield Finding(setting.subject, setting.path, "the chart's default is Delete", policy, setting.value)
    if not charts and not any(each.name == storage_class for each in found):
        yield Finding(None, "", f"no StorageClass {storage_class} is declared")


@check
def test_volume_reclaim_policy(
    volume: Object, inventory: Inventory, *, storage_class: str, namespaces: Globs
) -> Iterator[Said]:
    """A PersistentVolume of the class, or bound to a claim of the namespaces, is kept when its claim goes.

    A volume keeps the policy it was born with, whatever its class says today. One written by hand defaults to Retain.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
    """
    namespace, _ = bound_claim(volume)
    if volume.text("spec.storageClassName") != storage_class and not _any(namespace, namespaces):
        yield NotApplicable("a volume of another class that no protected claim is bound to")
        return
    observed = volume.text("spec.persistentVolumeReclaimPolicy", "Retain")
    if observed != "Retain":
        message = "data is deleted with the claim"
        yield Finding(volume, "spec.persistentVolumeReclaimPolicy", message, "Retain", observed)


@check
def test_persistence_enabled(
    inventory: Inventory,
    *,
    namespaces: Globs,
    workloads: Globs,
    values: str,
    keys: Globs,
    claims_named: str = "*",
    refused: Globs | None = None,
) -> Iterator[Said]:
    """Persistence is switched on in the values, and the rendered workload really mounts a claim.

    Both, because Helm ignores a key that its chart does not know: `enabled: true` may change nothing. The string
    `"false"` is true to a template. `refused` are switches that undo it, such as Vault's dev mode.
    """
    chart = alternatives(inventory, values, keys)
    for setting in chart:
        if setting.value is not True:
            yield Finding(setting.subject, setting.path, "persistence is not enabled", True, setting.value)
    for setting in alternatives(inventory, values, refused, required=False):
        if setting.value is True:
            yield Finding(setting.subject, setting.path, "switches persistence off", False, True)
    rendered = list(data_workloads(inventory, namespaces, workloads))
    for workload in rendered:
        pod = inventory.pod_spec(workload)
        if workload.kind == "ClickHouseInstallation":
            mounted = operator_data_claim(workload)
        else:
            mounted = pod is not None and _mounts_claim(pod, claims_named)
        if not mounted:
            place = pod.path if pod else ("spec",)
            yield Finding(workload, place, "mounts no claim, whatever the values say", "a claim", None)
    if not chart and not rendered:
        yield Finding(None, "", f"neither {values} nor a workload {' or '.join(workloads)} is there")


@check
def test_data_on_claim(inventory: Inventory, *, namespaces: Globs, paths: dict[str, str]) -> Iterator[Said]:
    """What a workload keeps at a path lies on a claim: not on emptyDir, not in the container's own layer.

    `paths` maps names of workloads (globs) to directories; "" means any directory. The longest mount path wins, so a
    claim at /var/lib does not help when an emptyDir is mounted at /var/lib/clickhouse. Judged in the first container,
    which is the program itself by convention, and in every other container that mounts something there.
    https://kubernetes.io/docs/concepts/storage/volumes/
    """
    judged = False
    for pattern, path in paths.items():
        for workload in data_workloads(inventory, namespaces, [pattern]):
            judged = True
            pod = inventory.pod_spec(workload)
            if workload.kind == "ClickHouseInstallation":
                if not operator_data_claim(workload):
                    place = "spec.defaults.templates.dataVolumeClaimTemplate"
                    yield Finding(workload, place, "gives its pods no data claim", "a claim template", None)
            elif pod is not None:
                yield from _off_claim(pod, path)
    if not judged:
        yield NotApplicable("no such workload among the objects")


def _off_claim(pod: PodSpec, path: str) -> Iterator[Finding]:
    if not path:
        if not _mounts_claim(pod, "*"):
            yield Finding(pod.owner, pod.path, "mounts no claim", "a claim", None)
        return
    ordinary = [each for each in pod.containers if each.kind == "container"]
    for index, container in enumerate(ordinary):
        mount = pod.covering_mount(container, path)
        if mount is None and index == 0:
            place = (*container.path, "volumeMounts")
            yield Finding(pod.owner, place, f"{path} lies in the container's own layer", "a claim", None)
        elif mount is not None and not is_claim(mount):
            source = mount.volume.source if mount.volume else "no volume"
            place = mount.volume.path if mount.volume else mount.path
            yield Finding(pod.owner, place, f"{path} lies on {source}", "a claim", source)


def _any(value: str | None, patterns: Globs) -> bool:
    return value is not None and any(fnmatchcase(value, each) for each in patterns)


def _mounts_claim(pod: PodSpec, named: str) -> bool:
    return any(
        is_claim(mount) and fnmatchcase(mount.text("name"), named)
        for container in pod.containers
        if container.kind == "container"
        for mount in container.mounts
    )
