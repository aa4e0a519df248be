"""Which directions of traffic a NetworkPolicy isolates, and which namespaces other policies look after.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from typing import Literal

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

Direction = Literal["Ingress", "Egress"]

#: Policies of the CNI or the platform that no namespace owns.
_CLUSTER_WIDE = (
    "CiliumClusterwideNetworkPolicy", "GlobalNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
)  # fmt: skip
_NATIVE_GROUPS = ("networking.k8s.io", "extensions")


def is_native(policy: Object) -> bool:
    """Whether it is Kubernetes' own NetworkPolicy; Calico has a kind of the same name."""
    return policy.kind == "NetworkPolicy" and policy.group in _NATIVE_GROUPS


def directions(policy: Object) -> set[str]:
    """The directions that a policy isolates.

    Where `policyTypes` is absent: Ingress always, Egress only if there are egress rules, so an empty `egress: []`
    without policyTypes isolates nothing. Source: networking.k8s.io/v1 NetworkPolicySpec.policyTypes.
    """
    written = {str(each.raw) for each in policy.sequence("spec.policyTypes")}
    if written:
        return written
    return {"Ingress", "Egress"} if policy.sequence("spec.egress") else {"Ingress"}


def has_cluster_wide(inventory: Inventory) -> bool:
    """Whether policies for the whole cluster are declared, of which only their own CNI knows what they isolate."""
    return any(next(iter(inventory.of_kind(kind)), None) is not None for kind in _CLUSTER_WIDE)


def foreign(inventory: Inventory) -> list[Object]:
    """Policies in namespaces that only Cilium or Calico understand."""
    calico = [each for each in inventory.of_kind("NetworkPolicy") if not is_native(each)]
    return [*inventory.of_kind("CiliumNetworkPolicy"), *calico]
