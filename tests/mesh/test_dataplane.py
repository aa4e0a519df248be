"""What carries a workload's traffic, for callers who cannot do with an error."""

from __future__ import annotations

import pytest

from conformance.kube.inventory import Inventory
from conformance.mesh import Mesh
from conformance.mesh.membership import Dataplane
from tests.mesh.tree import namespace, objects, workload


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("", Dataplane.SIDECAR),
        ("sidecar.istio.io/inject: 'false'", Dataplane.NONE),
        ("sidecar.istio.io/inject: false", Dataplane.UNKNOWN),
    ],
)
def test_a_label_that_cannot_be_read_is_unknown(labels: str, expected: Dataplane) -> None:
    inventory = Inventory(objects(namespace("shop"), workload("web", labels=labels)))
    (pod,) = inventory.pods()
    assert Mesh(inventory).dataplane(pod) == expected
