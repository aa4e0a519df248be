from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance.kube.chart_values import settings
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Object
from conformance.kube.storage import claims_of, claims_used_by, node_of, replicas
from tests.kube.no_file import NoFile


def thing(kind: str, api_version: str, spec: dict[str, Any], **metadata: Any) -> Object:
    meta = {"name": "x", "namespace": "n", **metadata}
    return Object({"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}, NoFile())


def storage_class(name: str, default: str | None = None) -> Object:
    annotations = {} if default is None else {"storageclass.kubernetes.io/is-default-class": default}
    raw = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
    }
    return Object(raw, NoFile())


@pytest.mark.parametrize(
    ("spec", "annotations", "classes", "expected"),
    [
        ({"storageClassName": "a"}, {}, [storage_class("d", "true")], "a"),
        ({"storageClassName": ""}, {}, [storage_class("d", "true")], ""),
        ({}, {}, [storage_class("d", "true"), storage_class("e", "false")], "d"),
        ({}, {}, [storage_class("d", "true"), storage_class("e", "true")], None),
        ({}, {}, [], None),
        ({"storageClassName": "a"}, {"volume.beta.kubernetes.io/storage-class": "b"}, [], "b"),
    ],
)
def test_the_class_of_a_claim(
    spec: dict[str, Any], annotations: dict[str, str], classes: list[Object], expected: str | None
) -> None:
    (claim,) = claims_of(thing("PersistentVolumeClaim", "v1", spec, annotations=annotations))
    assert claim.storage_class(Inventory(classes)) == expected


def test_templates_count_once_for_each_replica() -> None:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    (claim,) = claims_of(thing("StatefulSet", "apps/v1", {"replicas": 3, "volumeClaimTemplates": [template]}))
    assert (claim.name, claim.count, claim.size) == ("data", 3, Decimal(2**30))
    assert claim.size_path == ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage")
    installation = {"configuration": {"clusters": [{"layout": {"shardsCount": 2, "replicasCount": 3}}]}}
    assert replicas(thing("ClickHouseInstallation", "clickhouse.altinity.com/v1", installation)) == 6


def test_a_deployment_uses_the_claims_that_it_names() -> None:
    pod = {"containers": [], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]}
    deployment = thing("Deployment", "apps/v1", {"template": {"spec": pod}})
    claim = thing("PersistentVolumeClaim", "v1", {})
    other = thing("PersistentVolumeClaim", "v1", {}, namespace="other")
    assert [each.owner for each in claims_used_by(deployment, Inventory([deployment, other, claim]))] == [claim]


def test_a_volume_that_may_be_on_two_nodes_is_pinned_to_none() -> None:
    def volume(*hosts: str) -> Object:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": list(hosts)}
        term = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        return thing("PersistentVolume", "v1", {"nodeAffinity": {"required": term}})

    assert (node_of(volume("a")), node_of(volume("a", "b"))) == ("a", "")


class File(NoFile):
    def __init__(self, path: str) -> None:
        self.path = path


def test_later_layers_of_values_win() -> None:
    files = [
        Document({"a": {"b": 1, "c": 1, "d": 1, "e": 1}}, File("r/values/app.yaml")),
        Document({"a": {"c": 2, "d": 2, "e": 2}}, File("r/values/prod.yaml")),
    ]
    helm = {
        "valueFiles": ["$values/values/app.yaml", "../values/prod.yaml"],
        "valuesObject": {"a": {"d": 3, "e": 3}},
        "parameters": [{"name": "a.e", "value": "false"}],
    }
    application = thing("Application", "argoproj.io/v1alpha1", {"source": {"helm": helm}})
    world = Inventory([application], files)
    found = {key: settings(world, "values/app.yaml", f"a.{key}")[0] for key in "bcde"}
    assert {key: setting.value for key, setting in found.items()} == {"b": 1, "c": 2, "d": 3, "e": False}
    assert found["c"].subject is files[1]
    assert found["d"].path == ("spec", "source", "helm", "valuesObject", "a", "d")
    assert found["e"].path == ("spec", "source", "helm", "parameters", 0, "value")
    missing = settings(world, "values/app.yaml", "a.x")[0]
    assert (missing.value, missing.subject, missing.path) == (None, files[0], ("a", "x"))
    assert settings(world, "values/other.yaml", "a.b") == []
