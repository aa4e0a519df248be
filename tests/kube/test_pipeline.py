from __future__ import annotations

from typing import Any

import pytest
import yaml

from conformance.kube.object import Node
from conformance.kube.pipeline import makes_its_own_cluster, steps, triggers


def workflow(run: str, **more: Any) -> Node:
    return Node({"on": ["push"], "jobs": {"build": {"steps": [{"run": run}], **more}}})


@pytest.mark.parametrize(
    "run",
    [
        "npm test", "npm run test:unit", "CI=1 yarn test", "go test ./...", "python -m pytest -q", "poetry run pytest",
        "make test", "./gradlew clean check", "mvn -B verify", "set -e\ncargo nextest run", "tox -e py311",
    ],
)  # fmt: skip
def test_test_runners(run: str) -> None:
    assert [step.tests for step in steps(workflow(run))] == [True]


@pytest.mark.parametrize(
    "run", ["npm ci", "echo go test", "make build", "# npm test", "cat pytest.ini", "helm test web"]
)
def test_no_test_runners(run: str) -> None:
    assert [step.tests for step in steps(workflow(run))] == [False]


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("on: push", ("on",), {"push"}),
        ("on: [push, pull_request]", ("on",), {"push", "pull_request"}),
        ("on: {push: {branches: [main]}}", ("on",), {"push"}),
        ("'true': push", ("true",), {"push"}),
        ("name: none", (), set()),
    ],
)
def test_triggers(text: str, path: tuple[str, ...], expected: set[str]) -> None:
    document = yaml.safe_load(text)
    # PyYAML reads the key on as the boolean; the loader of this package keeps it, or makes it a string.
    fixed = {("on" if key is True else key): value for key, value in document.items()}
    assert triggers(Node(fixed)) == (path, expected)


def test_scripts_of_gitlab_have_their_place() -> None:
    document = Node(
        {"stages": ["deploy"], "deploy": {"before_script": "kubectl version", "script": ["a", {"b": "c"}, "d"]}}
    )
    assert [(step.script_path, step.script) for step in steps(document)] == [
        (("deploy", "before_script"), "kubectl version"),
        (("deploy", "script", 0), "a"),
        (("deploy", "script", 2), "d"),
    ]


def test_own_clusters() -> None:
    assert makes_its_own_cluster(workflow("kind create cluster --wait 1m"))
    assert makes_its_own_cluster(Node({"jobs": {"e2e": {"steps": [{"uses": "helm/kind-action@v1"}]}}}))
    assert not makes_its_own_cluster(workflow("kubectl apply -f kind.yaml"))


@pytest.mark.parametrize(
    "raw", [None, "text", [], {"jobs": []}, {"jobs": {"a": None}}, {"jobs": {"a": {"steps": ["x"]}}}]
)
def test_what_is_no_workflow_has_no_scripts(raw: Any) -> None:
    assert [step.script for step in steps(Node(raw)) if step.script] == []
