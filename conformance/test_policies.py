"""NetworkPolicies by their shape, where a document names the policy itself; what they come to is `connectivity`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import isolation
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
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
    """
    policies = [
        each for each in inventory.of_kind("NetworkPolicy", "networking.k8s.io") if each.namespace == namespace.name
    ]
    for direction in ("Ingress", "Egress"):
        if not any(_denies(each, direction) for each in policies):
            message = f"nothing denies {direction.lower()} of every pod by default"
            yield Finding(namespace, "metadata.name", message, "a NetworkPolicy with an empty podSelector")


def _denies(policy: Object, direction: str) -> bool:
    open_rule = any(
        not rule.get("from") and not rule.get("to") for rule in policy.sequence(("spec", direction.lower()))
    )
    return selector_of(policy).selects_everything and direction in isolation.directions(policy) and not open_rule


@check
def test_policy_selects(
    policy: Object, inventory: Inventory, *, workload: str, labels: dict[str, str], directions: list[Direction]
) -> Iterator[Said]:
    """A policy selects the pods of one workload (`kind/name`) by the documented labels, all of them and no others.

    A further label in the selector narrows it; a label of the workload itself selects nothing.
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
    """
    declared = next((each for each in inventory.of_kind("Namespace", "") if each.name == namespace), None)
    peers = [p for rule in policy.sequence("spec.ingress") for p in rule.sequence("from") if p.get("namespaceSelector")]
    if declared is None or not peers:
        yield NotApplicable(f"Namespace {namespace} is not declared here, or no peer is a namespace")
        return
    labels = {**declared.labels, "kubernetes.io/metadata.name": namespace}
    if not any(label_selector(peer.at("namespaceSelector")).matches(labels) for peer in peers):
        for peer in peers:
            message = f"no namespace peer matches {namespace}: its labels are not set by themselves"
            yield Finding(policy, (*peer.path, "namespaceSelector"), message, labels, peer.get("namespaceSelector"))


@check
def test_published_ports(thing: Object, inventory: Inventory, *, allowed: list[int]) -> Iterator[Said]:
    """Nothing but the allowed ports is open towards the outside: NodePort and LoadBalancer Services, host ports.

    A LoadBalancer opens its `port`; a NodePort Service opens `nodePort` on each node, whatever its `port` says.
    """
    if thing.kind == "Service":
        kind = thing.text("spec.type", "ClusterIP")
        if kind not in ("NodePort", "LoadBalancer"):
            yield NotApplicable("is reached inside of the cluster only")
            return
        for port in thing.sequence("spec.ports"):
            field = "port" if kind == "LoadBalancer" else "nodePort"
            if kind == "NodePort" or port.number("port") not in allowed:
                yield Finding(thing, (*port.path, field), "is open towards the outside", allowed, port.get(field))
        return
    pod = inventory.pod_spec(thing)
    if pod is None or not any(container.sequence("ports") for container in pod.containers):
        yield NotApplicable("opens no port")
        return
    for container in pod.containers:
        for port in container.sequence("ports"):
            opened = port.number("hostPort") or (port.number("containerPort") if pod.flag("hostNetwork") else None)
            if opened and opened not in allowed:
                yield Finding(thing, port.path, f"opens port {opened} of the node", allowed, opened)
