"""Claims for storage: their class, their size, how they are accessed, what outlives their workload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.chart_values import alternatives
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.storage import LEGACY_CLASS, Claim, claims_for, claims_of

Globs = list[str]


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
    found = claims_for(inventory, namespaces, workloads, claims_named)
    chart = alternatives(inventory, values, keys)
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
    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    found = claims_for(inventory, namespaces, workloads, claims_named)
    chart = alternatives(inventory, values, keys)
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
