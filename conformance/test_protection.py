"""Stateful workloads: who can reach them, who can touch their data, what they may do, where they run."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.access import Rule, access
from conformance.access.subject import ACCOUNT
from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.mounts import Mount
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.selector import label_selector
from conformance.kube.storage import is_claim

NOT_STATEFUL = "mounts no claim"
_HOST = "kubernetes.io/hostname"
#: what lets somebody destroy or read data: resource -> verbs
_DATA_RIGHTS = {
    "persistentvolumeclaims": {"delete", "deletecollection"},
    "persistentvolumes": {"delete", "deletecollection"},
    "pods/exec": {"create", "get"},
}


def _is_stateful(pod: PodSpec) -> bool:
    mounts: list[Mount] = [mount for container in pod.containers for mount in container.mounts]
    return any(is_claim(mount) for mount in mounts)


@check
def test_stateful_isolated(pod: PodSpec, inventory: Inventory) -> Iterator[Said]:
    """Pods with claims are selected by a NetworkPolicy for ingress.

    `podSelector: {}` selects every pod of the namespace; absent policyTypes always include Ingress. A policy does
    nothing where the network plugin does not enforce it.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    if not _is_stateful(pod):
        yield NotApplicable(NOT_STATEFUL)
        return
    for policy in inventory.of_kind("NetworkPolicy", "networking.k8s.io"):
        types = [each.raw for each in policy.sequence("spec.policyTypes")] or ["Ingress"]
        selected = label_selector(Node(policy.get("spec.podSelector", {}), ("spec", "podSelector"))).matches(pod.labels)
        if policy.namespace == pod.owner.namespace and "Ingress" in types and selected:
            return
    yield Finding(pod.owner, pod.metadata_path, "no NetworkPolicy says who may connect", "an ingress policy", None)


@check
def test_stateful_security_context(pod: PodSpec) -> Iterator[Said]:
    """Pods with claims run as non-root, cannot gain privileges, and share their volume through an fsGroup.

    The container's setting counts before the pod's. hostPath volumes, which local-path makes by default, ignore
    fsGroup: their directories are writable for everybody instead.
    https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    """
    if not _is_stateful(pod):
        yield NotApplicable(NOT_STATEFUL)
        return
    for container in pod.containers:
        if container.kind == "ephemeralContainer":
            continue
        for name, wanted in (("runAsNonRoot", True), ("allowPrivilegeEscalation", False)):
            node = pod.effective(container, name)
            observed = node.flag(())
            if observed is not wanted:
                place = node.path if observed is not None else (*container.path, "securityContext", name)
                yield Finding(pod.owner, place, f"container {container.name}: {name} is not {wanted}", wanted, observed)
    if pod.number("securityContext.fsGroup") is None:
        place = (*pod.path, "securityContext", "fsGroup")
        yield Finding(pod.owner, place, "no group owns the volume", "an fsGroup", None)


@check
def test_spread_over_nodes(pod: PodSpec) -> Iterator[Said]:
    """Replicas never share a node: required anti-affinity against their own labels, or a hard spread by host name.

    Preferred anti-affinity guarantees nothing. With node-local volumes, two members on one node are lost together.
    https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
    """
    for term in pod.sequence("affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"):
        if term.get("topologyKey") == _HOST and label_selector(term.at("labelSelector")).matches(pod.labels):
            return
    for spread in pod.sequence("topologySpreadConstraints"):
        hard = spread.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule" and spread.get("maxSkew") == 1
        own = label_selector(spread.at("labelSelector")).matches(pod.labels)
        # With fewer nodes than replicas a spread of one still puts two on a node, unless enough nodes are asked for.
        if hard and own and spread.get("topologyKey") == _HOST:
            return
    place = (*pod.path, "affinity", "podAntiAffinity")
    yield Finding(pod.owner, place, "two replicas may run on one node", "required anti-affinity by host name", None)


@check
def test_data_access(
    binding: Object, inventory: Inventory, *, namespaces: list[str], allowed: list[str]
) -> Iterator[Said]:
    """Only backup and operations identities may delete claims and volumes, or exec into pods, in the namespaces.

    `allowed` are ServiceAccounts as `namespace/name` (globs). Rules of aggregated ClusterRoles are collected; `*` means
    every verb and every resource, subresources included. Named people are not judged, only ServiceAccounts and the
    groups that everybody is in.
    """
    everywhere = binding.kind == "ClusterRoleBinding"
    if not everywhere and not any(fnmatchcase(binding.namespace or "", each) for each in namespaces):
        yield NotApplicable("a binding of another namespace")
        return
    grants = access(inventory).given_by(binding)
    rights = sorted({right for grant in grants for rule in grant.rules for right in _rights(rule)})
    if not rights:
        yield NotApplicable("gives no right over volumes or into pods")
        return
    for grant in grants:
        who = grant.subject
        account = f"{who.namespace or '?'}/{who.name}"
        if who.is_everybody or (who.kind == ACCOUNT and not any(fnmatchcase(account, each) for each in allowed)):
            name = who.name if who.is_everybody else account
            yield Finding(binding, grant.node.path, f"{name} may {', '.join(rights)}", allowed, name)


def _rights(rule: Rule) -> Iterator[str]:
    for resource, harmful in _DATA_RIGHTS.items():
        name, _, below = resource.partition("/")
        if rule.speaks_of("", name, below) and any(map(rule.allows_verb, harmful)):
            yield f"{min(harmful)} {resource}"
