"""Charts to objects, through the plan that the loader calls."""

from __future__ import annotations

import functools
import http.server
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.kube.object import Location, Object
from conformance.sources.helm import ValuesChoice, is_helm_test
from conformance.sources.program import Program
from conformance.sources.render import RenderOptions
from tests.sources.trees import objects, rendering, write

pytestmark = pytest.mark.tool("helm")

DEPLOYMENT = """
    {{- if .Values.enabled }}
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: {{ include "web.name" . }}
      namespace: {{ .Release.Namespace }}
      labels: {{- include "web.labels" . | nindent 4 }}
    spec:
      replicas: {{ .Values.replicas }}
      template:
        spec:
          {{- with .Values.nodeSelector }}
          nodeSelector:
            {{- toYaml . | nindent 8 }}
          {{- end }}
          containers:
          {{- range .Values.containers }}
          - name: {{ .name }}
            image: "{{ .image }}"
            args:
            - serve
          {{- end }}
          hostNetwork: true
    {{- end }}
"""
HELPERS = """
    {{- define "web.name" }}{{ .Release.Name }}-web{{ end }}
    {{- define "web.labels" }}
    app: web
    tier: front
    {{- end }}
"""
VALUES = """
    enabled: true
    replicas: 1
    nodeSelector: {disk: ssd, zone: a}
    containers:
    - {name: app, image: "app:1"}
    - {name: side, image: "side:1"}
"""
CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "web/values.yaml": VALUES,
    "web/templates/deployment.yaml": DEPLOYMENT,
    "web/templates/_helpers.tpl": HELPERS,
}
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\n"


def line(location: Location) -> tuple[str, int]:
    return location.path, location.line


def rejected(top: Path, options: RenderOptions | None = None) -> list[tuple[str, str, str]]:
    return [(each.what, str(each.location), each.reason) for each in rendering(top, options).rejected]


def only(top: Path, options: RenderOptions | None = None) -> Object:
    found = rendering(top, options)
    assert found.rejected == []
    [obj] = objects(found).values()
    return obj


def test_a_chart_is_rendered_with_its_own_values(tmp_path: Path) -> None:
    write(tmp_path, CHART)
    web = only(tmp_path)
    assert (web.kind, web.name) == ("Deployment", "web-web")
    assert (web.origin.path, web.origin.via) == ("web/templates/deployment.yaml", "rendered with values.yaml")  # type: ignore[attr-defined]
    assert rendering(tmp_path).consumed == set(CHART)


def test_a_namespace_that_nobody_says_is_none_not_default(tmp_path: Path) -> None:
    write(tmp_path, CHART)
    web = only(tmp_path)
    assert web.namespace is None
    assert "namespace" not in web.raw["metadata"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("", 2),
        ("kind", 3),
        ("metadata.name", 5),
        ("metadata.labels", 7),
        ("metadata.labels.tier", 7),
        ("metadata.annotations", 4),
        ("spec.replicas", 9),
        ("spec.template.spec.nodeSelector", 13),
        ("spec.template.spec.nodeSelector.zone", 14),
        ("spec.template.spec.nodeSelector.disk", 14),
        ("spec.template.spec.containers[0]", 18),
        ("spec.template.spec.containers[1].image", 19),
        ("spec.template.spec.containers[1].args[0]", 21),
        ("spec.template.spec.containers[1].resources.limits", 18),
        ("spec.template.spec.hostNetwork", 23),
        ("spec.template.spec.hostPID", 11),
    ],
)
def test_every_field_is_at_the_template_line_that_printed_it(tmp_path: Path, field: str, expected: int) -> None:
    write(tmp_path, CHART)
    assert line(only(tmp_path).locate(field)) == ("web/templates/deployment.yaml", expected)


def test_a_value_that_numbers_would_change_has_no_line(tmp_path: Path) -> None:
    config = """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: web
          annotations:
            digest: {{ include (print $.Template.BasePath "/pod.yaml") . | sha256sum }}
        data:
          run.yaml: |
            a: b
            c: d
          random: {{ randAlphaNum 20 }}
    """
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/templates/config.yaml": config})
    write(tmp_path, {"web/templates/pod.yaml": POD.format("a")})
    found = objects(rendering(tmp_path))["ConfigMap web"]
    assert line(found.locate("kind")) == ("web/templates/config.yaml", 2)
    assert line(found.locate("data.other")) == ("web/templates/config.yaml", 7)
    for field in ("metadata.annotations.digest", "data[run.yaml]", "data.random"):
        assert line(found.locate(field)) == ("web/templates/config.yaml", 0)


def test_a_template_that_breaks_by_numbers_costs_only_its_own_lines(tmp_path: Path) -> None:
    broken = POD.format("broken") + "  annotations: {a: b,\n    c: '{{ if true }}x\n    y{{ end }}: z'}\n"
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/templates/a.yaml": POD.format("good")})
    write(tmp_path, {"web/templates/b.yaml": '{{ $x := fromYaml "a: 1" }}' + "\n" + broken})
    found = objects(rendering(tmp_path))
    assert line(found["Pod good"].locate("metadata.name")) == ("web/templates/a.yaml", 4)


def test_text_of_another_template_has_no_line_in_this_one(tmp_path: Path) -> None:
    outer = '{{ include (print $.Template.BasePath "/inner.yaml") . }}\nspec: {}\n'
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/templates/inner.yaml": POD.format("a")})
    write(tmp_path, {"web/templates/outer.yaml": outer})
    found = [each for each in rendering(tmp_path).documents if each.origin.path.endswith("outer.yaml")]
    assert [line(each.locate("metadata.name")) for each in found] == [("web/templates/outer.yaml", 0)]
    assert [line(each.locate("spec")) for each in found] == [("web/templates/outer.yaml", 2)]


def test_environments_are_rendered_one_by_one(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/values-prod.yaml": "replicas: 5\n", "web/values-dev.yaml": "replicas: 2\n"})
    replicas = {each.origin.via: each.get("spec.replicas") for each in rendering(tmp_path).documents}  # type: ignore[attr-defined]
    assert replicas == {
        "rendered with values.yaml": 1,
        "rendered with values-prod.yaml": 5,
        "rendered with values-dev.yaml": 2,
    }


REQUIRED = {**CHART, "web/templates/pod.yaml": POD.format('{{ required "name is required" .Values.name }}')}


def test_own_values_that_are_not_enough_are_no_fault_beside_environments_that_are(tmp_path: Path) -> None:
    write(tmp_path, {**REQUIRED, "web/values-prod.yaml": "name: a\nenabled: false\n"})
    assert list(objects(rendering(tmp_path))) == ["Pod a"]
    assert rejected(tmp_path) == []


def test_own_values_that_are_not_enough_are_a_fault_alone(tmp_path: Path) -> None:
    write(tmp_path, REQUIRED)
    assert rejected(tmp_path) == [
        ("chart", "web/templates/pod.yaml:4:1", "name is required (rendered with values.yaml)")
    ]


def test_an_environment_that_fails_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/values-prod.yaml": "replicas: [\n"})
    [(what, where, reason)] = rejected(tmp_path)
    assert (what, where) == ("chart", "web/Chart.yaml")
    assert reason.startswith("failed to parse")
    assert reason.endswith("(rendered with values-prod.yaml)")


def test_values_of_chart_testing_help_where_own_values_are_not_enough(tmp_path: Path) -> None:
    write(
        tmp_path,
        {**REQUIRED, "web/ci/a-values.yaml": "other: 1\n", "web/ci/b-values.yaml": "name: b\nenabled: false\n"},
    )
    pod = only(tmp_path)
    assert (pod.name, pod.origin.via) == ("b", "rendered with ci/b-values.yaml")  # type: ignore[attr-defined]
    assert line(pod.locate("metadata.name")) == ("web/templates/pod.yaml", 4)


def test_chosen_values_take_the_place_of_environments(tmp_path: Path) -> None:
    files = {"web/values-prod.yaml": "replicas: 5\n", "a.yaml": "replicas: 7\n", "web/b.yaml": "nodeSelector: null\n"}
    write(tmp_path, {**CHART, **files})
    choice = ValuesChoice("w*", (str(tmp_path / "a.yaml"), "b.yaml"))
    web = only(tmp_path, RenderOptions(values=(choice,)))
    assert web.get("spec.replicas") == 7
    assert web.get("spec.template.spec.nodeSelector") is None


def test_chosen_values_that_do_not_exist(tmp_path: Path) -> None:
    write(tmp_path, CHART)
    [(_, where, reason)] = rejected(tmp_path, RenderOptions(values=(ValuesChoice("web", ("gone.yaml",)),)))
    assert where == "web/Chart.yaml"
    assert reason == f"values file {tmp_path}/web/gone.yaml does not exist (rendered with gone.yaml)"


@pytest.mark.parametrize("name", ["a,b.yaml", "-x.yaml", 'q"uote.yaml', "--post-renderer=evil.yaml"])
def test_odd_names_of_values_files_are_names(tmp_path: Path, name: str) -> None:
    write(tmp_path, {**CHART, "web/values-a,b.yaml": "replicas: 3\n"})
    (tmp_path / "web" / name).write_text("replicas: 3\n")
    release = ValuesChoice("web", (name,))
    assert only(tmp_path, RenderOptions(values=(release,))).get("spec.replicas") == 3


def test_the_version_of_kubernetes_does_not_depend_on_the_program(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            **CHART,
            "web/values.yaml": "",
            "web/templates/pod.yaml": POD.format("v{{ .Capabilities.KubeVersion.Minor }}"),
        },
    )
    assert only(tmp_path).name == "v34"
    assert only(tmp_path, RenderOptions(kube_version="1.29")).name == "v29"


def test_kinds_of_the_cluster_can_be_named(tmp_path: Path) -> None:
    text = '{{- if .Capabilities.APIVersions.Has "example.com/v1" }}\n' + POD.format("a") + "{{- end }}\n"
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/templates/pod.yaml": text})
    assert rendering(tmp_path).documents == []
    assert only(tmp_path, RenderOptions(api_versions=("example.com/v1",))).name == "a"


CRD = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: a.example.com}
    ---
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: b.example.com
"""


def test_definitions_are_rendered_too_and_located_in_their_file(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/crds/all.yaml": CRD})
    found = rendering(tmp_path)
    definition = objects(found)["CustomResourceDefinition b.example.com"]
    assert definition.namespace == ""
    assert line(definition.locate("metadata.name")) == ("web/crds/all.yaml", 8)
    assert "web/crds/all.yaml" in found.consumed


def test_definitions_of_a_failed_chart_are_judged_as_they_stand(tmp_path: Path) -> None:
    write(tmp_path, {**REQUIRED, "web/crds/all.yaml": CRD})
    found = rendering(tmp_path)
    assert "web/crds/all.yaml" not in found.consumed
    assert "web/templates/pod.yaml" in found.consumed


def test_hooks_and_tests_are_rendered_and_told_apart(tmp_path: Path) -> None:
    hook = POD + "  annotations: {{helm.sh/hook: {}}}\n"
    files = {
        "web/templates/test.yaml": hook.format("t", "test"),
        "web/templates/job.yaml": hook.format("j", "pre-install"),
    }
    write(tmp_path, {**CHART, "web/values.yaml": "", **files})
    found = objects(rendering(tmp_path))
    assert {name: is_helm_test(each) for name, each in found.items()} == {"Pod t": True, "Pod j": False}


def test_a_library_is_not_rendered_alone(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\ntype: library\n"})
    found = rendering(tmp_path)
    assert (found.documents, found.rejected) == ([], [])
    assert found.consumed == set(CHART)


SUBCHART = {
    "redis/Chart.yaml": "apiVersion: v2\nname: redis\nversion: 1.0.0\n",
    "redis/templates/pod.yaml": POD.format("{{ .Values.name }}"),
    "redis/values.yaml": "name: own\n",
}
PARENT = """
    apiVersion: v2
    name: shop
    version: 0.1.0
    dependencies:
    - name: redis
      version: 1.0.0
      repository: REPOSITORY
      alias: cache
"""


def parent(repository: str) -> dict[str, str]:
    return {
        "shop/Chart.yaml": PARENT.replace("REPOSITORY", repository),
        "shop/values.yaml": "cache: {name: from-parent}\n",
    }


def test_a_subchart_is_rendered_with_its_parent_only(tmp_path: Path) -> None:
    vendored = {f"shop/charts/{name}": text for name, text in SUBCHART.items()}
    write(tmp_path, {**parent("https://charts.example.com"), **vendored})
    pod = only(tmp_path)
    assert pod.name == "from-parent"
    assert line(pod.locate("metadata.name")) == ("shop/charts/redis/templates/pod.yaml", 4)


def test_a_dependency_elsewhere_in_the_tree_needs_no_download(tmp_path: Path) -> None:
    write(tmp_path, {**parent("file://../redis"), **SUBCHART})
    found = objects(rendering(tmp_path))
    assert set(found) == {"Pod from-parent", "Pod own"}
    assert line(found["Pod from-parent"].locate("metadata.name")) == ("redis/templates/pod.yaml", 4)
    assert not (tmp_path / "shop/charts").exists()


def package(tmp_path: Path, place: Path) -> None:
    write(tmp_path / "source", SUBCHART)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, "w:gz") as archive:
        archive.add(tmp_path / "source/redis", "redis")


def test_of_a_packed_subchart_the_package_is_named(tmp_path: Path) -> None:
    write(tmp_path / "tree", parent("https://charts.example.com"))
    package(tmp_path, tmp_path / "tree/shop/charts/redis-1.0.0.tgz")
    pod = only(tmp_path / "tree")
    assert pod.name == "from-parent"
    assert pod.locate("metadata.name") == Location("shop/charts/redis-1.0.0.tgz")


def test_missing_dependencies_are_named_and_not_fetched(tmp_path: Path) -> None:
    write(tmp_path, parent("https://charts.example.com"))
    assert rejected(tmp_path) == [
        ("chart", "shop/Chart.yaml:5:1", "dependencies are not in charts/: redis (run `helm dependency build`)")
    ]


@pytest.fixture
def chart_repository(tmp_path: Path) -> Iterator[str]:
    """A chart repository on this machine."""
    served = tmp_path / "served"
    package(tmp_path, served / "redis-1.0.0.tgz")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served))) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        subprocess.run(["helm", "repo", "index", str(served), "--url", url], check=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


def test_dependencies_are_fetched_when_that_is_allowed(tmp_path: Path, chart_repository: str) -> None:
    write(tmp_path / "tree", parent(chart_repository))
    pod = only(tmp_path / "tree", RenderOptions(allow_network=True))
    assert pod.name == "from-parent"
    assert not (tmp_path / "tree/shop/charts").exists(), "nothing is written into the tree"


def test_a_chart_cannot_show_files_from_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, {"secret.yaml": "password: x\n"})
    leak = POD.format("a") + 'data: {{ .Files.Get "files/secret.yaml" | quote }}\n'
    write(tmp_path / "tree", {**CHART, "web/templates/pod.yaml": leak})
    (tmp_path / "tree/web/files").mkdir()
    (tmp_path / "tree/web/files/secret.yaml").symlink_to(tmp_path / "secret.yaml")
    [(what, where, reason)] = rejected(tmp_path / "tree")
    assert (what, where) == ("chart", "web/Chart.yaml")
    assert reason.endswith("secret.yaml is a symbolic link that leads out of the repository")


def test_links_inside_the_repository_are_fine(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "shared/pod.yaml": POD.format("shared"), "web/values.yaml": ""})
    (tmp_path / "web/templates/pod.yaml").symlink_to(tmp_path / "shared/pod.yaml")
    assert "Pod shared" in objects(rendering(tmp_path))


def test_keys_that_a_template_prints_twice_are_told(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/values.yaml": "", "web/templates/pod.yaml": POD.format("a") + "kind: Pod\n"})
    assert rejected(tmp_path) == [
        ("duplicate key", "web/templates/pod.yaml", 'key "kind" stands twice in what this renders; the last one counts')
    ]


def test_without_helm_every_chart_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, CHART)
    monkeypatch.setenv("PATH", str(tmp_path))
    [(what, where, reason)] = rejected(tmp_path)
    assert (what, where) == ("chart", "web/Chart.yaml")
    assert reason.startswith("needs the program helm on PATH (https://helm.sh")
    assert "--no-render" in reason


def test_without_rendering_templates_are_still_no_objects(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/crds/all.yaml": CRD})
    found = rendering(tmp_path, RenderOptions(render=False))
    assert (found.documents, found.rejected) == ([], [])
    assert found.consumed == set(CHART)


def test_a_chart_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin/helm"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr("conformance.sources.rounds.find", lambda _: Program("helm", str(slow)))
    write(tmp_path / "tree", CHART)
    assert rejected(tmp_path / "tree", RenderOptions(timeout=0.2)) == [
        ("chart", "web/Chart.yaml", "helm did not finish within 0.2 seconds (rendered with values.yaml)")
    ]


def test_the_users_own_helm_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    spy = tmp_path / "bin/helm"
    spy.parent.mkdir()
    spy.write_text(f"#!/bin/sh\n/usr/bin/env > {seen}\n")
    spy.chmod(0o755)
    monkeypatch.setenv("HELM_PLUGINS", "/home/me/plugins")
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    monkeypatch.setattr("conformance.sources.rounds.find", lambda _: Program("helm", str(spy)))
    write(tmp_path / "tree", CHART)
    rendering(tmp_path / "tree")
    assert "/home/me" not in seen.read_text()


def test_a_second_run_does_not_render_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "tree", CHART)
    options = RenderOptions(cache=tmp_path / "cache")
    first = only(tmp_path / "tree", options)
    with monkeypatch.context() as patched:
        patched.setattr("conformance.sources.charts.template", lambda *_: pytest.fail("rendered again"))
        again = only(tmp_path / "tree", options)
    assert again.raw == first.raw
    assert line(again.locate("spec.replicas")) == ("web/templates/deployment.yaml", 9)


@pytest.mark.parametrize("changed", ["web/values.yaml", "web/templates/deployment.yaml", "web/templates/_helpers.tpl"])
def test_a_changed_input_is_rendered_again(tmp_path: Path, changed: str) -> None:
    write(tmp_path / "tree", CHART)
    options = RenderOptions(cache=tmp_path / "cache")
    first = only(tmp_path / "tree", options).raw
    place = tmp_path / "tree" / changed
    text = place.read_text()
    place.write_text(
        text.replace("replicas: 1", "replicas: 2").replace("- serve", "- run").replace("tier: front", "tier: back")
    )
    assert only(tmp_path / "tree", options).raw != first


def test_another_version_is_rendered_again(tmp_path: Path) -> None:
    write(
        tmp_path / "tree",
        {
            **CHART,
            "web/values.yaml": "",
            "web/templates/pod.yaml": POD.format("v{{ .Capabilities.KubeVersion.Minor }}"),
        },
    )
    names = [
        only(tmp_path / "tree", RenderOptions(cache=tmp_path / "cache", kube_version=v)).name for v in ("1.30", "1.31")
    ]
    assert names == ["v30", "v31"]


ARGO = """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: front, namespace: argocd}
    spec:
      destination: {namespace: shop}
      source:
        path: web
        helm:
          valueFiles: [values-prod.yaml]
          valuesObject: {nodeSelector: null}
          parameters: [{name: "containers[0].name", value: main}, {name: "containers[0].image", value: "a:2"}]
"""


def test_an_application_renders_its_chart(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "web/values-prod.yaml": "replicas: 5\n", "argo.yaml": ARGO})
    web = only(tmp_path)
    assert str(web) == "Deployment shop/front-web"
    assert web.raw["metadata"]["namespace"] == "shop"
    assert web.origin.via == "rendered for Application argocd/front"  # type: ignore[attr-defined]
    assert web.get("spec.replicas") == 5
    assert [each["name"] for each in web.get("spec.template.spec.containers")] == ["main"]


def test_values_of_an_application_that_are_not_to_be_had(tmp_path: Path) -> None:
    write(tmp_path, {**CHART, "argo.yaml": ARGO})
    assert rejected(tmp_path) == [
        (
            "chart",
            "web/Chart.yaml",
            "Application argocd/front names values file values-prod.yaml, which is not in the tree "
            "(rendered for Application argocd/front)",
        )
    ]


def test_a_helm_release_renders_its_chart(tmp_path: Path) -> None:
    release = """
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata: {name: front, namespace: shop}
        spec:
          chart: {spec: {chart: ./web, sourceRef: {kind: GitRepository, name: flux-system}}}
          valuesFrom: [{kind: ConfigMap, name: values}]
          values: {replicas: 4}
    """
    values = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: values, namespace: shop}
        data: {values.yaml: "replicas: 3\\nnodeSelector: null\\n"}
    """
    write(tmp_path, {**CHART, "release.yaml": release, "values.yaml": values})
    web = only(tmp_path)
    assert str(web) == "Deployment shop/front-web"
    assert web.get("spec.replicas") == 4
    assert web.get("spec.template.spec.nodeSelector") is None


def test_an_app_of_apps_delivers_what_it_renders(tmp_path: Path) -> None:
    apps = """
        {{- range .Values.apps }}
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {name: {{ . }}, namespace: argocd}
        spec: {destination: {namespace: {{ . }}-ns}, source: {path: web}}
        ---
        {{- end }}
    """
    root = {
        "root/Chart.yaml": "apiVersion: v2\nname: root\nversion: 0.1.0\n",
        "root/values.yaml": "apps: [red, blue]\n",
    }
    write(tmp_path, {**CHART, **root, "root/templates/apps.yaml": apps})
    found = objects(rendering(tmp_path))
    assert set(found) == {
        "Application argocd/red",
        "Application argocd/blue",
        "Deployment red-ns/red-web",
        "Deployment blue-ns/blue-web",
    }


def test_an_application_that_makes_ever_new_ones_comes_to_an_end(tmp_path: Path) -> None:
    apps = """
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {name: "{{ .Release.Name }}x", namespace: argocd}
        spec: {destination: {namespace: a}, source: {path: root}}
    """
    root = {"root/Chart.yaml": "apiVersion: v2\nname: root\nversion: 0.1.0\n"}
    write(tmp_path, {**root, "root/templates/apps.yaml": apps})
    assert rendering(tmp_path).documents != []
