"""Renderings as Argo CD and Flux objects of the tree ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.object import Location
from conformance.sources.render import RenderOptions, RenderPlan
from tests.sources.trees import objects, read, rendering, tree, write

pytestmark = pytest.mark.tool("kustomize")

DEPLOYMENT = """
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
    spec:
      replicas: 1
      template:
        spec:
          containers:
          - name: app
            image: nginx:1.2
            args: [serve]
"""
BASE = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": DEPLOYMENT}


def line(location: Location) -> tuple[str, int]:
    return location.path, location.line


FLUX = """
    apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata: {name: web, namespace: flux-system}
    spec:
      path: ./app
      targetNamespace: shop
      components: [../components/backup]
      postBuild: {substitute: {APP: web, REPLICAS: "3"}}
"""


def test_a_flux_kustomization_is_built_as_flux_does(tmp_path: Path) -> None:
    web = DEPLOYMENT.replace("name: web", "name: ${APP}").replace("replicas: 1", "replicas: ${REPLICAS}")
    claim = """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: ${APP}-data
    """
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [pvc.yaml]\n"
    write(
        tmp_path,
        {
            "flux/web.yaml": FLUX,
            "app/kustomization.yaml": "resources: [web.yaml]\n",
            "app/web.yaml": web,
            "components/backup/kustomization.yaml": component,
            "components/backup/pvc.yaml": claim,
        },
    )
    found = rendering(tmp_path)
    by_name = objects(found)
    assert list(by_name) == ["PersistentVolumeClaim shop/web-data", "Deployment shop/web"]
    deployment = by_name["Deployment shop/web"]
    assert deployment.get("spec.replicas") == 3
    assert deployment.origin.via == "rendered by app for Kustomization flux-system/web"  # type: ignore[attr-defined]
    assert line(deployment.locate("spec.replicas")) == ("app/web.yaml", 6)
    assert line(by_name["PersistentVolumeClaim shop/web-data"].locate("metadata.name")) == (
        "components/backup/pvc.yaml",
        4,
    )
    assert "components/backup/pvc.yaml" in found.consumed


def test_text_that_variables_break_is_told(tmp_path: Path) -> None:
    flux = FLUX.replace("components: [../components/backup]", "").replace('"3"', '"[1"')
    files = {"flux.yaml": flux, "app/kustomization.yaml": "resources: [web.yaml]\n"}
    write(tmp_path, {**files, "app/web.yaml": DEPLOYMENT.replace("replicas: 1", "replicas: ${REPLICAS}")})
    [lost] = rendering(tmp_path).rejected
    assert (lost.what, str(lost.location)) == ("kustomization", "app/kustomization.yaml")
    assert "of what it renders" in lost.reason


def test_flux_kustomizations_that_are_rendered_themselves_count(tmp_path: Path) -> None:
    flux = FLUX.replace("components: [../components/backup]", "").replace("targetNamespace: shop", "")
    clusters = {
        "cluster/kustomization.yaml": "resources: [web.yaml]\npatches: [{path: patch.yaml}]\n",
        "cluster/web.yaml": flux,
    }
    patch = """
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: web, namespace: flux-system}
        spec: {targetNamespace: patched}
    """
    app = {"app/kustomization.yaml": "resources: [web.yaml]\n", "app/web.yaml": DEPLOYMENT}
    write(tmp_path, {**clusters, "cluster/patch.yaml": patch, **app})
    assert "Deployment patched/web" in objects(rendering(tmp_path))


ARGO = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {{name: {name}, namespace: argocd}}
    spec: {{destination: {{namespace: {namespace}}}, source: {{path: {path}}}}}
"""


def test_the_destination_of_an_application_is_the_namespace_of_namespaced_kinds(tmp_path: Path) -> None:
    others = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: web}
        ---
        apiVersion: example.com/v1
        kind: Unknown
        metadata: {name: web}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: own}
    """
    files = {"app/kustomization.yaml": "resources: [web.yaml, others.yaml]\n", "app/web.yaml": DEPLOYMENT}
    write(
        tmp_path,
        {**files, "app/others.yaml": others, "argo.yaml": ARGO.format(name="web", namespace="shop", path="app")},
    )
    found = objects(rendering(tmp_path))
    assert {name: each.namespace for name, each in found.items()} == {
        "Deployment shop/web": "shop",
        "ClusterRole web": "",
        "Unknown web": None,
        "Service own/web": "own",
    }


def test_a_definition_in_the_tree_tells_the_scope(tmp_path: Path) -> None:
    definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: webs.example.com}
        spec: {group: example.com, scope: Namespaced, names: {kind: Web}}
    """
    files = {"app/kustomization.yaml": "resources: [web.yaml]\n", "crd.yaml": definition}
    web = "apiVersion: example.com/v1\nkind: Web\nmetadata: {name: a}\n"
    write(tmp_path, {**files, "app/web.yaml": web, "argo.yaml": ARGO.format(name="web", namespace="shop", path="app")})
    assert list(objects(rendering(tmp_path))) == ["Web shop/a"]


def test_plain_files_get_the_namespace_of_the_longest_path(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "apps/web/web.yaml": DEPLOYMENT,
            "apps/api/api.yaml": DEPLOYMENT,
            "loose.yaml": DEPLOYMENT,
            "a.yaml": ARGO.format(name="all", namespace="outer", path="apps"),
            "b.yaml": ARGO.format(name="web", namespace="inner", path="apps/web"),
        },
    )
    found = rendering(tmp_path)
    assert dict(found.namespaces) == {"apps/web/web.yaml": "inner", "apps/api/api.yaml": "outer"}
    assert found.consumed == set()


def test_several_destinations_leave_the_namespace_open_and_say_why(tmp_path: Path) -> None:
    two = {f"{name}.yaml": ARGO.format(name=name, namespace=name, path="apps") for name in ("red", "blue")}
    write(tmp_path, {**two, "apps/web.yaml": DEPLOYMENT})
    plan = RenderPlan(RenderOptions(), read)
    assert dict(plan(tree(tmp_path)).namespaces) == {}
    assert plan.unresolved["apps/web.yaml"] == (
        "several deliver it: Application argocd/blue says blue, Application argocd/red says red"
    )


def test_a_root_delivered_to_two_places_is_rendered_once_for_each_way(tmp_path: Path) -> None:
    argo = ARGO.format(name="plain", namespace="shop", path="base")
    prefixed = ARGO.format(name="eu", namespace="shop", path="base, kustomize: {namePrefix: eu-}")
    write(tmp_path, {**BASE, "a.yaml": argo, "b.yaml": prefixed})
    found = objects(rendering(tmp_path))
    assert {name: each.origin.via for name, each in found.items()} == {  # type: ignore[attr-defined]
        "Deployment shop/web": "rendered by base for Application argocd/plain",
        "Deployment shop/eu-web": "rendered by base for Application argocd/eu",
    }


def test_a_base_that_is_delivered_is_a_root_too(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n"})
    write(tmp_path, {"argo.yaml": ARGO.format(name="web", namespace="shop", path="base")})
    assert set(objects(rendering(tmp_path))) == {"Deployment shop/web", "Deployment p-web"}


def test_a_tree_of_plain_files_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"web.yaml": DEPLOYMENT, "values.yaml": "a: 1\n"})
    monkeypatch.setattr("conformance.sources.render.Rounds", lambda *_: pytest.fail("nothing to render here"))
    found = rendering(tmp_path)
    assert (found.consumed, found.documents, found.rejected, dict(found.namespaces)) == (set(), [], [], {})
