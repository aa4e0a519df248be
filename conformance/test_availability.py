"""Replicas and disruption budgets: what survives a drain, and what prevents one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.place import rendering
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import Relations, relations
from conformance.kube.removed import minor, removed_in, written_versions
from conformance.kube.selecting import selector_of
from conformance.kube.workload import REPLICATED, SYSTEM_NAMESPACES, is_long_running, kind_of
from conformance.scaling import budget as budgets

#: Labels by which clouds and Karpenter mark nodes that may be taken back, with the values that say so.
_SPOT_LABELS = {
    "karpenter.sh/capacity-type": {"spot"},
    "eks.amazonaws.com/capacityType": {"SPOT"},
    "cloud.google.com/gke-spot": {"true"},
    "cloud.google.com/gke-preemptible": {"true"},
    "cloud.google.com/gke-provisioning": {"spot", "preemptible"},
    "kubernetes.azure.com/scalesetpriority": {"spot"},
    "node.kubernetes.io/lifecycle": {"spot"},
}


@check
def test_disruption_budget(thing: Object, inventory: Inventory) -> Iterator[Said]:
    """Workloads with two replicas or more have a PodDisruptionBudget, and a budget selects pods.

    The autoscaler's minimum counts where there is one. One replica needs no budget: it could only block the drain.
    DaemonSets need none, because a drain does not evict their pods. In a cluster, what runs in kube-system came with it
    and is left alone. A budget that finds nothing is reported only where
    every pod of the namespace can be seen, not beside operators' resources or charts that were not rendered.
    https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
    """
    known = relations(inventory)
    if thing.kind == "PodDisruptionBudget":
        yield from _selects_something(thing, known)
        return
    if inventory.live and thing.namespace in SYSTEM_NAMESPACES:
        yield NotApplicable("belongs to the system")
        return
    pods = known.pods_of(thing)
    if pods is None or not is_long_running(pods) or kind_of(thing) not in REPLICATED:
        yield NotApplicable("no replicated workload")
        return
    count = known.fewest_replicas(thing) or 0
    if count < 2:
        yield NotApplicable("fewer than two replicas")
    elif not known.budgets_of(pods.owner):
        yield Finding(thing, "spec.replicas", f"{count} replicas without a PodDisruptionBudget", "a budget")


def _selects_something(budget: Object, known: Relations) -> Iterator[Said]:
    if known.selected(budget, selector_of(budget)):
        return
    if known.has_unseen_pods(budget) or not known.pods_near(budget):
        yield NotApplicable("the pods of its namespace are not all here")
    else:
        yield Finding(budget, "spec.selector", "selects no pod of its namespace", "labels of a pod template")


@check
def test_upgrade_possible(
    thing: Object, inventory: Inventory, *, kubernetes: Annotated[str, minor] = "1.34"
) -> Iterator[Said]:
    """Nodes can be drained, and every API version is one that `kubernetes` still serves.

    A budget blocks every drain when it permits no disruption at the smallest number of pods: `maxUnavailable: 0`, or
    `minAvailable` not below the replicas. Percentages round up, so 50% of one pod is one. Pods of DaemonSets and Jobs
    do not count. https://kubernetes.io/docs/tasks/run-application/configure-pdb/

    A live object is always listed in a version that is served: what tells is the version in which its last writers
    wrote it. Templates of charts choose API versions by what a cluster offers, which nothing offline knows, so theirs
    are left to the schema.
    """
    from_chart = rendering(thing) and "/templates/" in thing.origin.path
    for version, place in () if from_chart else written_versions(thing):
        since = removed_in(version, thing.kind, kubernetes)
        if since:
            message = f"{version} {thing.kind} is not served since Kubernetes {since}"
            yield Finding(thing, place, message, observed=version)
    if thing.kind != "PodDisruptionBudget":
        return
    fewest = relations(inventory).fewest_replicas
    counted = budgets.selected(thing, inventory, lambda owner: 1 if (count := fewest(owner)) is None else count)
    yield from _blocks(thing, [each for each in counted if each.scalable])


def _blocks(budget: Object, counted: Sequence[budgets.Counted]) -> Iterator[Finding]:
    """A budget that lets nothing go; where its pods are not here, one that never can."""
    unavailable, available = budget.get("spec.maxUnavailable"), budget.get("spec.minAvailable")
    if unavailable in (0, "0%") and not isinstance(unavailable, bool):
        yield Finding(budget, "spec.maxUnavailable", "no pod may ever be evicted", "at least 1", unavailable)
    elif available == "100%":
        yield Finding(budget, "spec.minAvailable", "every pod must stay", observed=available)
    elif counted and (found := budgets.standing(budget, counted)).expected and not found.allowed:
        message = f"of {found.expected} pods {found.desired} must stay: none may be evicted"
        yield Finding(budget, found.path, message, f"less than {found.expected}", available)


@check
def test_not_on_spot(workload: Object, inventory: Inventory) -> Iterator[Said]:
    """A stateful workload neither asks for spot nodes nor tolerates them.

    The labels are those of Karpenter, EKS, GKE and AKS. A toleration of everything (`operator: Exists` without a key)
    is not taken for one of spot nodes.
    """
    pod = inventory.pod_spec(workload)
    if pod is None:
        yield NotApplicable("no pods")
        return
    for key, value in pod.mapping("nodeSelector").items():
        if isinstance(value, str) and value in _SPOT_LABELS.get(key, ()):
            yield Finding(workload, (*pod.path, "nodeSelector", key), "asks for spot nodes", observed=value)
    for term in _required_terms(pod):
        wanted = {str(each.raw) for each in term.sequence("values")}
        if term.get("operator") == "In" and wanted & _SPOT_LABELS.get(term.text("key"), set()):
            yield Finding(workload, (*term.path, "values"), "asks for spot nodes", observed=term.get("values"))
    for each in pod.sequence("tolerations"):
        values = _SPOT_LABELS.get(each.text("key"), set())
        if values and (each.text("operator") == "Exists" or each.text("value") in values):
            yield Finding(workload, (*each.path, "key"), "tolerates spot nodes", observed=each.text("key"))


def _required_terms(pod: PodSpec) -> Iterator[Node]:
    required = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    for term in pod.sequence(f"{required}.nodeSelectorTerms"):
        yield from term.sequence("matchExpressions")
