"""Documented values of autoscalers, where order and defaults decide and a plain field comparison does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.kube.relations import relations

Amounts = Annotated[dict[str, str], lambda given: [quantity.parse(each) for each in given.values()]]
_REFERENCE = {"HorizontalPodAutoscaler": "spec.scaleTargetRef", "VerticalPodAutoscaler": "spec.targetRef"}


@check
def test_autoscaler_target(
    scaler: Object, inventory: Inventory, *, kind: str, name: str, api: str = ""
) -> Iterator[Said]:
    """An autoscaler names the documented workload, which exists, and no other of its kind names the same.

    A missing target is no error at admission; two horizontal autoscalers on one workload overwrite each other. `api` is
    the version its manifest must be written in: the API server returns an object in whatever version one asks for.
    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#ambiguous-selectors
    """
    field = _REFERENCE.get(scaler.kind, "spec.scaleTargetRef")
    reference = scaler.at(field)
    if api and scaler.origin.path and scaler.api_version != api:
        yield Finding(scaler, "apiVersion", "is written in another version", api, scaler.api_version)
    for part, wanted in (("kind", kind), ("name", name)):
        if reference.get(part) != wanted:
            yield Finding(scaler, (*reference.path, part), "is another workload", wanted, reference.get(part))
            return
    known = relations(inventory)
    target = known.target(scaler, field)
    if target is None:
        yield Finding(scaler, (*reference.path, "name"), f"there is no {kind} {name} in its namespace", name)
        return
    others = known.autoscalers_of(target) if scaler.kind == "HorizontalPodAutoscaler" else []
    for other in others:
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
    policy = _container_policy(scaler, container)
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
            amount = _amount(value, (*policy.path, side, resource))
            limit = quantity.parse(text)
            if amount is None or (amount != limit if side == "minAllowed" else amount > limit):
                what = text if side == "minAllowed" else f"at most {text}"
                yield Finding(scaler, (*policy.path, side, resource), "is not the documented bound", what, value)


def _container_policy(scaler: Object, container: str) -> Node | None:
    """The policy of a container: its own, or the one for all that have none."""
    policies = {
        str(each.get("containerName")): each for each in scaler.sequence("spec.resourcePolicy.containerPolicies")
    }
    return policies.get(container) or policies.get("*")


def _amount(value: Any, path: Path) -> Decimal | None:
    try:
        return None if value is None else quantity.parse(value)
    except quantity.QuantityError:
        raise FieldTypeError(path, "a quantity", value) from None


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
    """
    policy = _container_policy(scaler, container)
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
def test_vertical_fits(scaler: Object, inventory: Inventory, *, nodes: dict[str, Amounts]) -> Iterator[Said]:
    """What a VerticalPodAutoscaler may ask for, on every container at once, fits on a node with nothing else on it.

    `nodes` are types of nodes with what they can give to pods, which is less than their capacity: the kubelet and the
    system keep a share. Nodes of a live cluster are looked at instead. Containers that no policy bounds count with
    their requests. A recommendation that fits nowhere leaves the evicted pod pending.
    https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/#node-allocatable
    """
    target = relations(inventory).target(scaler, "spec.targetRef")
    pods = relations(inventory).pods_of(target) if target is not None else None
    containers = [each for each in pods.containers if each.kind == "container" or each.sidecar] if pods else []
    policies = scaler.sequence("spec.resourcePolicy.containerPolicies")
    own = {each.name: _container_policy(scaler, each.name) for each in containers}
    bounded = [each for each in (own.values() if own else policies) if each is not None and each.get("maxAllowed")]
    if not bounded:
        place = "spec.resourcePolicy.containerPolicies"
        yield Finding(scaler, place, "nothing bounds what it may ask for", "maxAllowed of a container")
        return
    asked: dict[str, Decimal] = {}
    for resource in ("cpu", "memory"):
        amounts = [_most(each, own[each.name], resource) for each in containers]
        if not containers:
            amounts = [_most(None, each, resource) for each in bounded]
        asked[resource] = sum((each for each in amounts if each is not None), Decimal(0))
    types = _allocatable(inventory) or {
        name: {resource: quantity.parse(text) for resource, text in given.items()} for name, given in nodes.items()
    }
    if any(all(asked[resource] <= given.get(resource, Decimal(0)) for resource in asked) for given in types.values()):
        return
    policy = bounded[0]
    wanted = {name: {key: str(value) for key, value in given.items()} for name, given in types.items()}
    yield Finding(
        scaler, (*policy.path, "maxAllowed"), "fits on no node", wanted, {key: str(each) for key, each in asked.items()}
    )


def _most(container: Container | None, policy: Node | None, resource: str) -> Decimal | None:
    """The most that a container may come to request: its bound, or what it requests now."""
    bound = policy.get(("maxAllowed", resource)) if policy is not None else None
    if policy is not None and bound is not None:
        return _amount(bound, (*policy.path, "maxAllowed", resource))
    if container is None:
        return None
    place = ("resources", "requests", resource)
    return _amount(container.get(place), (*container.path, *place))


def _allocatable(inventory: Inventory) -> dict[str, dict[str, Decimal]]:
    return {
        node.name: {
            resource: _amount(node.get(("status", "allocatable", resource)), ("status", "allocatable", resource))
            or Decimal(0)
            for resource in ("cpu", "memory")
        }
        for node in inventory.of_kind("Node", "")
        if node.get("status.allocatable") is not None
    }
