"""`plumbline scale` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.cli import main

TREE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  template:
    metadata: {labels: {app: api}}
    spec:
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: api}}
      containers: [{name: api, resources: {requests: {cpu: 500m, memory: 1Gi}}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: api, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
  minReplicas: 3
  maxReplicas: 20
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, resources: {limits: {cpu: 500m, memory: 1Gi}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db, namespace: shop}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: db}}
"""
AGENT = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, resources: {requests: {cpu: 100m}}}]
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "--nodes", "3", "--zones", "3"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:6] == ["shop/Deployment/api", "3..20", "2", "3", "2", "2"]
    assert printed[1].endswith("cpu 1500m, memory 3Gi  cpu 10, memory 20Gi")
    assert printed[2].split()[:6] == ["shop/StatefulSet/db", "1", "1", "0", "0", "0"]
    assert printed[2].endswith("drain blocked")
    assert " ".join(printed[3].split()) == "total cpu 2, memory 4Gi cpu 10500m, memory 21Gi"
    assert printed[-1].startswith("shop/StatefulSet/db: drain: db lets no pod be evicted: minAvailable 1 of 1")


def test_json(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "--nodes", "3", "--zones", "3", "--format", "json", "--explain"]) == 1
    api, db = json.loads(capsys.readouterr().out)["workloads"]
    assert api["left"] == {"drain": 2, "rollout": 3, "node-loss": 2, "zone-loss": 2}
    assert api["replicas"] == {"least": 3, "most": 20, "per_node": False}
    assert api["requests"]["most"] == {"cpu": "10", "memory": "21474836480"}
    assert api["because"]["zone-loss"]["location"]["line"] == 9
    assert list(db["blocked"]) == ["drain"]


def test_reasons_name_the_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["scale", "--nodes", "3", "--zones", "3", "--explain"])
    printed = capsys.readouterr().out
    assert "shop/Deployment/api: HorizontalPodAutoscaler api keeps 3 to 20" in printed
    assert "zone-loss leaves 2: 1 of 3 pods can be in one zone: maxSkew 1 over topology.kubernetes.io/zone" in printed
    assert "all.yaml:29:5" in printed


def test_nodes_of_the_tree(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "agent.yaml").write_text(AGENT)
    taint = "{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}"
    nodes = [
        f"{{apiVersion: v1, kind: Node, metadata: {{name: n{each}, labels: {{topology.kubernetes.io/zone: z{each}}}}},"
        f" spec: {{taints: [{taint if each == 0 else ''}]}}}}\n"
        for each in range(3)
    ]
    (tree / "nodes.yaml").write_text("---\n".join(nodes))
    assert main(["scale", "--format", "json"]) == 1
    agent, api, _ = json.loads(capsys.readouterr().out)["workloads"]
    assert (agent["workload"], agent["left"]["node-loss"], agent["left"]["drain"]) == ("shop/DaemonSet/agent", 1, 2)
    assert agent["requests"]["least"] == {"cpu": "0.2"}
    # The tainted node's zone stays empty, and so each of the others takes one pod.
    assert "1 of 3 pods stay Pending" in api["blocked"]["start"]


def test_without_zones_nothing_is_known_of_their_loss(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["scale", "--nodes", "3", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["workloads"]
    assert found[1]["left"]["zone-loss"] is None


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", str(tmp_path)]) == 5
    assert capsys.readouterr().err == "plumbline: no workloads there\n"


@pytest.mark.parametrize(
    "arguments", [["missing.yaml"], ["--nodes", "-1"], ["--nodes", "2", "--zones", "3"], ["--nodes", "501"]]
)
def test_wrong_usage(arguments: list[str], tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", *arguments]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "agent.yaml").write_text(AGENT + "  updateStrategy: {rollingUpdate: {maxUnavailable: many}}\n")
    (tree / "api.yaml").write_text(TREE.split("---")[0].replace("name: api,", "name: other,").replace("1Gi", "much"))
    assert main(["scale", "--nodes", "3"]) == 1
    said = capsys.readouterr()
    assert "agent.yaml:9:36: DaemonSet shop/agent is left out" in said.err
    assert "spec.template.spec.containers[0].resources.requests.memory" in said.err
    assert "shop/Deployment/api" in said.out


def test_more_replicas_than_can_be_tried(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "agent.yaml").write_text(
        AGENT.replace("DaemonSet", "Deployment").replace("spec:", "spec:\n  replicas: 999999999", 1)
    )
    assert main(["scale", "--format", "json"]) == 1
    said = capsys.readouterr()
    assert said.err == (
        "plumbline: agent.yaml:5:3: Deployment shop/agent is left out: "
        "999999999 replicas are too many to be placed one by one\n"
    )
    assert len(json.loads(said.out)["workloads"]) == 2


def test_a_maximum_that_nobody_reaches(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "all.yaml").write_text(TREE.replace("maxReplicas: 20", "maxReplicas: 2147483647"))
    assert main(["scale", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["workloads"][0]["replicas"]["most"] == 2147483647
