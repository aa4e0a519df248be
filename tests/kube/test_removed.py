from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.kube.removed import minor, removed_in


@dataclass
class Origin:
    path: str = "all.yaml"

    def locate(self, path: Path) -> Location:
        return Location(self.path)


@pytest.mark.parametrize(
    ("api_version", "kind", "release", "expected"),
    [
        ("policy/v1beta1", "PodDisruptionBudget", "1.34", "1.25"),
        ("policy/v1beta1", "PodDisruptionBudget", "1.25", "1.25"),
        ("policy/v1beta1", "PodDisruptionBudget", "v1.24.9", ""),
        ("policy/v1", "PodDisruptionBudget", "1.34", ""),
        ("extensions/v1beta1", "Deployment", "1.34", "1.16"),
        ("extensions/v1beta1", "Ingress", "1.21", ""),
        ("networking.k8s.io/v1beta1", "IPAddress", "1.34", ""),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "1.9", ""),
    ],
)
def test_removed_versions(api_version: str, kind: str, release: str, expected: str) -> None:
    thing = Object({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}, Origin())
    assert removed_in(thing, release) == expected


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x", "v"])
def test_what_is_no_release(text: str) -> None:
    with pytest.raises(ValueError, match="no Kubernetes release"):
        minor(text)
