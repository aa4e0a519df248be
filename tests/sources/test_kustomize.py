"""Kustomization files and the graph they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.sources.kustomize import Kustomization, Reference, Use, chart_home, read_kustomization, resolve
from conformance.sources.kustomize_graph import Graph
from tests.sources.trees import places, read, write


def kustomization(tmp_path: Path, text: str, name: str = "kustomization.yaml") -> Kustomization | None:
    write(tmp_path, {name: text})
    file = read(tmp_path / name, name)
    assert file is not None
    return read_kustomization(file, tmp_path)


def references(tmp_path: Path, text: str) -> list[tuple[Use, str, tuple[str | int, ...]]]:
    found = kustomization(tmp_path, text)
    assert found is not None
    return [(reference.use, reference.text, reference.field) for reference in found.references]


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_needs_neither_kind_nor_version(tmp_path: Path, name: str) -> None:
    found = kustomization(tmp_path, "resources: [a.yaml]\n", name)
    assert found is not None
    assert not found.is_component


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n",
        "kind: Deployment\n",
        "- a\n",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_the_name_of_the_file_alone_is_not_enough(tmp_path: Path, text: str) -> None:
    assert kustomization(tmp_path, text) is None


def test_another_name_is_no_kustomization(tmp_path: Path) -> None:
    assert kustomization(tmp_path, "kind: Kustomization\n", "ks.yaml") is None


def test_a_component(tmp_path: Path) -> None:
    found = kustomization(tmp_path, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
    assert found is not None
    assert found.is_component


def test_every_field_that_names_a_file(tmp_path: Path) -> None:
    text = """
        resources: [deployment.yaml, ../base]
        bases: [old]
        components: [../tls]
        crds: [crd.yaml]
        configurations: [config.yaml]
        generators: [generator.yaml]
        transformers: [transformer.yaml]
        validators: [validator.yaml]
        patchesStrategicMerge: [merge.yaml]
        patches: [{path: patch.yaml}, {patch: "inline: true"}]
        patchesJson6902: [{path: json.yaml}]
        replacements: [{path: replacement.yaml}, {source: {}}]
        configMapGenerator:
        - {name: a, files: [app.conf, key=other.conf], envs: [a.env], env: b.env}
        secretGenerator:
        - {name: s, files: [token]}
        openapi: {path: schema.json}
        helmCharts:
        - {name: web, valuesFile: values.yaml, additionalValuesFiles: [more.yaml]}
        helmChartInflationGenerator:
        - {chartName: old, values: old.yaml}
    """
    assert references(tmp_path, text) == [
        (Use.RESOURCE, "deployment.yaml", ("resources", 0)),
        (Use.RESOURCE, "../base", ("resources", 1)),
        (Use.RESOURCE, "old", ("bases", 0)),
        (Use.COMPONENT, "../tls", ("components", 0)),
        (Use.PATCH, "merge.yaml", ("patchesStrategicMerge", 0)),
        (Use.INPUT, "crd.yaml", ("crds", 0)),
        (Use.INPUT, "config.yaml", ("configurations", 0)),
        (Use.INPUT, "generator.yaml", ("generators", 0)),
        (Use.INPUT, "transformer.yaml", ("transformers", 0)),
        (Use.INPUT, "validator.yaml", ("validators", 0)),
        (Use.PATCH, "patch.yaml", ("patches", 0, "path")),
        (Use.PATCH, "json.yaml", ("patchesJson6902", 0, "path")),
        (Use.INPUT, "replacement.yaml", ("replacements", 0, "path")),
        (Use.INPUT, "app.conf", ("configMapGenerator", 0, "files", 0)),
        (Use.INPUT, "other.conf", ("configMapGenerator", 0, "files", 1)),
        (Use.INPUT, "a.env", ("configMapGenerator", 0, "envs", 0)),
        (Use.INPUT, "b.env", ("configMapGenerator", 0, "env")),
        (Use.INPUT, "token", ("secretGenerator", 0, "files", 0)),
        (Use.INPUT, "schema.json", ("openapi", "path")),
        (Use.INPUT, "values.yaml", ("helmCharts", 0, "valuesFile")),
        (Use.INPUT, "more.yaml", ("helmCharts", 0, "additionalValuesFiles", 0)),
        (Use.INPUT, "old.yaml", ("helmChartInflationGenerator", 0, "values")),
    ]


def test_inline_patches_name_no_file(tmp_path: Path) -> None:
    text = """
        patchesStrategicMerge:
        - |-
          kind: Deployment
        - '{"kind": "Deployment"}'
    """
    assert references(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "resources: 3",
        "resources: [3, null]",
        "patches: [[a]]",
        "configMapGenerator: {a: b}",
        "openapi: 1",
        "helmCharts: x",
    ],
)
def test_wrong_types_are_left_for_kustomize_to_reject(tmp_path: Path, text: str) -> None:
    assert references(tmp_path, text + "\n") == []


def test_text_that_can_name_no_file_is_no_reference(tmp_path: Path) -> None:
    assert references(tmp_path, f'resources: ["a\\0b", "", "{"x" * 300}"]\n') == []


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/all.yaml",
        "http://example.com/all.yaml",
        "HTTPS://example.com/all.yaml",
        "https://github.com/org/repo//deploy?ref=v1",
        "github.com/org/repo/deploy?ref=v1",
        "GitHub.com/org/repo",
        "github.com:org/repo.git",
        "git@github.com:org/repo.git//deploy",
        "user@host.example:repo",
        "ssh://git@example.com/org/repo",
        "git::https://example.com/repo.git",
        "file:///srv/repo.git",
    ],
)
def test_what_kustomize_would_fetch(text: str) -> None:
    assert Reference(Use.RESOURCE, text, ()).is_remote


@pytest.mark.parametrize("text", ["../base", "base", "./github.com/x", "a@b.yaml", "apps/github.com/x", "C:relative"])
def test_what_kustomize_would_not_fetch(text: str) -> None:
    assert not Reference(Use.RESOURCE, text, ()).is_remote


def graph(top: Path) -> Graph:
    here = places(top)
    return Graph([k for path, file in here if (k := read_kustomization(file, path.parent))], here.read)


def names(top: Path, found: list[Kustomization]) -> set[str]:
    return {k.directory.relative_to(top).as_posix() for k in found}


def test_roots_are_what_nothing_uses(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [web.yaml]\n",
            "base/web.yaml": "kind: Deployment\n",
            "tls/kustomization.yaml": "kind: Component\n",
            "prod/kustomization.yaml": "resources: [../base]\ncomponents: [../tls]\n",
            "alone/kustomization.yaml": "resources: [a.yaml]\n",
            "unused/kustomization.yaml": "kind: Component\n",
        },
    )
    assert names(tmp_path, graph(tmp_path).roots) == {"prod", "alone"}


def test_one_member_of_a_cycle_is_a_root(tmp_path: Path) -> None:
    write(
        tmp_path, {f"{a}/kustomization.yaml": f"resources: [../{b}]\n" for a, b in (("a", "b"), ("b", "c"), ("c", "a"))}
    )
    assert len(graph(tmp_path).roots) == 1


def test_a_kustomization_that_uses_itself_is_a_root(tmp_path: Path) -> None:
    write(tmp_path, {"a/kustomization.yaml": "resources: [.]\n"})
    assert names(tmp_path, graph(tmp_path).roots) == {"a"}


def test_a_base_outside_the_tree_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": "kind: Pod\n"})
    write(tmp_path, {"prod/kustomization.yaml": "resources: [../base]\n"})
    found = graph(tmp_path / "prod")
    [root] = found.roots
    assert found.closure(root).resources == {tmp_path / "base/web.yaml"}


def test_the_closure_tells_resources_from_inputs(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [web.yaml, gone.yaml]\ngenerators: [config]\n",
            "base/web.yaml": "kind: Deployment\n",
            "base/config/kustomization.yaml": "resources: [generator.yaml]\n",
            "base/config/generator.yaml": "kind: ConfigMapGenerator\n",
            "prod/kustomization.yaml": """
                resources: [../base, 'https://example.com/x.yaml']
                patches: [{path: p.yaml}]
            """,
            "prod/p.yaml": "kind: Deployment\n",
        },
    )
    found = graph(tmp_path)
    [root] = found.roots
    closure = found.closure(root)
    assert closure.resources == {tmp_path / "base/web.yaml"}
    assert closure.inputs == {tmp_path / "prod/p.yaml", tmp_path / "base/config/generator.yaml"}
    assert closure.folders == {tmp_path / "base"}
    assert [(document.origin.path, reference.text) for document, reference in closure.remote] == [
        ("prod/kustomization.yaml", "https://example.com/x.yaml")
    ]
    assert [(k.file.path, reference.text) for k, reference in closure.missing] == [
        ("base/kustomization.yaml", "gone.yaml")
    ]
    assert names(tmp_path, closure.kustomizations) == {"prod", "base", "base/config"}


def test_a_file_named_like_a_repository_is_local_and_a_directory_is_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "kustomization.yaml": "resources: [github.com/org/web.yaml, github.com/org/dir, github.com/org]\n",
            "github.com/org/web.yaml": "kind: Pod\n",
            "github.com/org/dir/kustomization.yaml": "a: 1\n",
            "github.com/org/kustomization.yaml": "a: 1\n",
        },
    )
    found = graph(tmp_path)
    root = found.at(tmp_path)
    assert root is not None
    closure = found.closure(root)
    assert closure.resources == {tmp_path / "github.com/org/web.yaml"}
    assert [reference.text for _, reference in closure.remote] == ["github.com/org/dir"]
    assert names(tmp_path, closure.kustomizations) == {".", "github.com/org"}


def test_the_outermost_namespace_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "namespace: inner\nresources: [web.yaml]\n",
            "base/web.yaml": "kind: Deployment\n",
            "prod/kustomization.yaml": "namespace: outer\nresources: [../base, own.yaml]\n",
            "prod/own.yaml": "kind: Service\n",
            "plain/kustomization.yaml": "resources: [../base]\n",
        },
    )
    found = graph(tmp_path)
    by_root = {root.directory.name: dict(found.namespaces(root)) for root in found.roots}
    assert by_root == {
        "prod": {tmp_path / "base/web.yaml": "outer", tmp_path / "prod/own.yaml": "outer"},
        "plain": {tmp_path / "base/web.yaml": "inner"},
    }


def test_links_are_resolved_as_kustomize_does(tmp_path: Path) -> None:
    write(tmp_path, {"real/kustomization.yaml": "a: 1\n"})
    (tmp_path / "link").symlink_to("real")
    found = kustomization(tmp_path, "resources: [link]\n")
    assert found is not None
    assert resolve(found, found.references[0]) == tmp_path / "real"


@pytest.mark.parametrize(
    ("settings", "home"),
    [
        ({}, "charts"),
        ({"helmGlobals": {"chartHome": "vendor"}}, "vendor"),
        ({"helmChartInflationGenerator": [{"chartHome": "old"}]}, "old"),
        ({"helmGlobals": {"chartHome": 3}}, "charts"),
    ],
)
def test_the_home_of_charts(tmp_path: Path, settings: dict[str, Any], home: str) -> None:
    import json

    found = kustomization(tmp_path, json.dumps(settings))
    assert found is not None
    assert chart_home(found) == tmp_path / home
