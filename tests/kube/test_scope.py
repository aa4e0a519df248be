"""Scope of kinds."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.kube.scope import declared_scopes, is_cluster_kind, is_namespaced, settle_namespaces


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        ("", "Pod", True),
        ("", "Namespace", False),
        ("", "PersistentVolume", False),
        ("", "PersistentVolumeClaim", True),
        ("apps", "Deployment", True),
        ("storage.k8s.io", "StorageClass", False),
        ("storage.k8s.io", "CSIStorageCapacity", True),
        ("networking.k8s.io", "IngressClass", False),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy", False),
        ("policy", "PodSecurityPolicy", False),
        ("extensions", "Ingress", True),
        ("apps", "Namespace", None),
        ("cert-manager.io", "ClusterIssuer", None),
    ],
)
def test_built_in_kinds(group: str, kind: str, expected: bool | None) -> None:
    assert is_namespaced(group, kind) is expected


def test_a_kind_without_its_group() -> None:
    assert is_cluster_kind("StorageClass")
    assert not is_cluster_kind("Deployment")
    assert not is_cluster_kind("Certificate")


def definition(scope: Any, *, kind: Any = "ClusterIssuer") -> dict[str, Any]:
    spec = {"group": "cert-manager.io", "names": {"kind": kind}, "scope": scope}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}


def test_definitions_in_the_tree_tell_the_scope_of_their_kind() -> None:
    declared = declared_scopes([definition("Cluster"), definition("Namespaced", kind="Issuer"), ["no mapping"]])
    assert is_namespaced("cert-manager.io", "ClusterIssuer", declared) is False
    assert is_namespaced("cert-manager.io", "Issuer", declared) is True
    assert is_namespaced("cert-manager.io", "Challenge", declared) is None


def test_a_definition_cannot_move_a_built_in_kind() -> None:
    assert is_namespaced("", "Pod", {("", "Pod"): False}) is True


@pytest.mark.parametrize(
    "broken", [definition("cluster"), definition("Cluster", kind=3), {"kind": "CustomResourceDefinition", "spec": []}]
)
def test_a_broken_definition_declares_nothing(broken: dict[str, Any]) -> None:
    assert declared_scopes([broken]) == {}


def test_a_definition_without_scope_means_namespaced() -> None:
    raw = definition("x")
    del raw["spec"]["scope"]
    assert declared_scopes([raw]) == {("cert-manager.io", "ClusterIssuer"): True}


class Nowhere:
    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


@pytest.mark.parametrize(
    ("api_version", "kind", "own", "target", "expected"),
    [
        ("v1", "Pod", None, "shop", "shop"),
        ("v1", "Pod", "own", "shop", "own"),
        ("v1", "Pod", None, None, None),
        ("v1", "Namespace", None, "shop", ""),
        ("v1", "Namespace", None, None, ""),
        ("v1", "PersistentVolume", "own", None, ""),
        ("cert-manager.io/v1", "ClusterIssuer", "own", "shop", ""),
        ("cert-manager.io/v1", "Issuer", None, "shop", "shop"),
        ("example.com/v1", "Unknown", None, "shop", None),
        ("example.com/v1", "Unknown", "own", "shop", "own"),
    ],
)
def test_the_namespace_is_what_the_scope_allows(
    api_version: str, kind: str, own: str | None, target: str | None, expected: str | None
) -> None:
    declared = {("cert-manager.io", "ClusterIssuer"): False, ("cert-manager.io", "Issuer"): True}
    metadata = {"name": "x"} if own is None else {"name": "x", "namespace": own}
    obj = Object({"apiVersion": api_version, "kind": kind, "metadata": metadata}, Nowhere(), target)
    settle_namespaces([obj], declared)
    assert obj.namespace == expected


def test_metadata_of_a_wrong_type_names_no_namespace() -> None:
    obj = Object({"apiVersion": "example.com/v1", "kind": "Unknown", "metadata": 3}, Nowhere(), "shop")
    settle_namespaces([obj], {})
    assert obj.namespace is None
