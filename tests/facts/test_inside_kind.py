"""Questions inside of real pods, on a kind cluster of our own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cluster.facts import PodQuestion
from conformance.cluster.facts_pods import facts
from conformance.drill import kind
from conformance.drill.kind import Cluster, Wanted
from conformance.drill.timeouts import Timeouts
from conformance.kube.object import Object
from tests.drift.test_compare import Nowhere

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: facts}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: facts, labels: {app: postgresql}}
spec:
  containers:
    - name: db
      image: IMAGE
      imagePullPolicy: Never
      env: [{name: POSTGRES_PASSWORD, value: only-here}]
      readinessProbe: {exec: {command: [pg_isready, -q, -h, 127.0.0.1]}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: idle, namespace: facts, labels: {app: idle}}
spec:
  containers: [{name: idle, image: IMAGE, imagePullPolicy: Never, command: [sleep, "3600"]}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a database, and a pod with the same programs in which none runs."""
    node, image = (os.environ.get(f"PLUMBLINE_{name}_IMAGE", "") for name in ("KIND", "POSTGRES"))
    reason = kind.available() if node and image else "PLUMBLINE_KIND_IMAGE and PLUMBLINE_POSTGRES_IMAGE name no images"
    if reason:
        if os.environ.get("PLUMBLINE_REQUIRE_KIND"):
            pytest.fail(reason)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        made = kind.create(Wanted(image=node), destructive=True, timeouts=Timeouts())
    try:
        made.load([image])
        kubectl(made.state.kubeconfig, "apply", "-f", "-", text=PODS.replace("IMAGE", image))
        for pod in ("db", "idle"):
            kubectl(
                made.state.kubeconfig, "wait", "-n", "facts", f"pod/{pod}", "--for=condition=Ready", "--timeout=120s"
            )
        yield made
    finally:
        made.delete()


def kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> str:
    command = ["kubectl", f"--kubeconfig={kubeconfig}", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(cluster: Cluster, question: PodQuestion, context: str = "") -> list[dict[str, object]]:
    listed = json.loads(kubectl(cluster.state.kubeconfig, "get", "pods", "-n", "facts", "-o", "json"))
    pods = [Object(each, Nowhere()) for each in listed["items"]]
    return list(facts([question], lambda: pods, str(cluster.state.kubeconfig), context))


@pytest.mark.kind
def test_a_database_that_runs_answers(cluster: Cluster) -> None:
    [found] = ask(cluster, PodQuestion("postgres", "facts", (("app", "postgresql"),)))
    assert found["metadata"] == {"name": "db", "namespace": "facts"}
    assert found["said"] == {"ready": True, "recovering": False}


@pytest.mark.kind
def test_a_pod_without_its_database_does_not(cluster: Cluster) -> None:
    [found] = ask(cluster, PodQuestion("postgres", "facts", (("app", "idle"),)))
    assert isinstance(found["said"], dict)
    assert found["said"]["ready"] is False


@pytest.mark.kind
def test_a_cache_that_is_not_there_says_nothing(cluster: Cluster) -> None:
    [found] = ask(cluster, PodQuestion("redis", "facts", (("app", "idle"),)))
    assert found["said"] == {"answer": ""}


@pytest.mark.kind
def test_who_cannot_be_asked_is_an_error(cluster: Cluster) -> None:
    [found] = ask(cluster, PodQuestion("postgres", "facts", (("app", "postgresql"),)), context="nowhere")
    assert "said" not in found
    assert "nowhere" in str(found["error"])
    [found] = ask(cluster, PodQuestion("postgres", "facts", (("app", "postgresql"),), container="absent"))
    assert "absent" in str(found["error"])


@pytest.mark.kind
def test_no_pod_no_answer(cluster: Cluster) -> None:
    assert ask(cluster, PodQuestion("postgres", "facts", (("app", "other"),))) == []
