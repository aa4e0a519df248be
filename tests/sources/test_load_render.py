"""Loading and rendering together, as a run does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.sources.load import Loaded, load, read_file
from conformance.sources.render import RenderOptions, RenderPlan
from tests.sources.trees import write

APPLICATION = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: web, namespace: argocd}
    spec: {destination: {namespace: shop}, source: {path: apps}}
"""
OBJECTS = """
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: api, namespace: own}
    ---
    apiVersion: v1
    kind: PersistentVolume
    metadata: {name: disk}
    ---
    apiVersion: example.com/v1
    kind: Unknown
    metadata: {name: odd}
"""


def loaded(top: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(top)
    return load(["."], jobs=1, plan=RenderPlan(RenderOptions(), read_file))


def namespaces(found: Loaded) -> dict[str, str | None]:
    return {f"{obj.kind} {obj.name}": obj.namespace for obj in found.objects}


def test_plain_files_below_an_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"argo.yaml": APPLICATION, "apps/all.yaml": OBJECTS})
    assert namespaces(loaded(tmp_path, monkeypatch)) == {
        "Service web": "shop",
        "Service api": "own",
        "PersistentVolume disk": "",
        "Unknown odd": None,
        "Application web": "argocd",
    }


def test_cluster_objects_have_an_empty_namespace_without_any_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"all.yaml": OBJECTS})
    assert namespaces(loaded(tmp_path, monkeypatch))["PersistentVolume disk"] == ""
    assert namespaces(loaded(tmp_path, monkeypatch))["Service web"] is None


@pytest.mark.tool("kustomize", "helm")
def test_what_was_rendered_takes_the_place_of_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {}\n"
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [web.yaml]\n",
            "base/web.yaml": service.format("web"),
            "prod/kustomization.yaml": "resources: [../base]\nnamespace: shop\npatches: [{path: patch.yaml}]\n",
            "prod/patch.yaml": service.format("web") + "spec: {type: NodePort}\n",
            "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
            "chart/values.yaml": "kind: odd\napiVersion: values\n",
            "chart/templates/api.yaml": "{{ if true }}\n" + service.format("api") + "{{ end }}\n",
            "plain.yaml": service.format("plain"),
        },
    )
    found = loaded(tmp_path, monkeypatch)
    assert found.rejected == []
    assert {f"{obj.kind} {obj.namespace}/{obj.name}": str(obj.locate("metadata.name")) for obj in found.objects} == {
        "Service shop/web": "base/web.yaml:4:3",
        "Service None/api": "chart/templates/api.yaml:5:3",
        "Service None/plain": "plain.yaml:4:3",
    }
    inputs = {document.origin.path for document in found.documents}
    assert inputs >= {"base/kustomization.yaml", "prod/patch.yaml", "chart/Chart.yaml", "chart/values.yaml"}
    assert found.total == found.loaded


@pytest.mark.tool("kustomize")
def test_a_kustomization_without_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"Kustomization": "resources: [web.yaml]\nnamespace: shop\n", "web.yaml": OBJECTS})
    assert namespaces(loaded(tmp_path, monkeypatch))["Service web"] == "shop"


@pytest.mark.tool("kustomize")
def test_a_base_outside_the_judged_paths_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"base/kustomization.yaml": "resources: [all.yaml]\n", "base/all.yaml": OBJECTS})
    write(tmp_path, {"prod/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n"})
    monkeypatch.chdir(tmp_path)
    found = load(["prod"], jobs=1, plan=RenderPlan(RenderOptions(), read_file))
    [web] = [obj for obj in found.objects if obj.name == "p-web"]
    assert str(web.locate("kind")) == "base/all.yaml:2:1"
