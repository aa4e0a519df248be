from __future__ import annotations

import pytest

from conformance.scaling import workload, workloads
from tests.network.world import inventory
from tests.scaling.trees import Raw, deployment, first, hpa, obj


def keda(**spec: object) -> Raw:
    return obj("ScaledObject", "web", {"scaleTargetRef": {"name": "web"}, **spec}, "keda.sh/v1alpha1")


@pytest.mark.parametrize(
    ("objects", "least", "most"),
    [
        ([deployment()], 1, 1),
        ([deployment(replicas=3)], 3, 3),
        ([deployment(replicas=3), hpa(minReplicas=2, maxReplicas=5)], 2, 5),
        ([deployment(), hpa(maxReplicas=5)], 1, 5),
        ([deployment(replicas=0), hpa(minReplicas=2, maxReplicas=5)], 0, 0),  # switched off on purpose
        ([deployment(), hpa("other", minReplicas=2, maxReplicas=5)], 1, 1),
        ([deployment(), keda()], 0, 100),
        ([deployment(), keda(minReplicaCount=2, maxReplicaCount=4)], 2, 4),
        ([deployment(), keda(minReplicaCount=2, idleReplicaCount=0)], 0, 100),
        ([deployment(), hpa(minReplicas=2, maxReplicas=5), keda(minReplicaCount=1)], 1, 100),
    ],
)
def test_range(objects: list[Raw], least: int, most: int) -> None:
    found = first(inventory(*objects)).range
    assert found is not None
    assert (found.least, found.most) == (least, most)


def test_a_paused_scaled_object_keeps_what_it_has() -> None:
    paused = keda()
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "4"}
    found = first(inventory(deployment(), paused)).range
    assert found is not None
    assert (found.least, found.most) == (4, 4)


def test_the_field_that_decides() -> None:
    found = first(inventory(deployment(replicas=3), hpa(minReplicas=2, maxReplicas=5))).range
    assert found is not None
    assert (found.subject.kind, found.least_path) == ("HorizontalPodAutoscaler", ("spec", "minReplicas"))


def test_one_pod_a_node_has_no_range() -> None:
    assert first(inventory(deployment(kind="DaemonSet"))).range is None


def test_a_rollout_takes_over_what_it_refers_to() -> None:
    reference = {"workloadRef": {"kind": "Deployment", "name": "web"}, "replicas": 4}
    world = inventory(deployment(replicas=0), obj("Rollout", "web", reference, "argoproj.io/v1alpha1"))
    (found,) = workloads(world)
    assert (found.owner.kind, found.pod.owner.kind) == ("Rollout", "Deployment")
    assert found.range is not None
    assert found.range.least == 4


def test_what_is_no_workload() -> None:
    controlled = deployment(kind="ReplicaSet")
    controlled["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "controller": True}]
    world = inventory(obj("Job", "job", deployment()["spec"], "batch/v1"), controlled)
    assert [workload(each, world) for each in world.objects] == [None, None]
