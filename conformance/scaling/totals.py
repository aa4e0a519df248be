"""The sums of what workloads ask for, and what quotas and nodes have for them.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.scaling import rollout
from conformance.scaling.constraints import constraints
from conformance.scaling.nodes import Place
from conformance.scaling.replicas import Workload
from conformance.scaling.requests import Amounts, LimitRanges, amount, pod_requests

#: What an injector adds to a pod, by resource; None for pods that it leaves alone.
Sidecars = Callable[[PodSpec], Mapping[str, str] | None]


def nobody(_: PodSpec) -> None:
    """No pod gets anything added."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a workload asks for: of one pod, and how many pods there are at least, at most, and during a rollout."""

    workload: Workload
    pod: Amounts
    least: int
    most: int
    surge: int

    def at(self, count: int) -> Amounts:
        """The sum over so many pods."""
        return {name: each * count for name, each in self.pod.items()}


def demand(
    workload: Workload,
    inventory: Inventory,
    places: Sequence[Place] = (),
    sidecars: Sidecars = nobody,
    part: str = "requests",
) -> Demand:
    """What a workload asks for; `places` are the nodes, for what runs once on each that takes it.

    Raises FieldTypeError.
    """
    ranges = LimitRanges(inventory, workload.owner)
    one = pod_requests(workload.pod, ranges, sidecars(workload.pod), part)
    if workload.range is None:
        asked = constraints(workload.pod)
        least = most = sum(1 for each in places if not asked.refuses(each))
    else:
        least, most = workload.range.least, workload.range.most
    update = rollout.bounds(workload.owner, most)
    return Demand(workload, one, least, most, update.surge if update is not None else 0)


def total(each: Iterable[Mapping[str, Decimal]]) -> Amounts:
    """The sum, resource by resource."""
    found: Amounts = {}
    for amounts in each:
        for name, value in amounts.items():
            found[name] = found.get(name, Decimal(0)) + value
    return found


def capacity(places: Iterable[Place]) -> Amounts:
    """What the nodes together have for pods; a resource that only some of them name counts for nothing there."""
    return total(each.allocatable for each in places)


@dataclass(frozen=True, slots=True)
class Limit:
    """One `hard` of a ResourceQuota: of which part (requests, limits, or pods) and resource how much there may be."""

    quota: Object
    key: str
    part: str
    resource: str
    hard: Decimal


def quotas(inventory: Inventory, near: Object) -> Iterator[Limit]:
    """The limits on compute resources and pods of an object's namespace.

    `cpu` means `requests.cpu`. Quotas with scopes hold for some pods only: those of other priority classes, or that
    end by themselves, are left out, since these pods run until they are deleted.
    """
    for quota in inventory.of_kind("ResourceQuota", ""):
        if not together(quota, near) or not _concerns_services(quota):
            continue
        for key in quota.mapping("spec.hard"):
            part, _, resource = key.rpartition(".") if key.startswith(("requests.", "limits.")) else ("", "", key)
            if part == "requests" and resource == "storage":
                continue
            if key in ("pods", "count/pods"):
                yield Limit(quota, key, "pods", "pods", amount(quota, ("spec", "hard", key)))
            elif part or key in ("cpu", "memory", "ephemeral-storage"):
                yield Limit(quota, key, part or "requests", resource, amount(quota, ("spec", "hard", key)))


def _concerns_services(quota: Object) -> bool:
    scopes = {str(each.raw) for each in quota.sequence("spec.scopes")}
    scopes |= {each.text("scopeName") for each in quota.sequence("spec.scopeSelector.matchExpressions")}
    return scopes <= {"NotTerminating", "NotBestEffort"}
