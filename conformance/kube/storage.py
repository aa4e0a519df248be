"""Claims, volumes and storage classes as the controllers see them, wherever a manifest may declare them.

https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from conformance.kube import quantity
from conformance.kube.inventory import Inventory, Match
from conformance.kube.mounts import Mount
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path

#: kinds that keep data on claims
DATA_KINDS = ("StatefulSet", "Deployment", "ClickHouseInstallation")
LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
#: where each kind that makes claims for its pods keeps the templates
_TEMPLATES = {
    "StatefulSet": "spec.volumeClaimTemplates",
    "ClickHouseInstallation": "spec.templates.volumeClaimTemplates",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim, or the template from which `count` of them are made.

    `name` is what pods mount it by: the template's name, or the claim's own.
    """

    owner: Object
    path: Path
    name: str
    count: int

    @property
    def spec(self) -> Node:
        """The claim's `spec`."""
        return self.owner.at((*self.path, "spec"))

    @property
    def annotations(self) -> Node:
        """The claim's own annotations, not those of the workload."""
        return self.owner.at((*self.path, "metadata", "annotations"))

    @property
    def class_path(self) -> Path:
        """Where the class stands, or would stand."""
        return (*self.path, "spec", "storageClassName")

    @property
    def size_path(self) -> Path:
        """Where the requested size stands, or would stand."""
        return (*self.path, "spec", "resources", "requests", "storage")

    @property
    def size(self) -> Decimal | None:
        """Requested bytes; None when nothing is requested. Raises FieldTypeError for what is no quantity."""
        value = self.owner.get(self.size_path)
        try:
            return None if value is None else quantity.parse(value)
        except quantity.QuantityError:
            raise FieldTypeError(self.size_path, "a quantity", value) from None

    def storage_class(self, inventory: Inventory) -> str | None:
        """Name of the class that provisions it; "" turns dynamic provisioning off, None means that no class is known.

        The legacy annotation wins over the field. An absent class is the default class, which is known only when the
        inventory holds it; with several defaults the API server takes the newest, which files cannot tell.
        """
        legacy = self.annotations.get((LEGACY_CLASS,))
        if legacy is not None:
            return str(legacy)
        named = self.spec.get("storageClassName")
        if named is not None:
            return str(named)
        defaults = [each.name for each in inventory.of_kind("StorageClass") if is_default(each)]
        return defaults[0] if len(defaults) == 1 else None


def is_default(storage_class: Object) -> bool:
    """Whether claims that name no class get this one; the beta annotation still counts."""
    return any(storage_class.annotations.get(name) == "true" for name in _DEFAULT_CLASS)


def claims_of(thing: Object) -> Iterator[Claim]:
    """The claim that an object is, or those made from its templates, one set for each replica.

    A StatefulSet without `replicas` runs one pod. The Altinity operator makes a set for every shard and replica.
    """
    if thing.kind == "PersistentVolumeClaim" and thing.group == "":
        yield Claim(thing, (), thing.name, 1)
    elif thing.kind in _TEMPLATES:
        count = replicas(thing)
        for template in thing.sequence(_TEMPLATES[thing.kind]):
            name = template.get("metadata.name") if thing.kind == "StatefulSet" else template.get("name")
            yield Claim(thing, template.path, str(name or ""), count)


def replicas(workload: Object) -> int:
    """Pods that a workload declares; the API default is 1."""
    if workload.kind != "ClickHouseInstallation":
        declared = workload.number("spec.replicas", 1)
        return 1 if declared is None else declared
    total = 0
    for cluster in workload.sequence("spec.configuration.clusters"):
        shards, copies = cluster.number("layout.shardsCount", 1), cluster.number("layout.replicasCount", 1)
        total += (shards or 1) * (copies or 1)
    return total or 1


def claims(inventory: Inventory, namespaces: Sequence[str]) -> Iterator[Claim]:
    """Every claim of the given namespaces (globs), templates included."""
    for kind in ("PersistentVolumeClaim", *_TEMPLATES):
        for thing in inventory.of_kind(kind):
            if thing.namespace is not None and any(fnmatchcase(thing.namespace, each) for each in namespaces):
                yield from claims_of(thing)


def claims_used_by(workload: Object, inventory: Inventory) -> Iterator[Claim]:
    """Claims of a workload: from its own templates, and those that its pod template names."""
    if workload.kind in _TEMPLATES:
        yield from claims_of(workload)
    pod = inventory.pod_spec(workload)
    for volume in pod.volumes.values() if pod else ():
        found = inventory.find("", "PersistentVolumeClaim", workload.namespace, volume.claim) if volume.claim else None
        if found is not None:
            yield Claim(found, (), found.name, 1)


def is_claim(mount: Mount | None) -> bool:
    """Whether a mount is of a claim, or of one made from a template; a generic ephemeral volume goes with its pod."""
    volume = mount.volume if mount else None
    return volume is not None and volume.source in ("persistentVolumeClaim", "volumeClaimTemplates")


def operator_data_claim(installation: Object) -> bool:
    """Whether a ClickHouseInstallation gives its pods a claim; the operator mounts it at /var/lib/clickhouse."""
    templates = installation.at("spec.defaults.templates")
    named = templates.get("dataVolumeClaimTemplate") or templates.get("volumeClaimTemplate")
    return any(claim.name == named for claim in claims_of(installation))


def bound_claim(volume: Object) -> tuple[str, str]:
    """Namespace and name of the claim that a PersistentVolume is bound to or kept for; empty when there is none."""
    return volume.text("spec.claimRef.namespace"), volume.text("spec.claimRef.name")


def node_of(volume: Object) -> str:
    """Host name that a node-local PersistentVolume is pinned to; empty when it is not pinned to exactly one."""
    names: list[str] = []
    for term in volume.sequence("spec.nodeAffinity.required.nodeSelectorTerms"):
        for expression in term.sequence("matchExpressions"):
            if expression.get("key") == "kubernetes.io/hostname" and expression.get("operator") == "In":
                names += [str(each.raw) for each in expression.sequence("values")]
    return names[0] if len(names) == 1 else ""


def data_workloads(inventory: Inventory, namespaces: Sequence[str], names: Sequence[str]) -> Iterator[Object]:
    """Workloads of kinds that keep data, by globs over namespace and name."""
    yield from inventory.select(Match(kinds=DATA_KINDS, names=tuple(names), namespaces=tuple(namespaces)))


def claims_for(
    inventory: Inventory, namespaces: Sequence[str], workloads: Sequence[str] | None, named: str
) -> list[Claim]:
    """Claims of workloads, and those made from their templates (`data-vault-0`); all when no workload is named."""
    if workloads is None:
        return list(claims(inventory, namespaces))
    found = {
        (id(claim.owner), claim.path): claim
        for workload in data_workloads(inventory, namespaces, workloads)
        for claim in claims_used_by(workload, inventory)
        if fnmatchcase(claim.name, named)
    }
    for claim in claims(inventory, namespaces):
        if any(fnmatchcase(claim.name, f"{named}-{each}-[0-9]*") for each in workloads):
            found.setdefault((id(claim.owner), claim.path), claim)
    return list(found.values())
