"""Documented values of autoscalers, where order and defaults decide and a plain field comparison does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from conformance.check import Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.relations import relations
from conformance.scaling.metrics import policy_of
from conformance.scaling.requests import amount

Amounts = Annotated[dict[str, str], lambda given: [quantity.parse(each) for each in given.values()]]
_REFERENCE = {"HorizontalPodAutoscaler": "spec.scaleTargetRef", "VerticalPodAutoscaler": "spec.targetRef"}


@check
def test_autoscaler_target(
    scaler: Object, inventory: Inventory, *, kind: str = "", name: str = "", api: str = "", alone: bool = False
) -> Iterator[Said]:
    """What an autoscaler scales is there, is of the API group that the reference says, and is the documented workload.

    One with a wrong name is admitted and runs, and only its status says so. A Rollout is of `argoproj.io`, not of
    `apps`. Two horizontal autoscalers on one workload overwrite each other; with `alone` that is a finding. `api` is
    the version its manifest must be written in: the API server returns an object in whatever version one asks for.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    field = _REFERENCE.get(scaler.kind, "spec.scaleTargetRef")
    reference = scaler.at(field)
    if api and scaler.origin.path and scaler.api_version != api:
        yield Finding(scaler, "apiVersion", "is written in another version", api, scaler.api_version)
    for part, wanted in (("kind", kind), ("name", name)):
        if wanted and reference.get(part) != wanted:
            yield Finding(scaler, (*reference.path, part), "is another workload", wanted, reference.get(part))
            return
    known = relations(inventory)
    target = known.target(scaler, field)
    if target is None:
        absent = f"{reference.get('kind', 'Deployment')} {reference.get('name')}"
        yield Finding(scaler, (*reference.path, "name"), f"there is no {absent} in its namespace", absent)
        return
    group = reference.text("apiVersion", "apps/v1" if scaler.kind == "ScaledObject" else "").rpartition("/")[0]
    if group != target.group:
        path = (*reference.path, "apiVersion")
        yield Finding(scaler, path, f"{target} is of another group", target.api_version, reference.get("apiVersion"))
    for other in known.autoscalers_of(target) if alone and scaler.kind == "HorizontalPodAutoscaler" else ():
        if other is not scaler:
            yield Finding(other, "spec.scaleTargetRef", f"{scaler} scales the same workload", "one autoscaler")


@check
def test_autoscaler_bounds(
    scaler: Object, *, least: int, most: int, annotation: str = "", reason: Annotated[str, re.compile] = "."
) -> Iterator[Said]:
    """A HorizontalPodAutoscaler has the documented bounds; an absent minReplicas is 1.

    During an incident somebody may raise the least number: then `annotation` says which, in the form `reason`.
    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
    """
    low, high = scaler.number("spec.minReplicas", 1), scaler.number("spec.maxReplicas")
    said = scaler.annotations.get(annotation) if annotation else None
    raised = low is not None and least < low <= most and said is not None and re.fullmatch(reason, said)
    if low != least and not raised:
        yield Finding(scaler, "spec.minReplicas", "is not the documented number of replicas", least, low)
    if high != most:
        yield Finding(scaler, "spec.maxReplicas", "is not the documented number of replicas", most, high)


@check
def test_vertical_bounds(
    scaler: Object, inventory: Inventory, *, container: str, least: Amounts, most: Amounts
) -> Iterator[Said]:
    """A VerticalPodAutoscaler keeps one container between documented bounds, and its target has that container.

    A policy for a container that does not exist is ignored silently, and the default policy has no bounds at all. The
    lower bound is exact; the upper one may be stricter, never missing.
    https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md#containerresourcepolicy
    """
    policy = policy_of(scaler, container)
    if policy is None:
        place = "spec.resourcePolicy.containerPolicies"
        yield Finding(scaler, place, f"has no policy for container {container}", container)
        return
    target = relations(inventory).target(scaler, "spec.targetRef")
    pods = relations(inventory).pods_of(target) if target is not None else None
    if pods is not None and all(each.name != container for each in pods.containers):
        names = [each.name for each in pods.containers]
        message = f"{pods.owner} has no container {container}, so this policy is ignored"
        yield Finding(scaler, (*policy.path, "containerName"), message, names, container)
    for side, wanted in (("minAllowed", least), ("maxAllowed", most)):
        for resource, text in wanted.items():
            value = policy.get((side, resource))
            bound, limit = amount(policy, (side, resource)), quantity.parse(text)
            if value is None or (bound != limit if side == "minAllowed" else bound > limit):
                what = text if side == "minAllowed" else f"at most {text}"
                yield Finding(scaler, (*policy.path, side, resource), "is not the documented bound", what, value)


@check
def test_vertical_controls(
    scaler: Object,
    *,
    container: str,
    resources: list[str],
    values: Literal["RequestsAndLimits", "RequestsOnly"],
) -> Iterator[Said]:
    """A VerticalPodAutoscaler sets the documented resources of a container, and requests alone or limits with them.

    Both have defaults that do the same as writing them out: cpu and memory, and RequestsAndLimits; so has a container
    without a policy. `mode: "Off"` of the policy switches everything off, whatever else it says.
    https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md#containerresourcepolicy
    """
    policy = policy_of(scaler, container)
    if policy is None:
        policy = Node({}, ("spec", "resourcePolicy", "containerPolicies"))
    named = {str(each.raw) for each in policy.sequence("controlledResources")} or {"cpu", "memory"}
    if named != set(resources):
        place = (*policy.path, "controlledResources")
        yield Finding(scaler, place, "controls other resources", sorted(resources), sorted(named))
    controlled = policy.text("controlledValues", "RequestsAndLimits")
    if controlled != values:
        yield Finding(scaler, (*policy.path, "controlledValues"), "controls other values", values, controlled)
    if policy.text("mode", "Auto") == "Off":
        yield Finding(scaler, (*policy.path, "mode"), "nothing is controlled", "Auto", "Off")


@check
def test_pods_metric(scalers: list[Object], *, metric: str, values: dict[str, list[str]]) -> Iterator[Said]:
    """Each of these autoscalers also scales by a metric of its pods whose name contains `metric`, at an average that
    is one of the values.

    `300KB` is no quantity, `300m` is three tenths, and 300k and 300Ki are both what people write as 300 KB. A metric of
    type Object or External with an average serves as well.
    https://kubernetes.io/docs/reference/kubernetes-api/autoscaling/horizontal-pod-autoscaler-v2/
    """
    for name, wanted in values.items():
        scaler = next((each for each in scalers if each.name == name), None)
        if scaler is None:
            yield Finding(None, "", f"there is no autoscaler {name}", wanted)
            continue
        fields = ("pods", "object", "external")
        nodes = [each.at(field) for each in scaler.sequence("spec.metrics") for field in fields if each.get(field)]
        found = [each for each in nodes if metric in each.text("metric.name")]
        if not found:
            yield Finding(scaler, "spec.metrics", f"has no metric of {metric}", wanted)
        for each in found:
            average = each.get("target.averageValue")
            if not any(same(average, value) for value in wanted):
                yield Finding(scaler, (*each.path, "target", "averageValue"), "has another average", wanted, average)
