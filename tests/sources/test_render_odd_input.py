"""Whatever stands in kustomizations, charts, Applications and Flux objects: planning and rendering never raise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.sources.render import RenderOptions
from tests.sources.trees import rendering, write

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from(
        ["", ".", "..", "a.yaml", "../..", "{{x}}", "{{.a.b}}", "${A}", "*", "-x", "a\0b", "https://x", "//", "[", "="]
    ),
)
FIELDS = st.sampled_from(
    [
        *(
            "resources",
            "components",
            "patches",
            "path",
            "configMapGenerator",
            "files",
            "openapi",
            "helmCharts",
            "name",
            "namespace",
        ),
        *(
            "spec",
            "source",
            "sources",
            "helm",
            "valueFiles",
            "values",
            "parameters",
            "kustomize",
            "images",
            "destination",
        ),
        *(
            "generators",
            "template",
            "list",
            "elements",
            "git",
            "directories",
            "matrix",
            "postBuild",
            "substituteFrom",
            "kind",
        ),
        *(
            "chart",
            "sourceRef",
            "valuesFrom",
            "targetNamespace",
            "metadata",
            "dependencies",
            "repository",
            "repoURL",
            "ref",
        ),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=5)),
    max_leaves=25,
)
MAPPINGS = st.dictionaries(FIELDS, VALUES, max_size=6)
KINDS = [
    ("argoproj.io/v1alpha1", "Application"),
    ("argoproj.io/v1alpha1", "ApplicationSet"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
]
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")


@FEW
@given(content=MAPPINGS)
def test_a_kustomization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]) -> None:
    without_programs(monkeypatch)
    write(tmp_path, {"a/kustomization.yaml": json.dumps({**content, "kind": "Kustomization"}), "a/a.yaml": "a: 1\n"})
    found = rendering(tmp_path)
    assert "a/kustomization.yaml" in found.consumed
    assert [each.what for each in found.rejected] == ["kustomization"] * len(found.rejected)
    assert found.rejected != []


@FEW
@given(content=MAPPINGS)
def test_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]) -> None:
    without_programs(monkeypatch)
    write(tmp_path, {"a/Chart.yaml": json.dumps({**content, "apiVersion": "v2", "name": "a"})})
    assert [each.what for each in rendering(tmp_path).rejected] == ["chart"]


@pytest.mark.parametrize(("version", "kind"), KINDS)
@FEW
@given(specs=st.lists(MAPPINGS, min_size=1, max_size=2))
def test_a_delivering_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, kind: str, specs: list[dict[str, Any]]
) -> None:
    without_programs(monkeypatch)
    head = {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}}
    files = {f"{number}.yaml": json.dumps({**head, "spec": spec}) for number, spec in enumerate(specs)}
    write(tmp_path, {**files, "a.yaml": "a: 1\n", "dir/Chart.yaml": "apiVersion: v2\nname: a\n"})
    found = rendering(tmp_path, RenderOptions(render=False))
    assert found.documents == []
