"""`plumbline access` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main

TREE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: operator}
rules:
  - {apiGroups: [""], resources: [secrets], verbs: [get, list]}
  - {apiGroups: [""], resources: [secrets], verbs: [delete], resourceNames: [own]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: operator}
subjects:
  - kind: ServiceAccount
    name: operator
    namespace: db
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
  - {kind: Group, name: devs}
  - {kind: ServiceAccount, name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: db}
spec: {template: {spec: {serviceAccountName: operator, containers: [{name: c}]}}}
"""
GONE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gone, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: gone}
subjects: [{kind: User, name: jane}]
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["access", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--format", "json")[1])


def test_a_line_for_each_subject_and_what_matters(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["SUBJECT", "WHERE", "WHAT", "MATTERS", "ROLES"],
        ["ServiceAccount", "db/operator", "cluster-wide", "read-secrets", "ClusterRole/operator"],
        ["Group", "devs", "in", "shop", "-", "ClusterRole/view"],
        ["ServiceAccount", "shop/web", "in", "shop", "-", "ClusterRole/view"],
    ]


def test_explain_names_binding_rule_and_workloads(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--explain")[1]
    assert "read-secrets: reads Secrets" in out
    assert (
        "by ClusterRoleBinding operator (all.yaml:13:5) to ClusterRole/operator: get,list secrets (all.yaml:5:5)" in out
    )
    assert "runs: db/Deployment/operator" in out


def test_a_question_is_answered_with_the_reason(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--who", "ServiceAccount:db/operator", "--can", "list:secrets")
    code, out, _ = run(capsys, *asked, "--namespace", "shop")
    assert code == 0
    assert out.splitlines() == [
        "yes: ServiceAccount db/operator may list secrets in shop",
        "  ClusterRoleBinding operator (all.yaml:13:5) to ClusterRole/operator: get,list secrets (all.yaml:5:5)",
    ]
    assert run(capsys, *asked)[1].startswith("yes: ServiceAccount db/operator may list secrets in every namespace\n")
    code, out, _ = run(capsys, "--who", "system:serviceaccount:shop:web", "--can", "list:pods")
    assert out.splitlines()[0] == "yes: ServiceAccount shop/web may list pods in shop only"
    code, out, _ = run(capsys, "--who", "ServiceAccount:shop/web", "--can", "list:pods", "--namespace", "*")
    assert (code, out) == (0, "no: ServiceAccount shop/web may list pods in all namespaces at once\n")


def test_the_name_of_the_object_counts(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--who", "ServiceAccount:db/operator", "--can", "delete:secrets")
    assert run(capsys, *asked)[1].startswith("no: ")
    assert run(capsys, *asked, "--name", "own")[1].startswith("yes: ")


def test_groups_of_a_person_are_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--who", "jane", "--can", "list:pods", "--namespace", "shop")
    code, out, err = run(capsys, *asked)
    assert (code, out) == (0, "no: User jane may list pods in shop\n")
    assert "no binding names User jane" in err
    assert run(capsys, "--who", "jane", "--group", "system:masters", "--can", "get:nodes")[2] == ""
    assert run(capsys, *asked, "--group", "devs")[1].startswith("yes: ")


def test_who_may(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--can", "list:secrets", "--namespace", "shop")
    assert found["can"] == "list secrets"
    mine = [each for each in found["who"] if "kube-system" not in each["subject"]]
    assert [each["subject"] for each in mine if "system:" not in each["subject"]] == ["ServiceAccount db/operator"]
    reason = next(each for each in mine if each["subject"] == "ServiceAccount db/operator")["reasons"][0]
    assert reason["binding_location"] == {"path": "all.yaml", "line": 13, "column": 5}
    assert reason["rule_location"]["line"] == 5


def test_all_rights_of_one(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--who", "ServiceAccount:db/operator")[1]
    assert "cluster-wide: delete secrets named own  by ClusterRoleBinding operator (all.yaml:13:5)" in out
    assert "create selfsubjectaccessreviews.authorization.k8s.io" in out, "what Kubernetes gives everybody"
    rights = answer(capsys, "--who", "ServiceAccount:db/operator", "--namespace", "test")["rights"]
    assert {each["role"] for each in rights if each["subject"].startswith("ServiceAccount")} == {"ClusterRole/operator"}


def test_namespace_leaves_out_other_subjects(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--namespace", "test")["subjects"]
    assert [each["subject"] for each in found] == ["ServiceAccount db/operator"]
    assert found[0]["workloads"] == ["db/Deployment/operator"]
    assert found[0]["because"][0]["name"] == "read-secrets"


def test_an_open_question_is_no_answer(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "gone.yaml").write_text(GONE)
    code, out, _ = run(capsys, "--who", "jane", "--can", "get:pods", "--namespace", "shop")
    assert code == 1
    assert out.splitlines() == [
        "unknown: User jane may get pods in shop",
        "  RoleBinding shop/gone (gone.yaml:5:12) to Role/gone: its role is not here",
    ]
    assert "unknown" in run(capsys)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--who", "ServiceAccount:shop/operator"),
            "there is no ServiceAccount shop/operator; did you mean ServiceAccount db/operator?",
        ),
        (("--who", "ServiceAccount:web"), "ServiceAccount:web: a ServiceAccount is ServiceAccount:NAMESPACE/NAME"),
        (("--can", "secrets"), "secrets: an action is VERB:RESOURCE[.GROUP][/SUBRESOURCE] or VERB:/PATH"),
        (("--group", "devs"), "--group needs --who"),
        (("--name", "x"), "--name needs --can"),
        (("nowhere",), "nowhere: no such file or directory"),
    ],
)
def test_wrong_questions_take_one_line(
    tree: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(capsys, *arguments) == (4, "", f"plumbline: {said}\n")


def test_unreadable_things_are_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "wrong.yaml").write_text(GONE.replace("[{kind: User, name: jane}]", "jane"))
    code, out, err = run(capsys)
    assert code == 1
    assert "wrong.yaml:5:1: RoleBinding shop/gone cannot be read: subjects is a string, not a list" in err
    assert "ServiceAccount db/operator" in out


def test_a_tree_without_bindings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    assert run(capsys, str(tmp_path)) == (5, "", "plumbline: no bindings there\n")


def test_excluded_paths_are_left_out(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--exclude", "all.yaml")[0] == 5
