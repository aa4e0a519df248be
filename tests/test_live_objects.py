"""What checks must not say about live objects, in which the API server filled in defaults."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance import registry
from conformance.evaluate import evaluate
from conformance.finding import Outcome
from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from tests import fixture_cases


@dataclass
class Origin:
    path: str

    def locate(self, path: Path) -> Location:
        return Location(self.path)


def world(path: str) -> Inventory:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
    }
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minReplicas": 2, "maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }
    return Inventory([Object(deployment, Origin(path)), Object(scaler, Origin(path))])


@pytest.mark.parametrize(("path", "outcome"), [("", Outcome.PASSED), ("web.yaml", Outcome.FAILED)])
def test_replicas_under_an_autoscaler_are_fixed_only_in_manifests(path: str, outcome: Outcome) -> None:
    requirement = fixture_cases.catalogue()["gitops-hpa"]
    assert evaluate(requirement, registry.bind(requirement), world(path)).outcome is outcome
