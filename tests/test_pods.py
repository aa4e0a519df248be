"""`plumbline pods` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main

TREE = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    spec:
      serviceAccountName: db
      automountServiceAccountToken: false
      securityContext:
        runAsUser: 999
      initContainers:
        - {name: init, image: "busybox:1.36@sha256:9ae97d36d26566ff84e8893c64a6dc4fe8ca6d1144bf5b87b2b85a32def253c7"}
      containers:
        - name: mysql
          image: mysql:8.4
          securityContext: {runAsUser: 0}
          envFrom:
            - secretRef: {name: db}
          env:
            - {name: URL, value: "$(HOST):$(PORT)"}
            - {name: HOST, value: hunter2-host}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
            - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
          volumeMounts:
            - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
            - {name: conf, mountPath: /var/lib/mysql/conf}
      volumes:
        - {name: conf, configMap: {name: conf}}
  volumeClaimTemplates:
    - metadata: {name: data}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData: {password: hunter2}
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["pods", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    found: list[Any] = json.loads(run(capsys, *arguments, "--format", "json")[1])["containers"]
    return found


def test_a_line_for_each_container(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    head, init, mysql = (line.split() for line in out.splitlines())
    assert head[:5] == ["WORKLOAD", "CONTAINER", "KIND", "USER", "NON-ROOT"]
    assert init[:5] == ["shop/StatefulSet/db", "init", "init", "999", "yes"]
    assert mysql[:5] == ["shop/StatefulSet/db", "mysql", "container", "0", "no"]
    assert mysql[-2:] == ["no", "mysql:8.4"]


def test_explain_says_which_field(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--explain")[1]
    assert "user: shop/StatefulSet/db spec.template.spec.securityContext.runAsUser (all.yaml:10)" in out
    assert "user: shop/StatefulSet/db spec.template.spec.containers[0].securityContext.runAsUser (all.yaml:16)" in out
    assert "token: shop/StatefulSet/db spec.template.spec.automountServiceAccountToken (all.yaml:8)" in out
    assert "registry docker.io, repository library/mysql, tag 8.4, digest none" in out
    assert "privileged: default, " in out


def test_settings_for_programs(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init, mysql = rows(capsys)
    assert init["image"]["digest"].startswith("sha256:9ae9")
    assert mysql["settings"]["user"] == {
        "value": "0",
        "object": "shop/StatefulSet/db",
        "field": "spec.template.spec.containers[0].securityContext.runAsUser",
        "written": True,
        "note": "",
        "location": {"path": "all.yaml", "line": 16, "column": 29},
    }


def test_what_a_path_lies_on(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init, mysql = rows(capsys, "--path", "/var/lib/mysql")
    assert (init["volume"], init["lasts"]) == ("", "container")
    assert (mysql["volume"], mysql["source"], mysql["inside"]) == ("data", "volumeClaimTemplates", "mysql")
    assert (mysql["lasts"], mysql["read_only"], mysql["nested"]) == ("claim", False, ["/var/lib/mysql/conf"])
    assert mysql["location"]["line"] == 25
    out = run(capsys, "--path", "/var/lib/mysql/conf/a", "--explain")[1]
    assert "conf    configMap  /a" in out
    assert "spec.template.spec.containers[0].volumeMounts[1] (all.yaml:26)" in out


def test_variables_with_their_origin_and_without_values(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--env")
    assert code == 0
    assert "hunter2" not in out
    (mysql,) = (each for each in rows(capsys, "--env") if each["container"] == "mysql")
    assert "hunter2" not in json.dumps(mysql)
    assert [(each["name"], each["from"]) for each in mysql["variables"]] == [
        ("HOST", "literal"),
        ("IP", "fieldRef"),
        ("PASSWORD", "Secret db key password"),
        ("URL", "literal"),
        ("password", "Secret db key password"),
    ]
    url = mysql["variables"][3]
    assert url["remarks"] == [f"refers to {name}, which nothing before it sets" for name in ("HOST", "PORT")]
    assert url["location"]["line"] == 20
    assert mysql["variables"][4]["remarks"] == ["all keys"]
    assert "containers[0].env[0].value (all.yaml:20)" in run(capsys, "--env", "--explain")[1]


@pytest.mark.parametrize("wanted", ["db", "shop/db", "StatefulSet/db", "shop/StatefulSet/db", "d*"])
def test_one_workload(tree: Path, capsys: pytest.CaptureFixture[str], wanted: str) -> None:
    assert len(rows(capsys, "--workload", wanted)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workload", "web"), "no workload web"),
        (("--workload", "a/b/c/d"), "no workload a/b/c/d"),
        (("--path", "data"), "--path data: a path in a container starts with /"),
        (("nowhere",), "nowhere: no such file or directory"),
    ],
)
def test_wrong_questions_take_one_line(
    tree: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(capsys, *arguments) == (4, "", f"plumbline: {said}\n")


def test_path_and_env_are_two_questions(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["pods", "--path", "/x", "--env"])
    assert caught.value.code == 4


def test_wrong_types_leave_the_others(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {containers: [{name: c, securityContext: {runAsUser: x}}]}\n"  # noqa: E501
    (tree / "wrong.yaml").write_text(pod)
    code, out, err = run(capsys)
    assert code == 1
    assert "wrong.yaml:4:49: Pod shop/p is left out: spec.containers[0].securityContext.runAsUser is a string" in err
    assert "mysql" in out


def test_a_tree_without_containers(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--exclude", "all.yaml") == (5, "", "plumbline: no containers there\n")
