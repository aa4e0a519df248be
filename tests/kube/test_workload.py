from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Location, Node, Object
from conformance.kube.path import Path
from conformance.kube.workload import is_controlled, is_long_running, is_release_test, keeps_running, replicas, scaled


@dataclass
class Origin:
    path: str = "all.yaml"

    def locate(self, path: Path) -> Location:
        return Location(self.path)


def obj(text: str) -> Object:
    return Object(yaml.safe_load(text), Origin())


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [(1, 5, 1, 1), ("50%", 3, 2, 1), ("25%", 3, 1, 0), ("25%", 4, 1, 1), ("67%", 3, 3, 2), ("100%", 3, 3, 3)],
)
def test_percentages_round_as_the_field_says(value: object, total: int, up: int, down: int) -> None:
    node = Node({"minAvailable": value})
    assert scaled(node, "minAvailable", total, up=True) == up
    assert scaled(node, "minAvailable", total, up=False) == down


@pytest.mark.parametrize("value", ["1", "half", "50 %", True, [1], "٥٠%"])
def test_what_is_neither_a_number_nor_a_percentage(value: object) -> None:
    with pytest.raises(FieldTypeError):
        scaled(Node({"minAvailable": value}), "minAvailable", 3, up=True)


def test_an_absent_value_has_no_number() -> None:
    assert scaled(Node({}), "minAvailable", 3, up=True) is None


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("test", True),
        ("test-success,test-failure", True),
        ("post-install, test", True),
        ("pre-install", False),
        ("", False),
    ],
)
def test_helm_tests(hook: str, expected: bool) -> None:
    pod = obj(f"{{apiVersion: v1, kind: Pod, metadata: {{name: p, annotations: {{helm.sh/hook: '{hook}'}}}}}}")
    assert is_release_test(pod) is expected


def long_running(text: str) -> bool:
    thing = obj(text)
    pod = Inventory([thing]).pod_spec(thing)
    assert pod is not None
    return is_long_running(pod)


def test_long_running_workloads() -> None:
    template = "spec: {template: {spec: {containers: []}}}"
    assert long_running(f"{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: d}}, {template}}}")
    assert not long_running(f"{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, {template}}}")
    assert long_running("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: []}}")
    assert not long_running("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {restartPolicy: Never}}")


def test_what_another_object_made_is_not_judged_again() -> None:
    owners = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}]"
    made = obj(f"{{apiVersion: v1, kind: Pod, metadata: {{name: p, {owners}}}, spec: {{containers: []}}}}")
    assert is_controlled(made)
    assert not is_controlled(obj("{apiVersion: v1, kind: Pod, metadata: {name: p, ownerReferences: [{name: r}]}}"))


def test_native_sidecars_keep_running_and_init_containers_do_not() -> None:
    pod = obj(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}],"
        " initContainers: [{name: i}, {name: s, restartPolicy: Always}]}}"
    )
    spec = Inventory([pod]).pod_spec(pod)
    assert spec is not None
    assert [each.name for each in spec.containers if keeps_running(each)] == ["s", "c"]


def test_replicas_default_to_one_and_a_daemonset_has_none() -> None:
    assert replicas(obj("{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {}}")) == 1
    assert replicas(obj("{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 0}}")) == 0
    assert replicas(obj("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {replicas: 3}}")) is None
