from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance.kube.object import FieldTypeError
from conformance.scaling import documented, of_inventory
from conformance.scaling.nodes import HOSTNAME, ZONE, Place, known, zones_of
from conformance.scaling.totals import demand
from tests.network.world import inventory
from tests.scaling.trees import Raw, deployment, first


def node(spec: Raw | None = None, status: Raw | None = None, labels: Raw | None = None) -> Raw:
    metadata = {"name": "n1", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec or {}, "status": status or {}}


def read(raw: Raw) -> Place:
    (found,) = of_inventory(inventory(raw))
    return found


@pytest.mark.parametrize(
    ("spec", "taints"),
    [
        ({}, []),
        ({"unschedulable": True}, ["node.kubernetes.io/unschedulable:NoSchedule"]),
        (
            {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]},
            ["node.kubernetes.io/unschedulable:NoSchedule"],
        ),
        (
            {"unschedulable": True, "taints": [{"key": "a", "value": "b", "effect": "NoExecute"}]},
            ["a=b:NoExecute", "node.kubernetes.io/unschedulable:NoSchedule"],
        ),
    ],
)
def test_taints_of_a_node(spec: Raw, taints: list[str]) -> None:
    assert [str(each) for each in read(node(spec)).taints] == taints


def test_what_a_node_gives_is_less_than_what_it_has() -> None:
    amounts = {"capacity": {"cpu": "4", "memory": "8Gi"}, "allocatable": {"cpu": "3920m"}}
    assert read(node(status=amounts)).allocatable == {"cpu": Decimal("3.92")}
    assert read(node(status={"capacity": {"cpu": "4"}})).allocatable == {"cpu": Decimal(4)}


def test_an_amount_that_is_none() -> None:
    with pytest.raises(FieldTypeError, match=r"status\.allocatable\.cpu is a string, not a quantity"):
        read(node(status={"allocatable": {"cpu": "four"}}))


def test_labels_of_a_node() -> None:
    assert read(node()).labels == {HOSTNAME: "n1"}
    assert read(node(labels={HOSTNAME: "other", ZONE: "a"})).labels == {HOSTNAME: "other", ZONE: "a"}
    assert read(node(labels={"failure-domain.beta.kubernetes.io/zone": "old"})).zone == "old"


@pytest.mark.parametrize(
    ("said", "zones", "expected"),
    [
        (3, 0, [("node-1", ""), ("node-2", ""), ("node-3", "")]),
        (3, 2, [("node-1", "zone-1"), ("node-2", "zone-2"), ("node-3", "zone-1")]),
        ([{"name": "cp"}, {"count": 2, "name": "w", "zone": "a"}], 0, [("cp", ""), ("w-1", "a"), ("w-2", "a")]),
        ([{"name": "cp"}, {"name": "w", "zone": "a"}], 1, [("cp", "zone-1"), ("w", "a")]),
    ],
)
def test_documented(said: Any, zones: int, expected: list[tuple[str, str]]) -> None:
    places = documented(said, zones)
    assert [(each.name, each.zone) for each in places] == expected
    assert [each.labels[HOSTNAME] for each in places] == [name for name, _ in expected]
    assert zones_of(places) == sorted({zone for _, zone in expected if zone})


@pytest.mark.parametrize(
    ("objects", "said", "pods", "names"),
    [
        ([node()], None, 5, ["n1"]),
        ([node()], 2, 5, ["node-1", "node-2"]),
        ([], None, 3, ["node-1", "node-2", "node-3"]),
        ([], None, 1, ["node-1", "node-2"]),
    ],
)
def test_which_nodes_count(objects: list[Raw], said: int | None, pods: int, names: list[str]) -> None:
    assert [each.name for each in known(inventory(*objects), said, 0, pods)] == names


def test_nothing_is_added_where_no_rollout_is_known() -> None:
    world = inventory(deployment(kind="CloneSet", api="apps.kruise.io/v1alpha1", replicas=3))
    found = demand(first(world), world)
    assert (found.least, found.most, found.surge) == (3, 3, 0)
