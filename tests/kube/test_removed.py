from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.kube.object import Location, Object
from conformance.kube.path import Path, render
from conformance.kube.removed import LAST_APPLIED, minor, removed_in, written_versions


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
    assert removed_in(thing.api_version, thing.kind, release) == expected


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x", "v"])
def test_what_is_no_release(text: str) -> None:
    with pytest.raises(ValueError, match="no Kubernetes release"):
        minor(text)


def test_versions_in_which_a_live_object_was_written() -> None:
    applied = '{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{}}\n'
    metadata = {
        "name": "x",
        "annotations": {LAST_APPLIED: applied},
        "managedFields": [
            {"manager": "a", "apiVersion": "policy/v1"},
            {"manager": "b", "apiVersion": "policy/v1beta1"},
        ],
    }
    thing = Object({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata}, Origin())
    assert [(version, render(path)) for version, path in written_versions(thing)] == [
        ("policy/v1", "apiVersion"),
        ("policy/v1beta1", f"metadata.annotations[{LAST_APPLIED}]"),
        ("policy/v1beta1", "metadata.managedFields[1].apiVersion"),
    ]
