from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from conformance.kube import isolation
from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path


@dataclass
class Origin:
    path: str = "all.yaml"

    def locate(self, path: Path) -> Location:
        return Location(self.path)


def policy(spec: dict[str, Any], api: str = "networking.k8s.io/v1", kind: str = "NetworkPolicy") -> Object:
    return Object({"apiVersion": api, "kind": kind, "metadata": {"name": "p"}, "spec": spec}, Origin())


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"Ingress"}),
        ({"ingress": [{}]}, {"Ingress"}),
        ({"egress": []}, {"Ingress"}),
        ({"egress": [{}]}, {"Ingress", "Egress"}),
        ({"policyTypes": ["Egress"]}, {"Egress"}),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, {"Ingress"}),
        ({"policyTypes": []}, {"Ingress"}),
    ],
)
def test_directions(spec: dict[str, Any], expected: set[str]) -> None:
    assert isolation.directions(policy(spec)) == expected


def test_policies_of_others_are_told_apart() -> None:
    calico = policy({}, "projectcalico.org/v3")
    cilium = policy({}, "cilium.io/v2", "CiliumNetworkPolicy")
    native = policy({})
    inventory = Inventory([calico, cilium, native])
    assert isolation.foreign(inventory) == [cilium, calico]
    assert not isolation.has_cluster_wide(inventory)
    assert isolation.has_cluster_wide(Inventory([policy({}, "projectcalico.org/v3", "GlobalNetworkPolicy")]))
