"""Argo CD and Flux objects: where they deliver what, with which values."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.sources.argocd import parse_image
from conformance.sources.candidates import Candidate, read_deliveries
from conformance.sources.delivery import Delivery, Target, Targets
from conformance.sources.flux import Variables
from conformance.sources.repository import Repository
from tests.sources.trees import places, write


def deliveries(top: Path) -> list[Delivery]:
    """What the objects of a tree deliver, as they stand there."""
    here = places(top)
    candidates = [
        Candidate(document.raw, Target(None), path, lambda document=document: document.origin)  # type: ignore[misc]
        for path, file in here
        for document in file.documents
        if isinstance(document.raw, dict)
    ]

    def documents(path: Path) -> list[Any]:
        file = here.read(path)
        return [document.raw for document in file.documents] if file else []

    return read_deliveries(candidates, Repository(top), documents)


def application(**source: Any) -> str:
    spec = {"destination": {"namespace": "shop"}, "source": {"path": "apps/web", **source}}
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    return json.dumps({**head, "metadata": {"name": "web", "namespace": "argocd"}, "spec": spec})


FILES = {"apps/web/x.yaml": "kind: Pod\n", "apps/web/values-prod.yaml": "a: 1\n", "common/values.yaml": "a: 0\n"}


def one(tmp_path: Path, text: str) -> Delivery:
    write(tmp_path, {**FILES, "app.yaml": text})
    [found] = deliveries(tmp_path)
    return found


def test_an_application_delivers_its_path(tmp_path: Path) -> None:
    found = one(tmp_path, application())
    assert (found.by, found.directory, found.namespace) == ("Application argocd/web", tmp_path / "apps/web", "shop")
    assert (found.release, found.values, found.overlay, found.variables) == ("web", (), {}, None)


def test_values_of_an_application_in_the_order_in_which_they_win(tmp_path: Path) -> None:
    helm = {
        "releaseName": "front",
        "valueFiles": ["../../common/values.yaml", "values-prod.yaml", "/common/values.yaml"],
        "values": "b: 2\n",
        "parameters": [{"name": "image.tag", "value": "1,2"}, {"name": "id", "value": "007", "forceString": True}],
        "fileParameters": [{"name": "config", "path": "x.yaml"}],
    }
    found = one(tmp_path, application(helm=helm))
    assert found.release == "front"
    assert found.values == (
        ("file", str(tmp_path / "common/values.yaml")),
        ("file", str(tmp_path / "apps/web/values-prod.yaml")),
        ("file", str(tmp_path / "common/values.yaml")),
        ("text", "b: 2\n"),
        ("set", "image.tag=1\\,2"),
        ("set-string", "id=007"),
        ("set-file", f"config={tmp_path}/apps/web/x.yaml"),
    )


def test_values_object_wins_over_values(tmp_path: Path) -> None:
    found = one(tmp_path, application(helm={"values": "a: 1", "valuesObject": {"a": 2}}))
    assert found.values == (("text", '{"a": 2}'),)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone.yaml", "Application argocd/web names values file gone.yaml, which is not in the tree"),
        ("../../../outside.yaml", "names values file ../../../outside.yaml, which is not in the tree"),
        (
            "https://example.com/v.yaml",
            "Application argocd/web needs the network for values file https://example.com/v.yaml",
        ),
        ("$values/v.yaml", "names values file $values/v.yaml, which is not in the tree"),
        ("values-{{env}}.yaml", "names values file values-{{env}}.yaml, which only a cluster knows"),
    ],
)
def test_values_that_are_not_to_be_had_are_never_left_out(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "outside.yaml").write_text("secret: 1\n")
    [(kind, text)] = one(tmp_path / "repo", application(helm={"valueFiles": [name]})).values
    assert kind == "unknown"
    assert reason in text


def test_missing_values_files_may_be_allowed(tmp_path: Path) -> None:
    found = one(tmp_path, application(helm={"valueFiles": ["gone.yaml"], "ignoreMissingValueFiles": True}))
    assert found.values == ()


def test_values_of_another_source_of_the_same_application(tmp_path: Path) -> None:
    spec = {
        "destination": {"namespace": "shop"},
        "sources": [
            {
                "repoURL": "https://example.com/x.git",
                "path": "apps/web",
                "helm": {"valueFiles": ["$v/common/values.yaml"]},
            },
            {"repoURL": "https://example.com/x.git", "ref": "v"},
            {"repoURL": "https://charts.example.com", "chart": "redis", "path": "ignored"},
        ],
    }
    text = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}, "spec": spec}
    assert one(tmp_path, json.dumps(text)).values == (("file", str(tmp_path / "common/values.yaml")),)


@pytest.mark.parametrize(
    "source",
    [
        {"path": "gone"},
        {"path": "../outside"},
        {"path": "apps/web/x.yaml"},
        {"path": "."},
        {"chart": "web"},
        {"repoURL": "https://example.com/other.git"},
    ],
)
def test_what_is_not_here_is_not_delivered(tmp_path: Path, source: dict[str, Any]) -> None:
    write(tmp_path, {**FILES, "app.yaml": application(**source), "../outside/x.yaml": ""})
    write(tmp_path, {".git/config": '[remote "origin"]\n\turl = https://example.com/shop.git\n'})
    assert deliveries(tmp_path) == []


def test_the_root_is_delivered_when_the_repository_is_surely_this_one(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": '[remote "origin"]\n\turl = https://example.com/shop.git\n'})
    found = one(tmp_path, application(path=".", repoURL="https://example.com/fork/shop"))
    assert found.directory == tmp_path


@pytest.mark.parametrize("spec", ["3", "[]", '{"source": 3}', '{"sources": {}}', '{"source": {"path": 3}}'])
def test_an_object_of_wrong_types_delivers_nothing(tmp_path: Path, spec: str) -> None:
    write(tmp_path, {**FILES, "app.yaml": f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {spec}\n"})
    assert deliveries(tmp_path) == []


def test_options_of_kustomize_are_laid_over(tmp_path: Path) -> None:
    options = {
        "namePrefix": "eu-",
        "namespace": "other",
        "images": ["nginx=mirror/nginx:1.2"],
        "commonLabels": {"a": "b"},
        "labelWithoutSelector": True,
        "commonAnnotations": {"c": "d"},
        "replicas": [{"name": "web", "count": 3}],
        "patches": [{"patch": "x"}],
        "components": ["../tls"],
    }
    assert one(tmp_path, application(kustomize=options)).overlay == {
        "namePrefix": "eu-",
        "namespace": "other",
        "images": [{"name": "nginx", "newName": "mirror/nginx", "newTag": "1.2"}],
        "labels": [{"pairs": {"a": "b"}, "includeSelectors": False}],
        "commonAnnotations": {"c": "d"},
        "replicas": [{"name": "web", "count": 3}],
        "patches": [{"patch": "x"}],
        "components": [str(tmp_path / "apps/web/../tls")],
    }


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx:1.2", {"name": "nginx", "newTag": "1.2"}),
        ("host:5000/nginx", {"name": "host:5000/nginx"}),
        ("host:5000/nginx:1@sha256:ab", {"name": "host:5000/nginx", "newTag": "1", "digest": "sha256:ab"}),
        ("nginx=mirror/nginx", {"name": "nginx", "newName": "mirror/nginx"}),
    ],
)
def test_images_as_kustomize_edit_writes_them(text: str, image: dict[str, str]) -> None:
    assert parse_image(text) == image


def application_set(generators: str, path: str, namespace: str, name: str = "web") -> str:
    return f"""
        apiVersion: argoproj.io/v1alpha1
        kind: ApplicationSet
        metadata: {{name: all, namespace: argocd}}
        spec:
          generators: {generators}
          template:
            metadata: {{name: "{name}"}}
            spec:
              destination: {{namespace: "{namespace}"}}
              source: {{path: "{path}"}}
    """


TEAMS = {"teams/red/x.yaml": "", "teams/blue/x.yaml": "", "teams/old/x.yaml": ""}


def expanded(tmp_path: Path, *arguments: str) -> set[tuple[str, str | None, str | None]]:
    write(tmp_path, {**TEAMS, "set.yaml": application_set(*arguments)})
    found = deliveries(tmp_path)
    assert {delivery.by for delivery in found} <= {"ApplicationSet argocd/all"}
    return {(d.directory.relative_to(tmp_path).as_posix(), d.namespace, d.release) for d in found}


def test_a_list_of_parameters(tmp_path: Path) -> None:
    elements = "[{list: {elements: [{team: red, number: 1}, {team: blue, number: 2}]}}]"
    assert expanded(tmp_path, elements, "teams/{{team}}", "{{ .team }}-{{number}}", "web-{{team}}") == {
        ("teams/red", "red-1", "web-red"),
        ("teams/blue", "blue-2", "web-blue"),
    }


@pytest.mark.parametrize(
    ("path", "namespace"),
    [("{{path}}", "{{path.basename}}"), ("{{ .path.path }}", "{{ .path.basename }}"), ("{{path}}", "{{path[1]}}")],
)
def test_directories_of_the_repository(tmp_path: Path, path: str, namespace: str) -> None:
    git = "[{git: {directories: [{path: teams/*}, {path: teams/old, exclude: true}]}}]"
    assert expanded(tmp_path, git, path, namespace) == {("teams/red", "red", "web"), ("teams/blue", "blue", "web")}


def test_segments_of_a_go_template(tmp_path: Path) -> None:
    git = "[{git: {directories: [{path: teams/red}]}}]"
    assert expanded(tmp_path, git, "{{.path.path}}", "{{ index .path.segments 1 }}") == {("teams/red", "red", "web")}


def test_files_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"teams/red/config.json": '{"target": {"ns": "rouge"}, "flag": true}'})
    git = "[{git: {files: [{path: teams/*/config.json}]}}]"
    assert expanded(tmp_path, git, "{{path}}", "{{target.ns}}") == {("teams/red", "rouge", "web")}


def test_a_matrix_multiplies(tmp_path: Path) -> None:
    matrix = (
        "[{matrix: {generators: [{list: {elements: [{stage: a}, {stage: b}]}}, "
        "{git: {directories: [{path: teams/red}]}}]}}]"
    )
    assert expanded(tmp_path, matrix, "{{path}}", "{{stage}}") == {("teams/red", "a", "web"), ("teams/red", "b", "web")}


@pytest.mark.parametrize(
    "generators",
    [
        "[{clusters: {}}]",
        "[{list: {elements: [{team: red}]}, selector: {}}]",
        "[{matrix: {generators: [{clusters: {}}]}}]",
    ],
)
def test_what_only_a_cluster_knows_matches_every_directory_and_no_namespace(tmp_path: Path, generators: str) -> None:
    found = expanded(tmp_path, generators, "teams/{{team}}", "{{team}}", "{{team}}")
    assert found == {("teams/red", None, None), ("teams/blue", None, None), ("teams/old", None, None)}


@pytest.mark.parametrize("pattern", ["**x", "../*", "/", "a\\0b", "teams/../../*"])
def test_patterns_that_make_no_sense_match_nothing(tmp_path: Path, pattern: str) -> None:
    git = f'[{{git: {{directories: [{{path: "{pattern}"}}]}}}}]'
    assert expanded(tmp_path, git, "{{path}}", "shop") == set()


def test_a_fixed_namespace_holds_whatever_the_path_is(tmp_path: Path) -> None:
    assert ("teams/red", "shop", "web") in expanded(tmp_path, "[{clusters: {}}]", "teams/{{team}}", "shop")


def flux(kind: str, spec: str, group: str = "kustomize.toolkit.fluxcd.io/v1", name: str = "web") -> str:
    metadata = f'{{"name": "{name}", "namespace": "flux"}}'
    return f'{{"apiVersion": "{group}", "kind": "{kind}", "metadata": {metadata}, "spec": {spec}}}'


def data(kind: str, name: str, content: str) -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux}}\ndata: {{{content}}}\n"


def test_a_flux_kustomization(tmp_path: Path) -> None:
    spec = """{"path": "./apps/web", "targetNamespace": "shop", "namePrefix": "a-", "patches": [{"patch": "x"}],
      "images": [{"name": "a", "newTag": "1"}], "components": ["../tls"],
      "commonMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}"""
    found = one(tmp_path, flux("Kustomization", spec))
    assert (found.by, found.directory, found.namespace) == ("Kustomization flux/web", tmp_path / "apps/web", "shop")
    assert found.overlay == {
        "namespace": "shop",
        "namePrefix": "a-",
        "patches": [{"patch": "x"}],
        "images": [{"name": "a", "newTag": "1"}],
        "components": [str(tmp_path / "apps/web/../tls")],
        "labels": [{"pairs": {"a": "b"}}],
        "commonAnnotations": {"c": "d"},
    }
    assert found.variables is None


def test_missing_components_may_be_ignored(tmp_path: Path) -> None:
    spec = '{"path": "apps/web", "components": ["gone"], "ignoreMissingComponents": true}'
    assert one(tmp_path, flux("Kustomization", spec)).overlay == {}


def test_variables_come_from_config_maps_and_the_kustomization_itself(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"s3").decode()
    write(
        tmp_path,
        {
            "vars.yaml": data("ConfigMap", "vars", "A: from-map, B: b"),
            "secret.yaml": data("Secret", "s", f"C: {encoded}"),
        },
    )
    build = """{"substitute": {"A": "own", "N": 3}, "substituteFrom": [{"kind": "ConfigMap", "name": "vars"},
      {"kind": "Secret", "name": "s"}, {"kind": "ConfigMap", "name": "gone", "optional": true}]}"""
    found = one(tmp_path, flux("Kustomization", f'{{"path": "apps/web", "postBuild": {build}}}'))
    assert found.variables == Variables((("A", "own"), ("B", "b"), ("C", "s3"), ("N", "3")), complete=True)


@pytest.mark.parametrize(
    "secret", ["", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {C: x}\nsops: {mac: m}\n"]
)
def test_variables_of_a_secret_that_nobody_can_read_are_open(tmp_path: Path, secret: str) -> None:
    write(tmp_path, {"secret.yaml": secret})
    build = '{"substituteFrom": [{"kind": "Secret", "name": "s"}]}'
    found = one(tmp_path, flux("Kustomization", f'{{"path": "apps/web", "postBuild": {build}}}'))
    assert found.variables == Variables((), complete=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: ${A}", "a: one"),
        ("a: ${A}-${B:=two}", "a: one-two"),
        ("a: ${B:-two} ${EMPTY:-x} ${EMPTY-x}", "a: two x "),
        ("a: ${GONE}", "a: "),
        ("a: $${A} $A", "a: ${A} $A"),
        ("a: ${A/x/y}", "a: ${A/x/y}"),
        ("metadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\na: ${A}", None),
    ],
)
def test_replaced_text(text: str, expected: str | None) -> None:
    assert Variables((("A", "one"), ("EMPTY", ""))).replace(text) == (text if expected is None else expected)


def test_an_open_variable_stays_unless_it_has_a_default() -> None:
    assert Variables((), complete=False).replace("${A} ${B:=b}") == "${A} b"


RELEASE = "helm.toolkit.fluxcd.io/v2"


def release(chart: str, more: str = "") -> str:
    return flux("HelmRelease", f'{{"chart": {{"spec": {chart}}}{more}}}', RELEASE)


LOCAL = '{"chart": "./apps/web", "sourceRef": {"kind": "GitRepository", "name": "shop"}}'


@pytest.mark.parametrize(
    ("more", "name", "namespace"),
    [
        ("", "web", "flux"),
        (', "targetNamespace": "shop"', "shop-web", "shop"),
        (', "targetNamespace": "shop", "releaseName": "front"', "front", "shop"),
    ],
)
def test_a_helm_release_of_a_chart_in_the_tree(tmp_path: Path, more: str, name: str, namespace: str) -> None:
    found = one(tmp_path, release(LOCAL, more))
    assert (found.directory, found.release, found.namespace) == (tmp_path / "apps/web", name, namespace)


def test_a_chart_of_a_registry_is_not_in_the_tree(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "a.yaml": release(LOCAL.replace("GitRepository", "HelmRepository"))})
    assert deliveries(tmp_path) == []


def test_values_of_a_helm_release_in_the_order_in_which_they_win(tmp_path: Path) -> None:
    values = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: flux}\ndata: {values.yaml: 'a: 1', tag: '7'}\n"
    )
    write(tmp_path, {"v.yaml": values})
    chart = LOCAL[:-1] + ', "valuesFiles": ["common/values.yaml"]}'
    tag = '{"kind": "ConfigMap", "name": "v", "valuesKey": "tag", "targetPath": "b.c"}'
    sources = f'[{{"kind": "ConfigMap", "name": "v"}}, {tag}]'
    found = one(tmp_path, release(chart, f', "values": {{"d": 1}}, "valuesFrom": {sources}'))
    assert found.values == (
        ("file", str(tmp_path / "common/values.yaml")),
        ("text", "a: 1"),
        ("set", "b.c=7"),
        ("text", '{"d": 1}'),
    )


def test_values_from_a_config_map_that_is_not_there(tmp_path: Path) -> None:
    found = one(tmp_path, release(LOCAL, ', "valuesFrom": [{"kind": "ConfigMap", "name": "gone"}]'))
    assert found.values == (
        ("unknown", "HelmRelease flux/web takes values from ConfigMap gone, key values.yaml, which is not in the tree"),
    )


def test_a_git_repository_of_another_name_is_another_repository(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": '[remote "origin"]\n\turl = https://example.com/shop.git\n'})
    source = flux("GitRepository", '{"url": "https://example.com/other"}', "source.toolkit.fluxcd.io/v1", "shop")
    write(tmp_path, {**FILES, "a.yaml": release(LOCAL), "source.yaml": source})
    assert deliveries(tmp_path) == []


def test_an_artifact_that_is_copied_from_the_repository(tmp_path: Path) -> None:
    generator = """
        apiVersion: source.extensions.fluxcd.io/v1beta1
        kind: ArtifactGenerator
        metadata: {name: all, namespace: flux}
        spec:
          sources: [{alias: repo, kind: GitRepository, name: shop}]
          artifacts:
          - name: apps
            copy: [{from: "@repo/apps/**", to: "@artifact/"}]
    """
    write(tmp_path, {"generator.yaml": generator})
    spec = '{"path": "./web", "sourceRef": {"kind": "ExternalArtifact", "name": "apps"}}'
    assert one(tmp_path, flux("Kustomization", spec)).directory == tmp_path / "apps/web"


def test_of_two_clusters_each_uses_its_own_objects(tmp_path: Path) -> None:
    for cluster in ("a", "b"):
        values = data("ConfigMap", "v", f"X: {cluster}")
        build = '{"path": "apps/web", "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "v"}]}}'
        write(tmp_path, {f"{cluster}/v.yaml": values, f"{cluster}/web.yaml": flux("Kustomization", build)})
    write(tmp_path, FILES)
    assert {(d.by, d.variables) for d in deliveries(tmp_path)} == {
        (f"Kustomization flux/web of {cluster}/web.yaml", Variables((("X", cluster),))) for cluster in ("a", "b")
    }


def delivery(directory: str, namespace: str | None, by: str = "Application a") -> Delivery:
    return Delivery(by, Path(directory), namespace)


def test_the_longest_path_decides() -> None:
    targets = Targets([delivery("/r/apps", "outer"), delivery("/r/apps/web", "inner")])
    assert targets.of(Path("/r/apps/web/sub")) == Target("inner")
    assert targets.of(Path("/r/apps/other")) == Target("outer")


def test_nothing_is_guessed() -> None:
    assert Targets([]).of(Path("/r")) == Target(None, "no Argo CD or Flux object in the tree delivers it")
    assert Targets([delivery("/r", None)]).of(Path("/r/x")) == Target(None, "Application a does not say the namespace")


def test_two_namespaces_are_none() -> None:
    targets = Targets([delivery("/r", "a"), delivery("/r", "b", "Application b"), delivery("/r", "a", "Application c")])
    assert targets.of(Path("/r")) == Target(None, "several deliver it: Application a says a, Application b says b")


def test_two_that_agree_are_one() -> None:
    assert Targets([delivery("/r", "a"), delivery("/r", "a", "Application b")]).of(Path("/r")).namespace == "a"
