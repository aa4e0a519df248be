"""Storage: classes, volumes, claims, and whether data really lies on them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.chart_values import Setting, settings
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.storage import (
    LEGACY_CLASS,
    Claim,
    bound_claim,
    claims,
    claims_of,
    claims_used_by,
    is_claim,
    operator_data_claim,
)

WORKLOADS = ("StatefulSet", "Deployment", "ClickHouseInstallation")
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
def test_claim_class(
    inventory: Inventory,
    *,
    storage_class: str,
    namespaces: Globs,
    workloads: Globs | None = None,
    claims_named: str = "*",
    values: str = "",
    keys: Globs | None = None,
) -> Iterator[Said]:
    """Claims name the storage class themselves, in values files and in the objects rendered from them.

    An absent class is whatever default the cluster has; `""` turns provisioning off; the beta annotation wins over the
    field. The field is immutable. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#class-1
    """
    found = _claims(inventory, namespaces, workloads, claims_named)
    chart = _settings(inventory, values, keys)
    for setting in chart:
        if setting.value != storage_class:
            yield Finding(setting.subject, setting.path, "names another storage class", storage_class, setting.value)
    for claim in found:
        yield from _class_findings(claim, storage_class, inventory)
    if not chart and not found:
        yield NotApplicable("no such claim; its absence is reported by the requirement that persistence is enabled")


def _class_findings(claim: Claim, wanted: str, inventory: Inventory) -> Iterator[Finding]:
    named = claim.spec.get("storageClassName")
    legacy = claim.annotations.get((LEGACY_CLASS,))
    if named is None:
        resolved = claim.storage_class(inventory)
        message = "names no storage class" + (f", which means {resolved}" if resolved is not None else "")
        yield Finding(claim.owner, claim.class_path, message, wanted, resolved)
    elif named != wanted:
        message = "turns dynamic provisioning off" if named == "" else "names another storage class"
        yield Finding(claim.owner, claim.class_path, message, wanted, named)
    elif legacy is not None and legacy != wanted:
        path = (*claim.path, "metadata", "annotations", LEGACY_CLASS)
        yield Finding(claim.owner, path, "the annotation wins over storageClassName", wanted, legacy)
    volumes = inventory.of_kind("PersistentVolume", "")
    volume = next((each for each in volumes if each.name == claim.spec.text("volumeName")), None)
    if volume is not None and volume.text("spec.storageClassName") != wanted:
        message = f"PersistentVolume {volume.name} is of another class"
        yield Finding(claim.owner, (*claim.path, "spec", "volumeName"), message, wanted, volume.name)


@check
def test_claim_access_mode(
    thing: Object, inventory: Inventory, *, storage_class: str, modes: list[str]
) -> Iterator[Said]:
    """Claims on a node-local class ask for access by one node; the API takes ReadWriteMany, the provisioner refuses it.

    `RWO` is how kubectl prints a mode, never how one is written.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
    """
    found = [each for each in claims_of(thing) if each.storage_class(inventory) == storage_class]
    if not found:
        yield NotApplicable(f"no claim on {storage_class}")
    for claim in found:
        observed = [each.raw for each in claim.spec.sequence("accessModes")]
        if len(observed) != 1 or observed[0] not in modes:
            path = (*claim.path, "spec", "accessModes")
            yield Finding(claim.owner, path, "is not the access mode of a node-local volume", modes, observed)


@check
def test_claim_size(
    inventory: Inventory,
    *,
    at_least: Annotated[str, quantity.parse],
    namespaces: Globs,
    workloads: Globs,
    claims_named: str = "*",
    values: str = "",
    keys: Globs | None = None,
) -> Iterator[Said]:
    """Every claim of a component, and the values it is made from, requests enough. `50G` is less than `50Gi`.

    A claim that is missing altogether is reported by the requirement that persistence is enabled.
    """
    found = _claims(inventory, namespaces, workloads, claims_named)
    chart = _settings(inventory, values, keys)
    requests = [(each.subject, each.path, each.value) for each in chart]
    requests += [(each.owner, each.size_path, each.owner.get(each.size_path)) for each in found]
    for subject, path, value in requests:
        try:
            enough = value is not None and quantity.parse(value) >= quantity.parse(at_least)
        except quantity.QuantityError:
            enough = False
        if not enough:
            yield Finding(subject, path, f"requests less than {at_least}", f"at least {at_least}", value)
    if not requests:
        yield NotApplicable("no such claim; its absence is reported by the requirement that persistence is enabled")


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
    chart = _settings(inventory, values, keys)
    for setting in chart:
        if setting.value is not True:
            yield Finding(setting.subject, setting.path, "persistence is not enabled", True, setting.value)
    for setting in _settings(inventory, values, refused, required=False):
        if setting.value is True:
            yield Finding(setting.subject, setting.path, "switches persistence off", False, True)
    rendered = list(_workloads(inventory, namespaces, workloads))
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
    """
    judged = False
    for pattern, path in paths.items():
        for workload in _workloads(inventory, namespaces, [pattern]):
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


@check
def test_claim_retention(workload: Object) -> Iterator[Said]:
    """Claims outlive a StatefulSet that is deleted or scaled down; both fields default to Retain.

    With `whenScaled: Delete`, a recovery that scales to zero deletes what it is about to recover.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
    """
    for name in ("whenDeleted", "whenScaled"):
        path = ("spec", "persistentVolumeClaimRetentionPolicy", name)
        observed = workload.text(path, "Retain")
        if observed != "Retain":
            yield Finding(workload, path, "claims are deleted with the StatefulSet or its pods", "Retain", observed)


def _any(value: str | None, patterns: Globs) -> bool:
    return value is not None and any(fnmatchcase(value, each) for each in patterns)


def _workloads(inventory: Inventory, namespaces: Globs, names: Globs) -> Iterator[Object]:
    match = Match(kinds=WORKLOADS, names=tuple(names), namespaces=tuple(namespaces))
    yield from inventory.select(match)


def _claims(inventory: Inventory, namespaces: Globs, workloads: Globs | None, named: str) -> list[Claim]:
    """Claims of workloads, and those made from their templates (`data-vault-0`); all when no workload is named."""
    if workloads is None:
        return list(claims(inventory, namespaces))
    found = {
        (id(claim.owner), claim.path): claim
        for workload in _workloads(inventory, namespaces, workloads)
        for claim in claims_used_by(workload, inventory)
        if fnmatchcase(claim.name, named)
    }
    for claim in claims(inventory, namespaces):
        if any(fnmatchcase(claim.name, f"{named}-{each}-[0-9]*") for each in workloads):
            found.setdefault((id(claim.owner), claim.path), claim)
    return list(found.values())


def _mounts_claim(pod: PodSpec, named: str) -> bool:
    return any(
        is_claim(mount) and fnmatchcase(mount.text("name"), named)
        for container in pod.containers
        if container.kind == "container"
        for mount in container.mounts
    )


def _settings(inventory: Inventory, values: str, keys: Globs | None, required: bool = True) -> list[Setting]:
    """Effective values of keys that mean the same; the first stands for all when none of them is set."""
    if not values or not keys:
        return []
    found = [setting for key in keys for setting in settings(inventory, values, key)]
    present = [each for each in found if each.value is not None]
    return present or (found[:1] if required else [])


@check
def test_claim_names_class(thing: Object) -> Iterator[Said]:
    """Every claim names a class, or says `""` for none; the default class differs from cluster to cluster.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#class-1
    """
    found = list(claims_of(thing))
    if not found:
        yield NotApplicable("no claims")
    for claim in found:
        if claim.spec.get("storageClassName") is None and claim.annotations.get((LEGACY_CLASS,)) is None:
            yield Finding(claim.owner, claim.class_path, "takes whatever class is the default", "a StorageClass")
