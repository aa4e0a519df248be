"""NetworkPolicies by their shape, where a document names the policy itself; what they come to is `connectivity`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import isolation
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of
from conformance.kube.selector import label_selector

Direction = Literal["Ingress", "Egress"]
_SELECTOR = ("spec", "podSelector")


@check
def test_default_deny(policy: Object) -> Iterator[Said]:
    """A policy selects every pod in both directions and allows nothing.

    Absent `policyTypes` mean Ingress alone. `ingress: []` allows nothing, `ingress: [{}]` everything.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-deny-all-ingress-and-all-egress-traffic
    """
    if not selector_of(policy).selects_everything:
        yield Finding(policy, _SELECTOR, "leaves pods out", {}, policy.get(_SELECTOR))
    for direction in ("Ingress", "Egress"):
        if direction not in isolation.directions(policy):
            yield Finding(policy, "spec.policyTypes", f"does not isolate {direction.lower()}", direction)
        for rule in policy.sequence(("spec", direction.lower())):
            yield Finding(policy, rule.path, "allows something", "no rule", rule.raw)


@check
def test_namespace_denies(namespace: Object, inventory: Inventory) -> Iterator[Said]:
    """A namespace has a policy, of whatever name, that isolates all of its pods in both directions.

    What it allows besides may be any rule but one that lets everything through.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
    """
    policies = [
        each for each in inventory.of_kind("NetworkPolicy", "networking.k8s.io") if each.namespace == namespace.name
    ]
    for direction in ("Ingress", "Egress"):
        denying = [each for each in policies if _denies(each, direction)]
        opened = [rule for each in denying for rule in _open_rules(each, direction)]
        if opened:
            policy = next(each for each in denying if _open_rules(each, direction))
            yield Finding(policy, opened[0].path, f"allows all {direction.lower()} of every pod", None, opened[0].raw)
        elif not denying:
            message = f"nothing denies {direction.lower()} of every pod by default"
            yield Finding(namespace, "metadata.name", message, "a NetworkPolicy with an empty podSelector")


def _denies(policy: Object, direction: str) -> bool:
    return selector_of(policy).selects_everything and direction in isolation.directions(policy)


def _open_rules(policy: Object, direction: str) -> list[Node]:
    rules = policy.sequence(("spec", direction.lower()))
    return [rule for rule in rules if not any(rule.get(field) for field in ("from", "to", "ports"))]


@check
def test_policy_selects(
    policy: Object, inventory: Inventory, *, workload: str, labels: dict[str, str], directions: list[Direction]
) -> Iterator[Said]:
    """A policy selects the pods of one workload (`kind/name`) by the documented labels, all of them and no others.

    A further label in the selector narrows it; a label of the workload itself selects nothing.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    selector, known = selector_of(policy), relations(inventory)
    if not selector.matches(labels):
        yield Finding(policy, _SELECTOR, "does not select by these labels alone", labels, str(selector))
    kind, _, name = workload.partition("/")
    selected = known.selected(policy, selector)
    if selected and not any((each.owner.kind, each.owner.name) == (kind, name) for each in selected):
        yield Finding(policy, _SELECTOR, f"does not select {workload}", labels, str(selector))
    for each in selected:
        if (each.owner.kind, each.owner.name) != (kind, name):
            yield Finding(policy, _SELECTOR, f"selects {each.owner} as well", labels, str(selector))
    for direction in directions:
        if direction not in isolation.directions(policy):
            yield Finding(policy, "spec.policyTypes", f"does not isolate {direction.lower()}", directions)


@check
def test_peer_namespace(policy: Object, inventory: Inventory, *, namespace: str) -> Iterator[Said]:
    """A policy lets a namespace in by a label that this namespace has.

    Only `kubernetes.io/metadata.name` is there by itself; `name` is a label like any other. Without the manifest of the
    namespace nothing can be said.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-to-and-from-selectors
    """
    declared = next((each for each in inventory.of_kind("Namespace", "") if each.name == namespace), None)
    peers = [p for rule in policy.sequence("spec.ingress") for p in rule.sequence("from") if p.get("namespaceSelector")]
    if any(not rule.sequence("from") for rule in policy.sequence("spec.ingress")):
        return  # everybody is let in, the namespace as well
    if declared is None or not peers:
        yield NotApplicable(f"Namespace {namespace} is not declared here, or no peer is a namespace")
        return
    labels = {**declared.labels, "kubernetes.io/metadata.name": namespace}
    if not any(label_selector(peer.at("namespaceSelector")).matches(labels) for peer in peers):
        for peer in peers:
            message = f"no namespace peer matches {namespace}: its labels are not set by themselves"
            yield Finding(policy, (*peer.path, "namespaceSelector"), message, labels, peer.get("namespaceSelector"))
