"""Autoscalers: who sets what, what they measure, how fast they act, and whether what they ask for can run."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.scaling import Nodes, Place, documented, metrics, of_inventory
from conformance.scaling.conflicts import fixed_replicas, rivals, unmeasurable
from conformance.scaling.metrics import Pace, behavior, pace
from conformance.scaling.requests import Amounts, LimitRanges, amount, container_amount, largest, parsed
from conformance.scaling.shown import listed


@check
def test_autoscalers_do_not_fight(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """Nobody else sets what an autoscaler sets: another autoscaler, a VerticalPodAutoscaler, replicas in Git.

    A VerticalPodAutoscaler that only recommends (`Off`) disturbs nobody; one without a mode is active. It fights over
    cpu and memory, when the other one measures the same resource; custom metrics are free. Replicas in a manifest are
    set back at every sync, unless the delivering Application ignores that field.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/
    """
    known = relations(inventory)
    vertical = scaler.kind == "VerticalPodAutoscaler"
    field = "spec.targetRef" if vertical else "spec.scaleTargetRef"
    target = known.target(scaler, field)
    if target is None:
        yield NotApplicable("its target is not here")
        return
    yield from rivals(scaler, target, inventory)
    if not vertical:
        yield from fixed_replicas(scaler, target, inventory)


@check
def test_metrics_have_requests(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """Every container that a Utilization metric measures has a request of that resource.

    Utilisation is the use of the whole pod divided by the requests of all its containers: one without, a sidecar or
    native sidecar too, makes it unknown. A ContainerResource metric needs only its container. A limit stands in for a
    request, and so does the default of a LimitRange. Annotations of Istio for the injected proxy replace all of its
    default resources: `proxyMemory` alone leaves it without a cpu request.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    known = relations(inventory)
    target = known.target(scaler, "spec.scaleTargetRef")
    pod = known.pods_of(target) if target is not None else None
    if pod is None or not any(each.share for each in metrics.resource_metrics(scaler)):
        yield NotApplicable("no metric is a share of requests, or its target is not here")
        return
    yield from unmeasurable(scaler, pod, inventory)


@check
def test_behavior_windows(
    scaler: Object,
    *,
    up: Annotated[dict[str, Any] | None, pace] = None,
    down: Annotated[dict[str, Any] | None, pace] = None,
    periods_as_windows: bool = False,
) -> Iterator[Said]:
    """How fast an autoscaler scales up and down, with the defaults filled in: down waits 300 s, up not at all.

    Each direction is `{window, policies, select}`, of which what is absent is not looked at. Policies are compared as
    a set of `{type, value, periodSeconds}`. `selectPolicy` is Max unless said, and Disabled never scales. With
    `periods_as_windows` written policies whose every period is the window are taken for it.
    https://kubernetes.io/docs/reference/kubernetes-api/autoscaling/horizontal-pod-autoscaler-v2/
    """
    for direction, said in (("scaleUp", up), ("scaleDown", down)):
        if said is not None:
            yield from _paced(scaler, direction, pace(said), periods_as_windows)


def _paced(scaler: Object, direction: str, wanted: Pace, periods_as_windows: bool) -> Iterator[Finding]:
    found = behavior(scaler, direction)
    if found.select == "Disabled":
        place = (*found.path, "selectPolicy")
        yield Finding(scaler, place, f"{direction} is switched off", wanted.select or "Max", "Disabled")
        return
    by_period = periods_as_windows and scaler.get((*found.path, "policies")) and found.periods == {wanted.window}
    if wanted.window is not None and found.window != wanted.window and not by_period:
        place = (*found.path, "stabilizationWindowSeconds")
        yield Finding(scaler, place, f"{direction} is stabilised for {found.window} s", wanted.window, found.window)
    if wanted.policies is not None and found.policies != wanted.policies:
        said = [", ".join(sorted(map(str, each))) for each in (wanted.policies, found.policies)]
        yield Finding(scaler, (*found.path, "policies"), f"{direction} may change {said[1]}", said[0], said[1])
    if wanted.select is not None and found.select != wanted.select and len(found.policies) > 1:
        place = (*found.path, "selectPolicy")
        yield Finding(
            scaler, place, f"{direction} takes the {found.select} of its policies", wanted.select, found.select
        )


@check
def test_vpa_schedulable(
    scaler: Object,
    inventory: Inventory,
    *,
    nodes: Nodes = None,
    within_bounds: bool = False,
    bounded: bool = False,
) -> Iterator[Said]:
    """Each container policy of a VerticalPodAutoscaler can take effect: a real container, min ≤ max, and some node that
    holds a pod with every container at its `maxAllowed`.

    Containers without a maximum count with what they request; with `bounded` one at least has to have one. `nodes`
    are the documented ones, with what they can give to pods, which is less than what they have; real Nodes are looked
    at instead where there are any. A policy for a container that does not exist is ignored in silence; `*` means all
    the others. With `within_bounds` the requests of today lie between minAllowed and maxAllowed.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/
    """
    known = relations(inventory)
    target = known.target(scaler, "spec.targetRef")
    pod = known.pods_of(target) if target is not None else None
    policies = scaler.sequence("spec.resourcePolicy.containerPolicies")
    for policy in policies:
        yield from _reversed(scaler, policy)
    if bounded and not any(policy.get("maxAllowed") for policy in policies):
        place = "spec.resourcePolicy.containerPolicies"
        yield Finding(scaler, place, "nothing bounds what it may ask for", "maxAllowed of a container")
    if pod is None:
        if not policies:
            yield NotApplicable("no policies, and its target is not here")
        return
    names = {each.name for each in pod.containers}
    for policy in policies:
        name = policy.text("containerName")
        if name != "*" and name not in names:
            message = f"{pod.owner} has no such container, so the policy does nothing"
            yield Finding(scaler, (*policy.path, "containerName"), message, sorted(names), name)
    real = [place for place in of_inventory(inventory) if place.allocatable]
    yield from _largest_pod(scaler, pod, real or documented(nodes or []), inventory)
    if within_bounds:
        yield from _beyond_bounds(scaler, pod, inventory)


def _reversed(scaler: Object, policy: Node) -> Iterator[Finding]:
    for name in policy.mapping("minAllowed"):
        least, most = amount(policy, ("minAllowed", name)), policy.get(("maxAllowed", name))
        if most is not None and least > amount(policy, ("maxAllowed", name)):
            message = f"minAllowed of {name} is above maxAllowed"
            yield Finding(scaler, (*policy.path, "minAllowed", name), message, f"at most {most}", str(least))


def _largest_pod(scaler: Object, pod: PodSpec, places: list[Place], inventory: Inventory) -> Iterator[Finding]:
    sized = [place for place in places if place.allocatable]
    ranges = LimitRanges(inventory, pod.owner)
    wanted: Amounts = {}
    first: Node | None = None
    for container in pod.containers:
        if container.kind == "initContainer" and not container.sidecar:
            continue
        policy = metrics.policy_of(scaler, container.name)
        for name in ("cpu", "memory"):
            most = policy.get(("maxAllowed", name)) if policy is not None else None
            value = container_amount(container, "requests", name, ranges) if most is None else most
            first = first or (policy if most is not None else None)
            wanted[name] = wanted.get(name, Decimal(0)) + parsed(
                value, (*container.path, "resources", "requests", name)
            )
    if sized and first is not None and all(largest(wanted, place.allocatable) for place in sized):
        best = max(sized, key=lambda place: (place.allocatable.get("memory", Decimal(0)), place.name))
        message = f"a pod at its maximum asks for {listed(wanted)}, and no node gives so much"
        has = {name: best.allocatable[name] for name in wanted if name in best.allocatable}
        yield Finding(scaler, (*first.path, "maxAllowed"), message, f"at most {listed(has)}", listed(wanted))


def _beyond_bounds(scaler: Object, pod: PodSpec, inventory: Inventory) -> Iterator[Finding]:
    ranges = LimitRanges(inventory, pod.owner)
    for container in pod.containers:
        policy = metrics.policy_of(scaler, container.name)
        if policy is None or (container.kind == "initContainer" and not container.sidecar):
            continue
        for name in ("cpu", "memory"):
            value = container_amount(container, "requests", name, ranges)
            if value is None:
                continue
            place = (*container.path, "resources", "requests", name)
            asked = parsed(value, place)
            least, most = policy.get(("minAllowed", name)), policy.get(("maxAllowed", name))
            low = least is not None and asked < amount(policy, ("minAllowed", name))
            if low or (most is not None and asked > amount(policy, ("maxAllowed", name))):
                message = f"container {container.name} requests what {scaler} would not recommend"
                yield Finding(pod.owner, place, message, f"{least} to {most}", value)
