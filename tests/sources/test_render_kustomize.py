"""Kustomizations to objects, through the plan that the loader calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.object import Location
from conformance.sources import program
from conformance.sources.kustomize import read_kustomization
from conformance.sources.kustomize_build import build, explain
from conformance.sources.program import Program
from conformance.sources.render import RenderOptions
from tests.sources.trees import objects, read, rendering, write

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

NETWORK = "needs the network (--allow-network)"


def line(location: Location) -> tuple[str, int]:
    return location.path, location.line


def rejected(top: Path, options: RenderOptions | None = None) -> list[tuple[str, str, str]]:
    found = rendering(top, options).rejected
    return [(each.what, str(each.location), each.reason) for each in found]


def test_an_overlay_renders_its_base(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\nnamespace: shop\nnamePrefix: eu-\n"})
    found = rendering(tmp_path)
    [(name, web)] = objects(found).items()
    assert name == "Deployment shop/eu-web"
    assert web.origin.path == "base/web.yaml"
    assert web.origin.via == "rendered by prod"  # type: ignore[attr-defined]
    assert found.consumed == {"base/kustomization.yaml", "base/web.yaml", "prod/kustomization.yaml"}
    assert found.rejected == []


def test_our_annotations_are_taken_out_again(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"},
    )
    [pod] = objects(rendering(tmp_path)).values()
    assert pod.raw == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_annotations_that_the_user_asked_for_stay(tmp_path: Path) -> None:
    text = "resources: [../base]\nbuildMetadata: [originAnnotations, managedByLabel]\n"
    write(tmp_path, {**BASE, "prod/kustomization.yaml": text})
    [web] = objects(rendering(tmp_path)).values()
    assert web.annotations["config.kubernetes.io/origin"] == "path: ../base/web.yaml\n"
    assert "app.kubernetes.io/managed-by" in web.labels
    assert line(web.locate("spec.replicas")) == ("base/web.yaml", 6)


def test_lines_through_an_overlay(tmp_path: Path) -> None:
    overlay = """
        resources: [../base]
        images: [{name: nginx, newTag: "2.0"}]
        patches: [{path: patch.yaml}]
    """
    patch = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          template:
            spec:
              containers:
              - name: side
                image: side:1
    """
    write(tmp_path, {**BASE, "prod/kustomization.yaml": overlay, "prod/patch.yaml": patch})
    [web] = objects(rendering(tmp_path)).values()
    containers = "spec.template.spec.containers"
    assert [each["name"] for each in web.get(containers)] == ["side", "app"]
    assert line(web.locate("")) == ("base/web.yaml", 1)
    assert line(web.locate("spec.replicas")) == ("prod/patch.yaml", 5)
    assert line(web.locate(f"{containers}[1].args")) == ("base/web.yaml", 12)
    assert line(web.locate(f"{containers}[1].resources.limits")) == ("base/web.yaml", 10)
    assert line(web.locate(f"{containers}[1].image")) == ("base/web.yaml", 0), "the image transformer has no line"
    assert line(web.locate(f"{containers}[0].image")) == ("prod/patch.yaml", 10)
    assert line(web.locate(f"{containers}[0].resources")) == ("base/web.yaml", 0)


def test_each_overlay_has_objects_of_its_own(tmp_path: Path) -> None:
    overlays = {f"{name}/kustomization.yaml": f"resources: [../base]\nnamespace: {name}\n" for name in ("dev", "prod")}
    write(tmp_path, {**BASE, **overlays})
    found = objects(rendering(tmp_path))
    assert {name: web.origin.via for name, web in found.items()} == {  # type: ignore[attr-defined]
        "Deployment dev/web": "rendered by dev",
        "Deployment prod/web": "rendered by prod",
    }


def test_objects_of_one_kind_in_one_file_are_told_apart(tmp_path: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {}\n---\n"
    files = {"kustomization.yaml": "resources: [all.yaml]\nnameSuffix: -v2\n"}
    write(tmp_path, {**files, "all.yaml": service.format("web") + service.format("api")})
    found = objects(rendering(tmp_path))
    assert {name: line(each.locate("kind")) for name, each in found.items()} == {
        "Service web-v2": ("all.yaml", 2),
        "Service api-v2": ("all.yaml", 7),
    }


def test_elements_of_a_list_are_located(tmp_path: Path) -> None:
    items = """
        apiVersion: v1
        kind: List
        items:
        - apiVersion: v1
          kind: Pod
          metadata:
            name: a
        - apiVersion: v1
          kind: Pod
          metadata:
            name: b
    """
    write(tmp_path, {"kustomization.yaml": "resources: [all.yaml]\n", "all.yaml": items})
    assert line(objects(rendering(tmp_path))["Pod b"].locate("metadata.name")) == ("all.yaml", 11)


def test_a_generated_object_is_at_its_generator(tmp_path: Path) -> None:
    text = """
        namePrefix: eu-
        configMapGenerator:
        - name: other
          literals: [a=b]
        - name: settings
          files: [app.conf]
    """
    write(tmp_path, {"kustomization.yaml": text, "app.conf": "x\n"})
    found = rendering(tmp_path)
    [settings] = [each for name, each in objects(found).items() if name.startswith("ConfigMap eu-settings-")]
    assert line(settings.locate("data[app.conf]")) == ("kustomization.yaml", 5)
    assert "app.conf" in found.consumed


def test_patches_are_never_objects_even_when_the_build_fails(tmp_path: Path) -> None:
    text = "resources: [web.yaml, gone.yaml]\npatches: [{path: patch.yaml}]\n"
    write(tmp_path, {"kustomization.yaml": text, "web.yaml": DEPLOYMENT, "patch.yaml": DEPLOYMENT})
    found = rendering(tmp_path)
    assert found.consumed == {"kustomization.yaml", "patch.yaml"}
    assert found.documents == []
    assert rejected(tmp_path) == [
        ("kustomization", "kustomization.yaml:1:1", "resources names gone.yaml, which does not exist")
    ]


def test_patches_named_as_in_kustomize_1_are_patches_too(tmp_path: Path) -> None:
    text = "resources: [web.yaml]\npatches:\n- patch.yaml\n"
    write(tmp_path, {"kustomization.yaml": text, "web.yaml": DEPLOYMENT, "patch.yaml": DEPLOYMENT})
    assert rendering(tmp_path).consumed == {"kustomization.yaml", "patch.yaml"}


def test_plain_resources_of_a_failed_build_get_its_namespace(tmp_path: Path) -> None:
    text = "namespace: shop\nresources: [web.yaml, gone.yaml]\n"
    write(tmp_path, {"prod/web.yaml": DEPLOYMENT, "prod/kustomization.yaml": text})
    assert dict(rendering(tmp_path).namespaces) == {"prod/web.yaml": "shop"}


def test_what_kustomize_says_becomes_one_line_at_the_kustomization_to_blame(tmp_path: Path) -> None:
    base = "resources: [web.yaml]\npatches: [{patch: 'kind: ['}]\n"
    write(tmp_path, {**BASE, "base/kustomization.yaml": base, "prod/kustomization.yaml": "resources: [../base]\n"})
    [(what, where, reason)] = rejected(tmp_path)
    assert (what, where) == ("kustomization", "base/kustomization.yaml")
    assert reason.endswith("; not rendered: prod")
    assert "\n" not in reason
    assert str(tmp_path) not in reason


def test_one_fault_of_a_base_is_said_once(tmp_path: Path) -> None:
    overlays = {f"{name}/kustomization.yaml": "resources: [../base]\n" for name in ("a", "b", "c", "d", "e")}
    write(tmp_path, {"base/kustomization.yaml": "resources:\n- gone.yaml\n", **overlays})
    [(_, where, reason)] = rejected(tmp_path)
    assert where == "base/kustomization.yaml:2:1"
    assert reason == "resources names gone.yaml, which does not exist; not rendered: a, b, c and 2 more"


@pytest.mark.parametrize("url", ["https://example.com/all.yaml", "github.com/org/repo//deploy?ref=v1"])
def test_nothing_is_fetched(tmp_path: Path, url: str) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": f"resources:\n- ../base\n- {url}\n"})
    assert rejected(tmp_path) == [("kustomization", "prod/kustomization.yaml:3:1", f"{NETWORK}: {url}")]
    assert rendering(tmp_path).consumed == {"base/kustomization.yaml", "base/web.yaml", "prod/kustomization.yaml"}


@pytest.mark.parametrize(
    "setting", ['files: [a.conf, "https://127.0.0.2:1/secret"]', "env: https://127.0.0.2:1/secret"]
)
def test_urls_in_the_configuration_of_generators_are_not_fetched_either(tmp_path: Path, setting: str) -> None:
    generator = f"apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {{name: x}}\n{setting}\n"
    write(tmp_path, {"kustomization.yaml": "generators: [generator.yaml]\n", "generator.yaml": generator, "a.conf": ""})
    assert rejected(tmp_path) == [
        ("kustomization", "generator.yaml:4:1", "needs the network (--allow-network): https://127.0.0.2:1/secret")
    ]


@pytest.mark.parametrize("url", ["https://example.invalid/all.yaml", "https://example.invalid/org/repo//deploy"])
def test_kustomize_could_not_fetch_even_if_a_url_were_overlooked(tmp_path: Path, url: str) -> None:
    write(tmp_path, {"kustomization.yaml": f"resources: ['{url}']\n"})
    file, kustomize = read(tmp_path / "kustomization.yaml", "kustomization.yaml"), program.find("kustomize")
    assert file is not None
    assert kustomize is not None
    root = read_kustomization(file, tmp_path)
    assert root is not None
    with pytest.raises(program.ProgramError, match=r"dial tcp 127\.0\.0\.1:9") as raised:
        build(kustomize, root, {}, timeout=10)
    assert explain(str(raised.value)).reason == "needs the network"


def test_files_outside_a_kustomization_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.yaml": DEPLOYMENT, "app/kustomization.yaml": "resources: [../secret.yaml]\n"})
    [(_, where, reason)] = rejected(tmp_path)
    assert where == "app/kustomization.yaml"
    assert "is not in or below" in reason


def test_a_base_outside_the_repository_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "repo/prod/kustomization.yaml": "resources: [../../base]\n", "repo/.git/config": ""})
    assert rejected(tmp_path / "repo") == [
        ("kustomization", "prod/kustomization.yaml:1:1", f"uses {tmp_path}/base, which lies outside the repository")
    ]


def test_a_cycle_is_told(tmp_path: Path) -> None:
    write(tmp_path, {f"{a}/kustomization.yaml": f"resources: [../{b}]\n" for a, b in (("a", "b"), ("b", "a"))})
    [(_, _, reason)] = rejected(tmp_path)
    assert "cycle detected" in reason


def test_a_component_nobody_uses_leaves_its_resources_as_they_stand(tmp_path: Path) -> None:
    text = "kind: Component\nresources: [web.yaml]\npatches: [{path: patch.yaml}]\n"
    write(tmp_path, {"kustomization.yaml": text, "web.yaml": DEPLOYMENT, "patch.yaml": DEPLOYMENT})
    found = rendering(tmp_path)
    assert (found.documents, found.rejected) == ([], [])
    assert found.consumed == {"kustomization.yaml", "patch.yaml"}


def test_a_used_component_is_rendered(tmp_path: Path) -> None:
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [web.yaml]\n"
    files = {"part/kustomization.yaml": component, "part/web.yaml": DEPLOYMENT}
    write(tmp_path, {**files, "prod/kustomization.yaml": "components: [../part]\n"})
    assert list(objects(rendering(tmp_path))) == ["Deployment web"]


def test_an_overlay_can_be_judged_without_its_base(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\n"})
    [web] = objects(rendering(tmp_path / "prod")).values()
    assert web.locate("spec.replicas") == Location(str(tmp_path / "base/web.yaml"), 6, 1)


def test_a_schema_of_the_root_is_carried_along(tmp_path: Path) -> None:
    kinds = '[{"group": "x", "version": "v1", "kind": "Web"}]'
    schema = f'{{"definitions": {{"x.Web": {{"x-kubernetes-group-version-kind": {kinds}}}}}}}'
    files = {"schema.json": schema, "web.yaml": "apiVersion: x/v1\nkind: Web\nmetadata: {name: a}\n"}
    write(tmp_path, {**files, "kustomization.yaml": "resources: [web.yaml]\nopenapi: {path: schema.json}\n"})
    assert list(objects(rendering(tmp_path))) == ["Web a"]


def test_without_rendering_resources_are_judged_as_they_stand(tmp_path: Path) -> None:
    text = "namespace: shop\nresources: [web.yaml]\npatches: [{path: patch.yaml}]\n"
    write(tmp_path, {"kustomization.yaml": text, "web.yaml": DEPLOYMENT, "patch.yaml": DEPLOYMENT})
    found = rendering(tmp_path, RenderOptions(render=False))
    assert found.consumed == {"kustomization.yaml", "patch.yaml"}
    assert (found.documents, found.rejected, dict(found.namespaces)) == ([], [], {"web.yaml": "shop"})


def test_without_the_programs_every_root_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    [(what, where, reason)] = rejected(tmp_path)
    assert (what, where) == ("kustomization", "prod/kustomization.yaml:1:1")
    assert reason.startswith("needs the program kustomize (https://")
    assert "--no-render" in reason


@pytest.mark.tool("kubectl")
def test_kubectl_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\nnamespace: shop\n"})
    kubectl = program.find("kubectl")
    assert kubectl is not None
    monkeypatch.setattr("conformance.sources.rounds.find_kustomize", lambda: kubectl)
    [(name, web)] = objects(rendering(tmp_path)).items()
    assert name == "Deployment shop/web"
    assert line(web.locate("spec.replicas")) == ("base/web.yaml", 6)


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin/kustomize"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr("conformance.sources.rounds.find_kustomize", lambda: Program("kustomize", str(slow)))
    write(tmp_path / "tree", BASE)
    [(_, where, reason)] = rejected(tmp_path / "tree", RenderOptions(timeout=0.2))
    assert (where, reason) == ("base/kustomization.yaml", "kustomize did not finish within 0.2 seconds")


def test_a_second_run_does_not_build_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "tree", {**BASE, "prod/kustomization.yaml": "resources: [../base]\n"})
    options = RenderOptions(cache=tmp_path / "cache")
    first = objects(rendering(tmp_path / "tree", options))
    monkeypatch.setattr("conformance.sources.overlays.build", lambda *_, **__: pytest.fail("built again"))
    again = objects(rendering(tmp_path / "tree", options))
    assert {name: web.raw for name, web in again.items()} == {name: web.raw for name, web in first.items()}
    assert line(again["Deployment web"].locate("spec.replicas")) == ("base/web.yaml", 6)


@pytest.mark.parametrize("changed", ["base/web.yaml", "base/kustomization.yaml", "base/app.conf"])
def test_a_changed_input_is_built_again(tmp_path: Path, changed: str) -> None:
    base = "resources: [web.yaml]\nconfigMapGenerator: [{name: c, files: [app.conf]}]\n"
    files = {**BASE, "base/kustomization.yaml": base, "base/app.conf": "x: 1\n"}
    write(tmp_path / "tree", files)
    options = RenderOptions(cache=tmp_path / "cache")
    first = [each.raw for each in rendering(tmp_path / "tree", options).documents]
    text = (tmp_path / "tree" / changed).read_text()
    (tmp_path / "tree" / changed).write_text(
        text.replace("web\n", "api\n").replace("x: 1", "x: 2").replace("name: c", "name: d")
    )
    assert [each.raw for each in rendering(tmp_path / "tree", options).documents] != first


def test_what_holds_secrets_is_not_kept(tmp_path: Path) -> None:
    text = "secretGenerator: [{name: token, literals: [a=b]}]\n"
    write(tmp_path / "tree", {"kustomization.yaml": text})
    rendering(tmp_path / "tree", RenderOptions(cache=tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/templates/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
    "charts/web/values.yaml": "name: default\n",
}


@pytest.mark.tool("helm")
def test_a_chart_of_a_kustomization_is_rendered_with_it(tmp_path: Path) -> None:
    text = "helmCharts: [{name: web, releaseName: web, valuesInline: {name: inline}}]\n"
    write(tmp_path, {**CHART, "kustomization.yaml": text})
    found = rendering(tmp_path)
    assert found.rejected == []
    assert list(objects(found)) == ["Pod inline"]


def test_a_chart_that_would_be_downloaded(tmp_path: Path) -> None:
    text = "helmCharts:\n- {name: redis, repo: 'https://charts.example.com', version: 1.0.0}\n"
    write(tmp_path, {"kustomization.yaml": text})
    assert rejected(tmp_path) == [
        ("kustomization", "kustomization.yaml:2:1", f"{NETWORK}: https://charts.example.com redis")
    ]


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "helmCharts: [{name: web, releaseName: --post-renderer=./evil}]\n",
        "helmGlobals: {configHome: home}\nhelmCharts: [{name: web}]\n",
        "helmCharts: [{name: web, valuesFile: ../../secret.yaml}]\n",
    ],
)
def test_a_kustomization_cannot_make_helm_run_or_read_other_files(tmp_path: Path, text: str, network: bool) -> None:
    write(tmp_path, {"secret.yaml": "a: 1\n"})
    write(tmp_path / "a/b", {**CHART, "kustomization.yaml": text})
    [(_, where, reason)] = rejected(tmp_path / "a/b", RenderOptions(allow_network=network))
    assert where.startswith("kustomization.yaml:")
    assert "so it is not run" in reason or "lies outside the kustomization" in reason


REMOTE = "resources: [{}, 'https://127.0.0.2:1/x.yaml']\n"


def test_what_a_failed_root_is_built_from_is_built_by_itself_in_its_namespace(tmp_path: Path) -> None:
    base = {**BASE, "base/kustomization.yaml": "resources: [web.yaml]\nimages: [{name: nginx, newTag: '1.3'}]\n"}
    middle = {"middle/kustomization.yaml": REMOTE.format("../base")}
    write(tmp_path, {**base, **middle, "prod/kustomization.yaml": "resources: [../middle]\nnamespace: shop\n"})
    found = rendering(tmp_path)
    [(name, web)] = objects(found).items()
    assert name == "Deployment shop/web"
    assert web.raw["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.3"
    reason = f"{NETWORK}: https://127.0.0.2:1/x.yaml; not rendered: prod"
    assert rejected(tmp_path) == [("kustomization", "middle/kustomization.yaml:1:1", reason)]


def test_a_base_that_another_overlay_shows_is_not_built_by_itself(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "prod/kustomization.yaml": "resources: [../base]\nnamespace: shop\n"})
    write(tmp_path, {"dev/kustomization.yaml": REMOTE.format("../base")})
    assert list(objects(rendering(tmp_path))) == ["Deployment shop/web"]
