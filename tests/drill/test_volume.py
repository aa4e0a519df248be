"""Where a volume lies, and how it is carried into another cluster."""

from __future__ import annotations

from typing import Any, cast

import pytest

from conformance.drill.exercise import Exercise
from conformance.drill.fault import DrillError
from conformance.drill.volume import place, restorable


def volume(**more: Any) -> dict[str, Any]:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["old-worker"]}
    spec = {
        "capacity": {"storage": "64Mi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "local-path",
        "hostPath": {"path": "/var/local-path-provisioner/pvc-1_app_data", "type": "DirectoryOrCreate"},
        "claimRef": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "app", "name": "data", "uid": "1",
            "resourceVersion": "7",
        },
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
    }  # fmt: skip
    metadata = {
        "name": "pvc-1", "uid": "2", "resourceVersion": "9", "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["kubernetes.io/pv-protection"], "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"},
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec | more, "status": {}}


def test_a_volume_lies_in_a_directory_of_a_node() -> None:
    found = place(cast(Exercise, None), volume())
    assert (found.volume, found.node, found.path) == (
        "pvc-1",
        "old-worker",
        "/var/local-path-provisioner/pvc-1_app_data",
    )
    assert found.parent == "/var/local-path-provisioner"


def test_a_local_volume_is_one_too() -> None:
    assert place(cast(Exercise, None), volume(hostPath=None, local={"path": "/disk"})).path == "/disk"


@pytest.mark.parametrize("more", [{"hostPath": None}, {"nodeAffinity": None}, {"nodeAffinity": {"required": {}}}])
def test_a_volume_that_is_no_directory_of_one_node_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(DrillError, match="the volume pvc-1 is not a directory on one node"):
        place(cast(Exercise, None), volume(**more))


def test_a_volume_is_reserved_for_its_claim_by_name_alone() -> None:
    found = restorable(volume(), {"old-worker": "new-worker"})
    assert found["metadata"] == {"name": "pvc-1"}
    assert "status" not in found
    assert found["spec"]["claimRef"] == {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "app", "name": "data",
    }  # fmt: skip
    assert found["spec"]["hostPath"] == volume()["spec"]["hostPath"]
    assert found["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_a_volume_goes_to_the_successor_of_its_node() -> None:
    found = restorable(volume(), {"old-worker": "new-worker"})
    (term,) = found["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert [each["values"] for each in term["matchExpressions"]] == [["new-worker"]]


def test_a_volume_of_a_node_without_successor_is_refused() -> None:
    with pytest.raises(DrillError, match="the volume pvc-1 lay on old-worker, which has no successor"):
        restorable(volume(), {"other": "new-worker"})
