from __future__ import annotations

from typing import Any

from conformance.access import Access, subject
from conformance.access.workloads import given, making_pods, subject_of, workloads_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests.access.tree import binding, role, rule
from tests.kube.no_file import NoFile


def pod(name: str, account: Any, namespace: str | None = "shop") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    spec = {"serviceAccountName": account, "containers": [{"name": "c"}]}
    return Object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, NoFile())


def names(*objects: Object) -> dict[str, list[str]]:
    """For each pod the bindings that give it something."""
    world = Inventory(list(objects))
    found = Access(world)
    return {each.owner.name: [grant.binding.name for grant in given(each, found)] for each in world.pods()}


def test_workloads_of_an_account() -> None:
    things = (pod("a", "web"), pod("b", "web", "test"), pod("c", None), pod("d", "web"), pod("e", 1))
    world = Inventory(list(things))
    who = subject("ServiceAccount:shop/web")
    assert [each.owner.name for each in workloads_of(who, world)] == ["a", "d"]
    assert [each.owner.name for each in workloads_of(subject("ServiceAccount:shop/default"), world)] == ["c"]
    assert list(workloads_of(subject("User:web"), world)) == []
    assert str(subject_of(next(iter(world.pods())))) == "ServiceAccount shop/web"


def test_what_is_given_by_name_and_by_groups_but_not_what_everybody_has() -> None:
    assert names(
        pod("a", "web"),
        pod("b", "other"),
        pod("c", "web", "test"),
        binding("own", "ClusterRole/view", "ServiceAccount web", namespace="shop"),
        binding("group", "ClusterRole/view", "Group system:serviceaccounts:shop"),
        binding("elsewhere", "ClusterRole/view", "ServiceAccount test/web", namespace="shop"),
    ) == {"a": ["own", "group"], "b": ["group"], "c": ["elsewhere"]}


def test_where_no_namespace_is_known_the_name_decides() -> None:
    unplaced = binding("unplaced", "ClusterRole/view", "ServiceAccount web", namespace="shop").raw
    del unplaced["metadata"]["namespace"]
    there = binding("there", "ClusterRole/view", "ServiceAccount test/web", namespace="shop")
    other = binding("other", "ClusterRole/view", "ServiceAccount shop/other", "User web", namespace="shop")
    found = names(pod("a", "web", None), Object(unplaced, NoFile()), there, other)
    assert found == {"a": ["unplaced", "there"]}


def test_the_default_account_of_an_unknown_namespace_is_not_that_of_another() -> None:
    there = binding("there", "ClusterRole/view", "ServiceAccount shop/default", namespace="shop")
    assert names(pod("a", None, None), there) == {"a": []}


def test_what_may_make_pods_beside_itself() -> None:
    runs, reads = role("runs", rule("create", "jobs", "batch")), role("reads", rule("get list", "pods"))
    everything = role("all", rule("*", "*", "*"))
    things = [
        *(pod(name, name) for name in ("maker", "reader", "admin", "far")),
        binding("1", "ClusterRole/runs", "ServiceAccount maker", namespace="shop"),
        binding("2", "ClusterRole/reads", "ServiceAccount reader", namespace="shop"),
        binding("3", "ClusterRole/all", "ServiceAccount admin", namespace="shop"),
        binding("4", "ClusterRole/runs", "ServiceAccount shop/far", namespace="test"),
    ]
    found = making_pods(Inventory([runs, reads, everything, *things, pod("wrong", 1)]))
    assert [each.owner.name for each in found] == ["maker"]
