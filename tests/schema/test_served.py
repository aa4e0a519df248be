import json
from pathlib import Path

import pytest

from conformance.schema import SchemaSet, served, store
from tests.schema.loading import thing


def _said(api_version: str, kind: str, version: str = "1.34") -> str:
    verdict = SchemaSet.load(version).judge(thing({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}))
    assert len(verdict.problems) <= 1
    for problem in verdict.problems:
        assert problem.path == ("apiVersion",)
    assert not (verdict.problems and verdict.not_validated)
    return verdict.problems[0].message if verdict.problems else ""


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("apps/v1beta1", "Deployment", " (last served by 1.15); use apps/v1"),
        ("extensions/v1beta1", "Ingress", " (last served by 1.21); use networking.k8s.io/v1"),
        ("batch/v1beta1", "CronJob", " (last served by 1.24); use batch/v1"),
        ("policy/v1beta1", "PodSecurityPolicy", " (last served by 1.24); use Pod Security Admission"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", " (last served by 1.25); use autoscaling/v2"),
        ("storage.k8s.io/v1beta1", "StorageClass", " (last served by 1.21); use storage.k8s.io/v1"),
        ("scheduling.k8s.io/v1beta1", "PodGroup", " (first served by 1.37)"),
        ("v1", "Deployment", "; use apps/v1"),
        ("apps/v1", "CronJob", "; use batch/v1"),
        ("networking.k8s.io/v2", "Ingress", "; use networking.k8s.io/v1"),
        ("apps/v1", "Deploymnet", '; did you mean "Deployment"?'),
        ("v1", "Servise", '; did you mean "Service"?'),
        ("v1", "Deploymnet", '; did you mean "Deployment" of apps/v1?'),
        ("networking.k8s.io/v1", "Gateway", ""),
    ],
)
def test_a_kind_that_is_not_served_is_a_problem(api_version: str, kind: str, message: str) -> None:
    assert _said(api_version, kind) == f"{api_version} {kind} is not served by Kubernetes 1.34{message}"


def test_a_kind_that_a_stored_version_still_served_says_so() -> None:
    said = _said("storagemigration.k8s.io/v1alpha1", "StorageVersionMigration", "1.37")
    assert said.startswith("storagemigration.k8s.io/v1alpha1 StorageVersionMigration is not served by Kubernetes 1.37")
    assert "(last served by 1.34); use storagemigration.k8s.io/v1" in said
    assert _said("storagemigration.k8s.io/v1alpha1", "StorageVersionMigration", "1.34") == ""


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("example.com/v1", "Deployment"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
        ("v1", "Config"),
        ("v1", "List"),
        ("v1", "Template"),
        ("v1", "DeploymentConfig"),
        ("", "Deployment"),
        ("v1", ""),
    ],
)
def test_a_strange_kind_is_not_validated_and_no_problem(api_version: str, kind: str) -> None:
    verdict = SchemaSet.load("1.34").judge(thing({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}))
    assert verdict.problems == ()
    assert verdict.not_validated == f"no schema of {api_version} {kind}"
    assert not verdict.valid


def test_the_table_of_removed_versions_speaks_of_nothing_that_is_stored() -> None:
    rows = json.loads(Path(served.__file__).with_name("removed.json").read_text(encoding="utf-8"))["removed"]
    keys = [(f"{row['apiVersion']}/{kind}", row) for row in rows for kind in row["kinds"]]
    assert len({key for key, _ in keys}) == len(keys) > 40
    newest = store.stored(store.versions()[-1]).kinds
    for key, row in keys:
        for version in store.versions():
            if store.order(version) >= store.order(row["in"]):
                assert key not in store.stored(version).kinds
        kind = key.rpartition("/")[2]
        assert f"{row['use']}/{kind}" in newest or kind == "PodSecurityPolicy", key
