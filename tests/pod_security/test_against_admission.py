"""The controls against the Pod Security admission of a real API server: the same controls, the same containers blamed.

PLUMBLINE_API_SERVER names the kubeconfig of an API server of Kubernetes 1.34; without it these tests are skipped, or
fail when PLUMBLINE_REQUIRE_API_SERVER is 1. Nothing is kept there but, for a moment, two namespaces and a pod.
"""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from conformance.kube import pod_security
from conformance.kube.pod_security import Level
from tests.pod_security import admission, pods
from tests.pod_security.admission import Answer, Server
from tests.pod_security.changes import changed, conforming, spec, within
from tests.pod_security.verdicts import LEVELS, RECORD, ours, record

pytestmark = pytest.mark.api_server

MIXTURES = 400


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    kubeconfig = admission.kubeconfig()
    if kubeconfig is None:
        reason = "PLUMBLINE_API_SERVER does not name the kubeconfig of an API server"
        if os.environ.get("PLUMBLINE_REQUIRE_API_SERVER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    server = Server(kubeconfig)
    yield server
    server.close()


@pytest.fixture(scope="module", params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    found: Level = request.param
    return found


@pytest.fixture(scope="module")
def namespace(server: Server, level: Level) -> Iterator[str]:
    with server.namespace(enforce=level) as name:
        yield name


@pytest.fixture(scope="module")
def warning_namespace(server: Server, level: Level) -> Iterator[str]:
    with server.namespace(enforce="privileged", warn=level) as name:
        yield name


def differences(thing: dict[str, Any], level: Level, answer: Answer) -> list[str]:
    """What the two sides do not agree on; the admission may keep silent about containers it need not name."""
    expected, observed = answer.violated.get(level, {}), ours(thing, level)
    found = []
    if set(observed) != set(expected):
        found.append(f"we: {sorted(observed)}; the admission: {sorted(expected)} ({answer.message})")
    found += [
        f"{control}: we blame {observed[control]}; the admission {expected[control]}"
        for control in set(observed) & set(expected)
        if not expected[control] <= observed[control]
    ]
    return [f"{each}\n{thing}" for each in found]


def compare(server: Server, level: Level, path: str, things: Iterable[dict[str, Any]]) -> Counter[str]:
    """Submit each without keeping it; fails on the first difference. Counts verdicts and controls."""
    counts: Counter[str] = Counter()
    for thing in things:
        answer = server.send("POST", f"{path}?dryRun=All", thing)
        assert answer.status in (201, 403, 422), answer
        if answer.status == 422:
            counts["invalid"] += 1
            continue
        assert (answer.status == 403) <= (level in answer.violated), answer
        assert differences(thing, level, answer) == []
        counts["violating" if answer.violated else "conforming"] += 1
        counts.update(answer.violated.get(level, {}).keys())
    return counts


def test_each_value_by_itself(server: Server, level: Level, namespace: str) -> None:
    counts = compare(server, level, f"/api/v1/namespaces/{namespace}/pods", pods.alone())
    assert counts["invalid"] == 0
    assert counts["conforming"] > 100
    unseen = set(pod_security.controls(level)) - set(counts)
    assert unseen == {"baseline-windows-host-process"}, "every control must have been violated"


def test_the_record_is_true(server: Server) -> None:
    assert record(server) == json.loads(RECORD.read_text(encoding="utf-8"))


def test_mixtures(server: Server, level: Level, namespace: str) -> None:
    counts = compare(server, level, f"/api/v1/namespaces/{namespace}/pods", pods.mixed(MIXTURES))
    assert counts["violating"] > MIXTURES / 2
    assert counts["invalid"] < MIXTURES / 4, "mixtures that the API server refuses prove nothing"


def test_windows(server: Server, level: Level, namespace: str) -> None:
    counts = compare(server, level, f"/api/v1/namespaces/{namespace}/pods", pods.windows())
    assert counts["invalid"] == 0
    assert counts["baseline-windows-host-process"] >= 2
    assert counts["conforming"] >= 2


def test_ephemeral_containers(server: Server, level: Level, namespace: str) -> None:
    pod = conforming()
    path = f"/api/v1/namespaces/{namespace}/pods"
    assert server.send("POST", path, pod).status == 201
    violated: set[str] = set()
    for container in pods.ephemeral():
        with_it = changed(pod, spec(ephemeralContainers=[container]))
        patch = {"spec": {"ephemeralContainers": [container]}}
        kind = "application/strategic-merge-patch+json"
        answer = server.send("PATCH", f"{path}/pod/ephemeralcontainers?dryRun=All", patch, kind)
        assert answer.status in (200, 403), answer
        assert differences(with_it, level, answer) == []
        violated |= set(answer.violated.get(level, {}))
    assert "baseline-privileged-containers" in violated


def template(pod: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": pod["metadata"], "spec": pod["spec"]}


def deployment(pod: dict[str, Any]) -> dict[str, Any]:
    inner = {"selector": {"matchLabels": {"app": "pod"}}, "template": template(pod)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": inner}


def cron_job(pod: dict[str, Any]) -> dict[str, Any]:
    once = changed(pod, spec(restartPolicy="Never"))
    inner = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": template(once)}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}, "spec": inner}


def written_out(pod: dict[str, Any]) -> dict[str, Any]:
    """The host ports that the API server fills in for a pod in the node's network, and not for its template."""
    pod = copy.deepcopy(pod)
    if pod["spec"].get("hostNetwork"):
        for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
            for port in container.get("ports", []):
                port["hostPort"] = port["containerPort"]
    return pod


@pytest.mark.parametrize(
    ("resource", "wrap"), [("apis/apps/v1", deployment), ("apis/batch/v1", cron_job)], ids=["Deployment", "CronJob"]
)
def test_templates(server: Server, level: Level, warning_namespace: str, resource: str, wrap: Any) -> None:
    plural = "deployments" if wrap is deployment else "cronjobs"
    path = f"/{resource}/namespaces/{warning_namespace}/{plural}"
    counts = compare(server, level, path, (wrap(written_out(pod)) for pod in pods.alone()))
    assert counts["invalid"] == 0
    assert counts["violating"] > 100
    assert counts["conforming"] > 100


def test_a_template_is_judged_as_its_pods_will_be(server: Server, warning_namespace: str, namespace: str) -> None:
    """The one difference: the admission warns of no port in a template that its pods are refused for."""
    ports = within("web", "ports", value=[{"containerPort": 8080}])
    pod = changed(conforming(), spec(hostNetwork=True), ports)
    refused = server.send("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
    (violated,) = refused.violated.values()
    assert "baseline-host-ports" in violated
    path = f"/apis/apps/v1/namespaces/{warning_namespace}/deployments?dryRun=All"
    (warned,) = server.send("POST", path, deployment(pod)).violated.values()
    assert set(warned) == set(violated) - {"baseline-host-ports"}
    assert "baseline-host-ports" in ours(deployment(pod), "baseline")
