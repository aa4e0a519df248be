"""Horizontal and vertical autoscalers: their targets, their bounds, and who else sets the same field."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import demand
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import Relations, relations
from conformance.kube.workload import REPLICATED, keeps_running


@check
def test_autoscaler_works(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """A HorizontalPodAutoscaler or KEDA ScaledObject has a target, room to scale, metrics it can compute, and nobody
    else sets the replicas.

    A fixed `spec.replicas` in a manifest is set back at every sync, unless the delivering Application ignores that
    field; a live object always has it. Utilisation is a share of the request, so every container needs one; a
    LimitRange of the namespace may fill it in. A missing target is reported only where every workload of the namespace
    can be seen.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    known = relations(inventory)
    yield from _bounds(scaler)
    target = known.target(scaler, "spec.scaleTargetRef")
    if target is None:
        yield from _missing(scaler, "spec.scaleTargetRef", known)
        return
    live = not target.origin.path
    if not live and target.get("spec.replicas") not in (None, 0) and not _replicas_ignored(inventory):
        message = f"fixed replicas fight with {scaler}"
        yield Finding(target, "spec.replicas", message, "no replicas", target.get("spec.replicas"))
    pods = known.pods_of(target)
    if pods is not None and not any(together(each, scaler) for each in inventory.of_kind("LimitRange")):
        yield from _unrequested(scaler, pods)


def _bounds(scaler: Object) -> Iterator[Finding]:
    keda = scaler.kind == "ScaledObject"
    low, high = ("minReplicaCount", "maxReplicaCount") if keda else ("minReplicas", "maxReplicas")
    least, most = scaler.number(f"spec.{low}", 0 if keda else 1), scaler.number(f"spec.{high}", 100 if keda else None)
    if least is not None and most is not None and least >= most:
        message = f"{low} {least} leaves no room below {high} {most}"
        yield Finding(scaler, f"spec.{high}", message, f"more than {least}", most)


def _missing(scaler: Object, field: str, known: Relations) -> Iterator[Said]:
    kind, name = scaler.text(f"{field}.kind", "Deployment"), scaler.text(f"{field}.name")
    kinds = {kind for _, kind in REPLICATED} | {"DaemonSet"}
    if kind not in kinds or known.has_unseen_pods(scaler) or not known.pods_near(scaler):
        return
    message = f"{kind} {name} is not in this namespace"
    yield Finding(scaler, f"{field}.name", message, "an existing workload", name)


def _replicas_ignored(inventory: Inventory) -> bool:
    for application in inventory.of_kind("Application", "argoproj.io"):
        for each in application.sequence("spec.ignoreDifferences"):
            said = [*each.sequence("jsonPointers"), *each.sequence("jqPathExpressions")]
            if any("replicas" in str(pointer.raw) for pointer in said):
                return True
    return False


def _unrequested(scaler: Object, pods: PodSpec) -> Iterator[Finding]:
    running = [each for each in pods.containers if keeps_running(each)]
    for metric in _utilisation(scaler):
        name, only = metric.text("name"), metric.text("container")
        for container in running:
            if (not only or container.name == only) and demand.requested(container, name) is None:
                message = f"{scaler} measures {name} against requests, and container {container.name} has none"
                yield Finding(pods.owner, (*container.path, "resources", "requests"), message, f"a {name} request")


def _utilisation(scaler: Object) -> Iterator[Node]:
    """Resource metrics that are a share of the request; `autoscaling/v1` knows only the one of cpu."""
    if scaler.get("spec.targetCPUUtilizationPercentage") is not None:
        yield Node({"name": "cpu"}, ("spec",))
    for metric in scaler.sequence("spec.metrics"):
        for field in ("resource", "containerResource"):
            each = metric.at(field)
            if each.raw is not None and each.get("target.averageUtilization") is not None:
                yield each


@check
def test_vertical_autoscaler(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """A VerticalPodAutoscaler has a target, and no HorizontalPodAutoscaler scales that target by the same resource.

    `updateMode: Off` only recommends and conflicts with nothing; an absent mode is an active one. Without
    `controlledResources` it sets both cpu and memory.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/
    """
    if scaler.text("spec.updatePolicy.updateMode") == "Off":
        yield NotApplicable("it only recommends")
        return
    known = relations(inventory)
    target = known.target(scaler, "spec.targetRef")
    if target is None:
        yield from _missing(scaler, "spec.targetRef", known)
        return
    controlled = _controlled(scaler)
    for other in known.autoscalers_of(target):
        measured = {metric.text("name") for metric in _utilisation(other)} | _averages(other)
        both = sorted(measured & controlled)
        if both:
            message = f"{other} scales the same workload by {' and '.join(both)}"
            yield Finding(scaler, "spec.targetRef", message, "updateMode Off, or other resources")


def _controlled(scaler: Object) -> set[str]:
    policies = scaler.sequence("spec.resourcePolicy.containerPolicies")
    named = {str(each.raw) for policy in policies for each in policy.sequence("controlledResources")}
    return named or {"cpu", "memory"}


def _averages(scaler: Object) -> set[str]:
    return {
        each.text("resource.name")
        for each in scaler.sequence("spec.metrics")
        if each.get("resource.target.averageValue") is not None
    }
