"""What keeps an autoscaler from working: rivals for the same field, and metrics without requests."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.workload import is_controlled
from conformance.scaling import metrics
from conformance.scaling.replicas import replicas_ignored
from conformance.scaling.requests import PROXY, LimitRanges, unrequested


def fixed_replicas(scaler: Object, target: Object, inventory: Inventory) -> Iterator[Finding]:
    """Replicas in a manifest of what an autoscaler scales: they are set back at every sync.

    Not where the delivering Application ignores that field, and not on a live object, which always has it. Zero
    switches the autoscaler off on purpose.
    """
    replicas = target.get("spec.replicas", 0)
    if replicas != 0 and target.origin.path and not replicas_ignored(inventory):
        yield Finding(target, "spec.replicas", f"fixed replicas fight with {scaler}", "no replicas", replicas)


def rivals(scaler: Object, target: Object, inventory: Inventory) -> Iterator[Finding]:
    """Other horizontal autoscalers of a horizontal one's target; for an active vertical one those that measure what it
    sets. Custom metrics disturb no vertical one.
    """
    known = relations(inventory)
    # What KEDA makes of a ScaledObject is that ScaledObject.
    others = [each for each in known.autoscalers_of(target) if each is not scaler and not is_controlled(each)]
    if is_controlled(scaler):
        return
    if scaler.kind != "VerticalPodAutoscaler":
        for other in others:
            message = f"{other} scales {target} too"
            yield Finding(scaler, "spec.scaleTargetRef", message, "one autoscaler for a workload")
    elif metrics.is_active(scaler):
        controlled = metrics.controlled(scaler, known.pods_of(target))
        for other in others:
            both = sorted({each.resource for each in metrics.resource_metrics(other)} & controlled)
            if both:
                message = f"{other} scales {target} by {' and '.join(both)}"
                yield Finding(scaler, "spec.targetRef", message, "updateMode Off, or other resources")


def unmeasurable(scaler: Object, pod: PodSpec, inventory: Inventory) -> Iterator[Finding]:
    """Containers without a request of a resource that a metric measures as a share of it; raises FieldTypeError."""
    ranges = LimitRanges(inventory, pod.owner)
    for metric in metrics.resource_metrics(scaler):
        if not metric.share:
            continue
        # The proxy is not in the manifest where a mesh injects it.
        if metric.container not in ("", PROXY, *(each.name for each in pod.containers)):
            message = f"{pod.owner} has no such container"
            yield Finding(scaler, (*metric.path, "container"), message, observed=metric.container)
        for name, path in unrequested(pod, metric.resource, metric.container, ranges):
            message = f"{scaler} measures {metric.resource} against requests, and container {name} has none"
            yield Finding(pod.owner, path, message, f"a {metric.resource} request")
