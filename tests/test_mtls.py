"""`plumbline mtls` as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main
from conformance.sources.load import Rendering
from conformance.sources.render import RenderPlan

TREE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: http}
    - {name: admin, port: 81, targetPort: 8081}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  mtls:
    mode: STRICT
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  trafficPolicy:
    portLevelSettings:
      - port: {number: 80}
        tls:
          mode: DISABLE
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["mtls", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--format", "json")[1])


def test_every_connection_is_a_line_and_counted(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert "mtls      shop/Deployment/web -> shop/Service/web:80  the server is STRICT and takes mTLS\n" in out
    assert out.endswith("\n2 mtls\n")


def test_a_conflict_is_a_problem_at_its_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rule.yaml").write_text(RULE)
    code, out, _ = run(capsys)
    assert code == 1
    assert "broken    shop/Deployment/web -> shop/Service/web:80" in out
    assert "mtls      shop/Deployment/web -> shop/Service/web:81" in out
    place = "rule.yaml:10:11: DestinationRule shop/web spec.trafficPolicy.portLevelSettings[0].tls.mode: "
    assert f"\n{place}web:80 cannot be reached" in out


def test_explain_names_file_and_line_of_everything_that_has_a_say(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "rule.yaml").write_text(RULE)
    _, out, _ = run(capsys, "--to", "web:80", "--explain")
    assert "(all.yaml:6:5 metadata.labels.istio-injection)" in out
    assert "(rule.yaml:10:11 spec.trafficPolicy.portLevelSettings[0].tls.mode)" in out
    assert "(all.yaml:30:5 spec.mtls.mode)" in out
    assert "all.yaml" not in run(capsys, "--to", "web:80")[1]


@pytest.mark.parametrize("client", ["web", "shop/web", "Deployment/web", "shop/Deployment/web"])
@pytest.mark.parametrize("target", ["web:80", "web:http", "shop/web:80", "shop/Service/web:http"])
def test_one_question_has_one_answer(tree: Path, capsys: pytest.CaptureFixture[str], client: str, target: str) -> None:
    edges = answer(capsys, "--from", client, "--to", target)["edges"]
    assert [(each["from"], each["to"], each["port"], each["verdict"]) for each in edges] == [
        ("shop/Deployment/web", "shop/Service/web", 80, "mtls")
    ]


def test_a_question_whose_answer_is_broken_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--from", "outside", "--to", "web:80")[0] == 1
    assert run(capsys, "--from", "web", "--to", "web:80")[0] == 0


def test_the_chain_in_json_has_objects_fields_and_places(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (edge,) = answer(capsys, "--from", "outside", "--to", "web:80")["edges"]
    found = next(each for each in edge["reasons"] if each["field"] == "spec.mtls.mode")
    assert found["object"] == "shop/PeerAuthentication/default"
    assert found["location"] == {"path": "all.yaml", "line": 30, "column": 5}
    assert edge["server"] == "shop/Deployment/web"


def test_problems_in_json(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rule.yaml").write_text(RULE)
    (problem,) = answer(capsys)["problems"]
    assert (problem["code"], problem["object"]) == ("tls-conflict", "shop/DestinationRule/web")
    assert problem["location"]["line"] == 10


def test_the_root_namespace_changes_the_answer(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        (tree / "all.yaml").read_text().replace("{name: default, namespace: shop}", "{name: default, namespace: root}")
    )
    (tree / "all.yaml").write_text(text)
    assert run(capsys, "--from", "outside", "--to", "web:80")[1].startswith("plaintext")
    assert run(capsys, "--from", "outside", "--to", "web:80", "--root-namespace", "root")[1].startswith("broken")


def test_unseen_namespaces_may_be_taken_as_injected(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (tree / "all.yaml").read_text()
    (tree / "all.yaml").write_text(text[text.index("---") :])
    assert run(capsys, "--from", "web", "--to", "web:80")[1].startswith("unknown")
    assert run(capsys, "--from", "web", "--to", "web:80", "--injected")[1].startswith("mtls")


def test_objects_without_a_namespace_are_given_one(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (tree / "all.yaml").read_text().replace(", namespace: shop", "")
    (tree / "all.yaml").write_text(text)
    assert run(capsys, "--from", "web", "--to", "web:80")[1].startswith("unknown")
    _, out, _ = run(capsys, "--from", "web", "--to", "web:80", "--namespace", "shop")
    assert out.startswith("mtls      shop/Deployment/web -> shop/Service/web:80")


def test_what_is_excluded_has_no_say(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rule.yaml").write_text(RULE)
    assert run(capsys, "--exclude", "rule.yaml")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or directory"),
        (["--from", "we"], "--from we: there is no such workload; did you mean shop/Deployment/web?"),
        (["--to", "other/web"], "--to other/web: there is no such Service; did you mean shop/Service/web?"),
        (["--to", "web:8080"], "--to web:8080: Service shop/web has no such port"),
    ],
)
def test_wrong_questions(tree: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(capsys, *arguments) == (4, "", f"plumbline: {message}\n")


def test_what_does_not_load_is_said_and_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "broken.yaml").write_text("a: [\n")
    code, out, err = run(capsys)
    assert code == 1
    assert err.startswith("plumbline: broken.yaml:")
    assert "2 mtls" in out


def test_a_tree_without_services_has_nothing_to_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    code, out, _ = run(capsys, str(tmp_path))
    assert (code, out) == (5, "there is no port of a Service to judge\n")


@pytest.mark.tool
@pytest.mark.skipif(not (shutil.which("kustomize") or shutil.which("kubectl")), reason="neither kustomize nor kubectl")
def test_kustomizations_are_rendered_unless_they_are_not_to_be(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "kustomization.yaml").write_text("namePrefix: my-\nresources: [all.yaml]\n")
    assert "shop/Service/my-web:80" in run(capsys)[1]
    assert "shop/Service/web:80" in run(capsys, "--no-render")[1]


@pytest.mark.parametrize("allowed", [False, True])
def test_the_network_is_used_only_if_it_is_allowed(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    seen = []

    def plan(self: RenderPlan, loaded: object) -> Rendering:
        seen.append(self.options.allow_network)
        return Rendering()

    monkeypatch.setattr(RenderPlan, "__call__", plan)
    run(capsys, *(["--allow-network"] if allowed else []))
    assert seen == [allowed]


def clients(tree: Path, count: int, labels: str = "") -> None:
    pods = "spec: {{template: {{metadata: {{labels: {{{}}}}}, spec: {{containers: [{{name: c}}]}}}}}}"
    head = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: c{}, namespace: shop}}\n"
    texts = (head.format(number) + pods.format(labels) + "\n" for number in range(count))
    (tree / "clients.yaml").write_text("".join(texts))


def test_clients_with_the_same_answer_share_a_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clients(tree, 1)
    out = run(capsys)[1]
    assert "mtls      shop/Deployment/c0, shop/Deployment/web -> shop/Service/web:80  the server" in out
    assert out.endswith("\n4 mtls\n")
    clients(tree, 2, 'sidecar.istio.io/inject: "false"')
    out = run(capsys)[1]
    assert "broken    shop/Deployment/c0, shop/Deployment/c1 -> shop/Service/web:80  the server is STRICT" in out
    assert "mtls      shop/Deployment/web -> shop/Service/web:80  the server is STRICT" in out


def test_many_clients_are_not_all_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clients(tree, 7)
    assert "mtls      every workload (8) -> shop/Service/web:80  the server" in run(capsys)[1]
    clients(tree, 8, 'sidecar.istio.io/inject: "false"')
    assert "shop/Deployment/c4, shop/Deployment/c5 and 2 more -> shop/Service/web:80  the server" in run(capsys)[1]
    shown = run(capsys, "--from", "c7", "--to", "web:80")[1]
    assert shown.startswith("broken    shop/Deployment/c7 -> shop/Service/web:80")
