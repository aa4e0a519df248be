"""`plumbline reach` as a person types it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conformance.cli import main

TREE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: a}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: a, image: a, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: sql}]
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "all.yaml").write_text(TREE)
    return tmp_path


def said(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["reach", *arguments]) == code
    return capfd.readouterr().out


def test_the_whole_tree(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(capfd, "old").splitlines() == [
        "2 workloads under 1 policy: 1 isolated in both directions, 1 not isolated",
        "",
        "external",
        "  -> shop/Deployment/web: every port",
        "shop/Deployment/web",
        "  -> shop/StatefulSet/db: TCP/5432",
        "  -> shop/Deployment/web, external: every port",
    ]


def test_json_has_the_documented_form(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edges = json.loads(said(capfd, "old", "--format", "json"))["edges"]
    assert {"from": "shop/Deployment/web", "to": "shop/StatefulSet/db", "ports": ["TCP/5432"]} in edges
    everything = ["TCP/1-65535", "UDP/1-65535", "SCTP/1-65535"]
    assert {"from": "external", "to": "shop/Deployment/web", "ports": everything} in edges
    assert not any(edge["from"] == "shop/StatefulSet/db" for edge in edges)


def test_overlays_of_one_workload_are_one_end(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "other.yaml").write_text(TREE.partition("---")[0].replace("{app: web}", "{app: web, of: other}"))
    edges = json.loads(said(capfd, "old", "--format", "json"))["edges"]
    ends = [(each["from"], each["to"]) for each in edges]
    assert len(ends) == len(set(ends))
    assert ("shop/Deployment/web", "shop/StatefulSet/db") in ends


def test_from_and_to_choose_edges(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edges = json.loads(said(capfd, "old", "--format", "json", "--to", "StatefulSet/db"))["edges"]
    assert [(each["from"], each["to"]) for each in edges] == [("shop/Deployment/web", "shop/StatefulSet/db")]
    assert "<- shop/Deployment/web: TCP/5432" in said(capfd, "old", "--to", "db")
    edges = json.loads(said(capfd, "old", "--format", "json", "--from", "external"))["edges"]
    assert {each["to"] for each in edges} == {"shop/Deployment/web"}


@pytest.mark.parametrize("port", ["5432", "sql", "TCP/5432"])
def test_one_question_is_answered_with_the_line_that_decides(
    tree: Path, capfd: pytest.CaptureFixture[str], port: str
) -> None:
    assert said(capfd, "old", "--from", "web", "--to", f"shop/db:{port}").splitlines() == [
        "web -> shop/db TCP/5432: open",
        "  egress: no policy isolates the egress",
        "  ingress: NetworkPolicy shop/db allows it by spec.ingress[0] (old/all.yaml:21:7)",
    ]


def test_a_closed_question(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = said(capfd, "old", "--from", "external:192.0.2.1", "--to", "db:5432")
    assert text.splitlines() == [
        "external:192.0.2.1 -> db TCP/5432: closed",
        "  ingress: NetworkPolicy shop/db isolates the ingress; no rule of it names the other side (old/all.yaml:20:3)",
    ]
    question = json.loads(said(capfd, "old", "--from", "web", "--to", "db:22", "--format", "json"))["question"]
    assert question["allowed"] is False
    assert question["because"][0]["location"] == {"path": "old/all.yaml", "line": 20, "column": 3}
    assert "allows TCP/5432 between the two" in question["because"][0]["text"]


def test_explain_names_the_policy_of_each_edge(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "old/all.yaml:21:7" not in said(capfd, "old")
    assert "old/all.yaml:21:7" in said(capfd, "old", "--explain")
    edges = json.loads(said(capfd, "old", "--explain", "--format", "json", "--to", "db"))["edges"]
    assert edges[0]["because"][1]["field"] == "spec.ingress[0]"


def test_diff_tells_what_a_change_opens_and_closes(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "new").mkdir()
    (tree / "new" / "all.yaml").write_text(TREE.replace("port: sql", "port: 22"))
    assert said(capfd, "--diff", "old", "new").splitlines() == [
        "opened: shop/Deployment/web -> shop/StatefulSet/db TCP/22",
        "closed: shop/Deployment/web -> shop/StatefulSet/db TCP/5432",
    ]
    changes = json.loads(said(capfd, "--diff", "old", "new", "--format", "json"))
    assert [each["ports"] for each in changes["opened"]] == [["TCP/22"]]


def test_the_picture_is_valid_and_shows_every_limited_edge(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = ET.fromstring(said(capfd, "old", "--format", "svg"))
    titles = {each.text for each in root.iter("{http://www.w3.org/2000/svg}title")}
    assert "shop/Deployment/web to shop/StatefulSet/db: TCP/5432" in titles
    assert {"shop/Deployment/web", "shop/StatefulSet/db", "external"} <= titles
    assert not any("external to" in str(each) for each in titles), "open by default, so not drawn"


def test_a_policy_that_cannot_be_read_is_said_and_fails(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "all.yaml").write_text(TREE.replace("port: sql", "port: [1]"))
    assert main(["reach", "old"]) == 1
    assert "old/all.yaml:22:16: NetworkPolicy shop/db is left out" in capfd.readouterr().err


def test_exclude_leaves_files_out(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", "old", "--exclude", "all.yaml"]) == 5
    assert capfd.readouterr().err == "plumbline: no workloads there\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or directory"),
        (["old", "--from", "wob"], "there is no workload wob"),
        (["old", "--from", "web", "--to", "db:70000"], "ports lie between 1 and 65535"),
        (["old", "--from", "web", "--to", "db:http"], "is no port such as"),
        (["old", "--to", "db:22"], "--to with a port needs --from"),
        (["old", "--exposed", "--format", "svg"], "--exposed is asked for all"),
        (["old", "--exposed", "--from", "web"], "--exposed is asked for all"),
        (["old", "--exposed", "--to", "wob"], "there is no workload wob"),
        (["--diff", "old", "old", "--format", "svg"], "--diff has no picture"),
    ],
)
def test_wrong_questions_exit_with_4_and_one_line(
    tree: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["reach", *arguments]) == 4
    told = capfd.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1


FRONT = """\
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: in, namespace: shop}
spec: {rules: [{host: a.example, http: {paths: [{backend: {service: {name: web, port: {number: 81}}}}]}}]}
"""


def test_what_is_exposed(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "front.yaml").write_text(FRONT)
    reason = "isolates the ingress; no rule of it names the other side (old/all.yaml:20:3)"
    assert said(capfd, "old", "--exposed").splitlines() == [
        "from outside the cluster",
        "  shop/StatefulSet/db TCP/5432: closed",
        "    by Service shop/db port 5432 (LoadBalancer, a node port too)",
        "    pods see connections from external",
        f"    ingress: NetworkPolicy shop/db {reason}",
        "at the addresses of the nodes",
        "  shop/Deployment/web TCP/8080: open",
        "    by Service shop/web port 80 (NodePort, node port 30080)",
        "problems",
        "  Ingress shop/in spec.rules[0].http.paths[0].backend.service.port.number: "
        "Service shop/web has no port 81; it has 80 (old/front.yaml:15:88)",
    ]


def test_exposure_explained_and_of_one_workload(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "front.yaml").write_text(FRONT)
    lines = said(capfd, "old", "--exposed", "--to", "web", "--explain").splitlines()
    assert lines[:5] == [
        "at the addresses of the nodes",
        "  shop/Deployment/web TCP/8080: open",
        "    by Service shop/web port 80 (NodePort, node port 30080) (old/front.yaml:5:54)",
        "    pods see connections from nodes, external",
        "    ingress: no policy isolates the ingress",
    ]


def test_exposure_as_json(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "front.yaml").write_text(FRONT)
    found = json.loads(said(capfd, "old", "--exposed", "--format", "json"))
    db, web = found["exposed"]
    assert {key: db[key] for key in ("to", "workload", "ports", "hosts", "sources", "open")} == {
        "to": "outside",
        "workload": "shop/StatefulSet/db",
        "ports": ["TCP/5432"],
        "hosts": [],
        "sources": ["external"],
        "open": False,
    }
    assert db["because"][0]["policy"] == "NetworkPolicy shop/db"
    assert web["by"][0]["location"] == {"path": "old/front.yaml", "line": 5, "column": 54}
    assert found["problems"][0]["object"] == "Ingress shop/in"


def test_exposure_of_nothing(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(capfd, "old", "--exposed") == "nothing is exposed\n"
    (tree / "old" / "front.yaml").write_text(FRONT.replace("{rules: [", "{rules: 3, x: ["))
    assert main(["reach", "old", "--exposed"]) == 1
    assert "old/front.yaml:15:8: Ingress shop/in is left out: spec.rules is a number" in capfd.readouterr().err


PROXY = """
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, namespace: shop, labels: {app: proxy}}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: proxy, namespace: shop}
spec:
  podSelector: {matchLabels: {app: proxy}}
  policyTypes: [Egress]
  egress:
    - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]
      ports: [{port: 80}]
"""


def test_an_address_without_a_port_is_not_the_whole_outside(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "proxy.yaml").write_text(PROXY)
    assert said(capfd, "old", "--from", "proxy", "--to", "external:169.254.169.254").splitlines()[:1] == [
        "proxy -> external:169.254.169.254 every port: closed"
    ]
    assert said(capfd, "old", "--from", "proxy", "--to", "external:192.0.2.1").splitlines()[:1] == [
        "shop/Pod/proxy -> external:192.0.2.1: TCP/80"
    ]
    asked = said(capfd, "old", "--to", "external:169.254.169.254", "--format", "json")
    assert [each["from"] for each in json.loads(asked)["edges"]] == ["shop/Deployment/web"]


def test_the_nodes_are_listed_when_they_are_asked_for(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = json.loads(said(capfd, "old", "--from", "nodes", "--format", "json"))["edges"]
    assert [(each["from"], each["to"]) for each in asked] == [("nodes", "shop/Deployment/web")]
