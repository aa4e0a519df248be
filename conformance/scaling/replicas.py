"""How many pods a workload has: between what and what, and who says so.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.workload import (
    PER_NODE,
    REPLICATED,
    is_controlled,
    is_long_running,
    kind_of,
    replicas,
    scaler_bounds,
)


@dataclass(frozen=True, slots=True)
class Range:
    """From how many pods to how many, and the object and fields that say so."""

    least: int
    most: int
    subject: Object
    least_path: Path
    most_path: Path
    why: str


@dataclass(frozen=True, eq=False)
class Workload:
    """A workload with its pods. `range` is None for one pod a node. Compared by identity."""

    owner: Object
    pod: PodSpec
    range: Range | None
    budgets: tuple[Object, ...]
    scalers: tuple[Object, ...]


def workload(owner: Object, inventory: Inventory) -> Workload | None:
    """A workload of long-running pods with what scales and protects it; None for anything else.

    A Deployment that a Rollout takes over by `spec.workloadRef` is left to the Rollout. Raises FieldTypeError.
    """
    known = relations(inventory)
    if kind_of(owner) not in REPLICATED | PER_NODE or is_controlled(owner):
        return None
    pod = known.pods_of(owner)
    if pod is None or not is_long_running(pod) or known.taken_over_by(owner) is not None:
        return None
    scalers = tuple(known.autoscalers_of(owner))
    return Workload(owner, pod, _range(owner, scalers), tuple(known.budgets_of(pod.owner)), scalers)


def workloads(inventory: Inventory) -> Iterator[Workload]:
    """Every workload of long-running pods, in loading order within each kind."""
    kinds = sorted({kind for _, kind in REPLICATED | PER_NODE})
    for kind in kinds:
        for each in inventory.of_kind(kind):
            found = workload(each, inventory)
            if found is not None:
                yield found


def _range(owner: Object, scalers: tuple[Object, ...]) -> Range | None:
    fixed = replicas(owner)
    if fixed is None:
        return None
    own: Path = ("spec", "replicas")
    # An autoscaler leaves a workload alone that was scaled to zero on purpose.
    if (fixed == 0 and owner.get("spec.replicas") is not None) or not scalers:
        said = "" if owner.get("spec.replicas") is not None else ", since nothing else is said"
        return Range(fixed, fixed, owner, own, own, f"{fixed} replicas{said}")
    bounds = [scaler_bounds(each) for each in scalers]
    least = min(range(len(bounds)), key=lambda index: bounds[index][0])
    scaler = scalers[least]
    low, high = bounds[least][0], max(most for _, most in bounds)
    names = ("minReplicas", "maxReplicas")
    if scaler.kind == "ScaledObject":
        names = ("minReplicaCount", "maxReplicaCount")
    why = f"{scaler.kind} {scaler.name} keeps {low} to {high}"
    return Range(low, max(low, high), scaler, ("spec", names[0]), ("spec", names[1]), why)


def replicas_ignored(inventory: Inventory) -> bool:
    """Whether an Argo CD Application of the tree leaves the number of replicas to the cluster."""
    for application in inventory.of_kind("Application", "argoproj.io"):
        for each in application.sequence("spec.ignoreDifferences"):
            said = [*each.sequence("jsonPointers"), *each.sequence("jqPathExpressions")]
            if any("replicas" in str(pointer.raw) for pointer in said):
                return True
    return False
