"""PodDisruptionBudgets as the disruption controller computes them.

https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of
from conformance.kube.workload import REPLICATED, is_controlled, kind_of, scaled


@dataclass(frozen=True, slots=True)
class Standing:
    """What a budget comes to while every pod is healthy: its status fields, and why.

    `broken` says why the controller cannot compute it, and then nothing may be evicted.
    """

    budget: Object
    expected: int
    desired: int
    allowed: int
    why: str
    path: Path
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Pods that a budget selects: how many, and whether something with replicas owns them."""

    owner: Object
    count: int

    @property
    def scalable(self) -> bool:
        """Whether the owner has a scale subresource; DaemonSets and Jobs have none."""
        return kind_of(self.owner) in REPLICATED

    @property
    def bare(self) -> bool:
        """Whether nothing owns the pods."""
        return kind_of(self.owner) == ("", "Pod") and not is_controlled(self.owner)


def standing(budget: Object, selected: Iterable[Counted]) -> Standing:
    """What a budget allows while so many pods are there and healthy. Raises FieldTypeError.

    `minAvailable` as a number asks for that many. A percentage, and `maxUnavailable` in any form, is one of the
    replicas of the owners, rounded up; owners without a scale subresource make that impossible to compute. Pods of
    nobody count as healthy, never as expected. Source: DisruptionController.getExpectedPodCount.
    """
    counted = list(selected)
    healthy = sum(each.count for each in counted)
    unavailable, available = budget.get("spec.maxUnavailable"), budget.get("spec.minAvailable")
    field = "maxUnavailable" if unavailable is not None else "minAvailable"
    path: Path = ("spec", field)
    value = unavailable if unavailable is not None else available
    if value is None:
        return Standing(budget, 0, 0, 0, "it says neither minAvailable nor maxUnavailable", ("spec",))
    if field == "minAvailable" and not isinstance(value, str):
        expected, desired = healthy, scaled(budget, path, 0, up=True) or 0
    else:
        strange = sorted({each.owner.kind for each in counted if not (each.scalable or each.bare)})
        if strange:
            why = f"{field} {value} is a share of replicas, and {' and '.join(strange)} pods that it selects have none"
            return Standing(budget, 0, 0, 0, why, path, why)
        expected = sum(each.count for each in counted if each.scalable)
        share = scaled(budget, path, expected, up=True) or 0
        desired = max(expected - share, 0) if field == "maxUnavailable" else share
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    why = f"{field} {value} of {expected}: {desired} must stay, {allowed} may go"
    return Standing(budget, expected, desired, allowed, why, path)


def selected(budget: Object, inventory: Inventory, count: Callable[[Object], int]) -> list[Counted]:
    """The pods that a budget selects, owner by owner, with so many pods as `count` says.

    In policy/v1 an empty selector means every pod of the namespace, an absent one none.
    """
    pods: list[PodSpec] = relations(inventory).selected(budget, selector_of(budget))
    return [Counted(each.owner, count(each.owner)) for each in pods if not is_controlled(each.owner)]
