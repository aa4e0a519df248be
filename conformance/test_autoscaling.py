"""Horizontal and vertical autoscalers: their targets, their bounds, and who else sets the same field."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.relations import Relations, relations
from conformance.kube.workload import REPLICATED
from conformance.scaling.conflicts import fixed_replicas, rivals, unmeasurable
from conformance.scaling.metrics import is_active


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
    yield from fixed_replicas(scaler, target, inventory)
    pods = known.pods_of(target)
    if pods is not None:
        yield from unmeasurable(scaler, pods, inventory)


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


@check
def test_vertical_autoscaler(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """A VerticalPodAutoscaler has a target, and no HorizontalPodAutoscaler scales that target by the same resource.

    `updateMode: Off` only recommends and conflicts with nothing; an absent mode is an active one. Without
    `controlledResources` it sets both cpu and memory.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/
    """
    if not is_active(scaler):
        yield NotApplicable("it only recommends")
        return
    known = relations(inventory)
    target = known.target(scaler, "spec.targetRef")
    if target is None:
        yield from _missing(scaler, "spec.targetRef", known)
        return
    yield from rivals(scaler, target, inventory)
