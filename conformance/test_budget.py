"""Tables of what workloads request in all, held against the sum of what they request."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.choosing import pods_of
from conformance.kube.demand import requested
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.workload import PER_NODE, is_long_running, kind_of


def _sum(pod: PodSpec, resource: str) -> Decimal:
    """What one pod's running containers request; init containers and injected sidecars are no part of it."""
    total = Decimal(0)
    for each in pod.containers:
        amount = requested(each, resource) if each.kind == "container" or each.sidecar else None
        try:
            total += quantity.parse(amount) if amount is not None else 0
        except quantity.QuantityError:
            raise FieldTypeError((*each.path, "resources"), "a quantity", amount) from None
    return total


def _shown(amount: Decimal, resource: str) -> str:
    return f"{int(amount * 1000)}m" if resource == "cpu" else f"{int(amount / 2**20)}Mi"


@check
def test_request_totals(inventory: Inventory, *, table: dict[str, dict[str, Any]]) -> Iterator[Said]:
    """Each row of a table is what the workload requests at its fewest replicas.

    Rows are `Kind/namespace/name` (`A|B` leaves the kind open), each with `cpu` and `memory`. The fewest are
    `minReplicas` of its autoscaler, else `spec.replicas`.
    """
    known = relations(inventory)
    for row, amounts in table.items():
        kinds, namespace, name = row.split("/")
        found = (each for kind in kinds.split("|") for each in inventory.of_kind(kind))
        workload = next((each for each in found if (each.namespace, each.name) == (namespace, name)), None)
        pod = pods_of(workload, inventory) if workload is not None else None
        if workload is None or pod is None:
            yield Finding(None, "", f"no {kinds.replace('|', ' or ')} {namespace}/{name}")
            continue
        count = known.fewest_replicas(workload) or 1
        for resource, wanted in amounts.items():
            observed = count * _sum(pod, resource)
            if observed != quantity.parse(wanted):
                message = f"{count} pods request other {resource} than the table says"
                yield Finding(workload, "spec", message, wanted, _shown(observed, resource))


@check
def test_namespace_total(
    inventory: Inventory, *, namespace: str, pods: int, cpu: str, memory: str, nodes: int = 1, tolerance: int = 2
) -> Iterator[Said]:
    """The row of a namespace is the sum of its long-running workloads at their fewest replicas, within so many percent.

    A DaemonSet counts once for each of `nodes`. Tables print rounded figures, so that a small difference is none.
    """
    found = [(_count(each.owner, inventory, nodes), each) for each in _workloads(inventory, namespace)]
    if not found:
        yield NotApplicable(f"no workload of namespace {namespace} is in these manifests")
        return
    count = sum(each for each, _ in found)
    if count != pods:
        yield Finding(None, "", f"{count} pods run in namespace {namespace}, the table says {pods}")
    for resource, wanted in (("cpu", cpu), ("memory", memory)):
        observed, stated = sum((n * _sum(pod, resource) for n, pod in found), Decimal(0)), quantity.parse(wanted)
        if abs(observed - stated) * 100 > stated * tolerance:
            text = f"namespace {namespace} requests {_shown(observed, resource)} of {resource}, the table says {wanted}"
            yield Finding(None, "", text)


def _workloads(inventory: Inventory, namespace: str) -> list[PodSpec]:
    return [each for each in inventory.pods() if each.owner.namespace == namespace and is_long_running(each)]


def _count(owner: Object, inventory: Inventory, nodes: int) -> int:
    return nodes if kind_of(owner) in PER_NODE else relations(inventory).fewest_replicas(owner) or 0


@check
def test_single_points(inventory: Inventory, *, workloads: list[str]) -> Iterator[Said]:
    """No workload of the path of a request, `namespace/name` globs, has a single pod.

    Whatever restarts it, a drain, a new version or a lost node, is an outage as long as that takes.
    """
    known = relations(inventory)
    found = []
    for pod in inventory.pods():
        owner = pod.owner
        name = f"{owner.namespace}/{owner.name}"
        if is_long_running(pod) and kind_of(owner) not in PER_NODE and any(fnmatchcase(name, e) for e in workloads):
            found.append(owner)
            if (known.fewest_replicas(owner) or 0) < 2:
                field = "spec.replicas" if owner.get("spec.replicas") is not None else "metadata.name"
                yield Finding(owner, field, "is a single point of failure", "at least 2 pods", 1)
    if not found:
        yield NotApplicable("none of these workloads is in these manifests")
