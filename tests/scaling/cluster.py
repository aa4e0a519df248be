"""A namespace of a real control plane: API server, controllers and scheduler, but no kubelet; pods are made ready here.

PLUMBLINE_API_SERVER names the kubeconfig, with a token and a CA file.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

PATIENCE = 240.0  # seconds; controllers create 20 pods a second, and less on a busy machine
Raw = dict[str, Any]


class Cluster:
    """One kept connection, and one namespace in which everything happens."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        address = urlsplit(cluster["server"]).netloc
        self._connection = http.client.HTTPSConnection(address, context=context, timeout=PATIENCE)
        self._headers = {"Authorization": f"Bearer {user['token']}"}
        self.namespace = f"scaling-{uuid.uuid4().hex[:8]}"

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Raw]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {**self._headers, "Content-Type": kind})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def create(self, obj: Raw) -> Raw:
        status, answer = self.send("POST", self.path(obj["apiVersion"], obj["kind"]), obj)
        assert status == 201, answer
        return answer

    def path(self, api_version: str, kind: str, name: str = "") -> str:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        space = "" if kind == "Node" else f"/namespaces/{self.namespace}"
        return f"{root}{space}/{kind.lower()}s{'/' + name if name else ''}"

    def list(self, api_version: str, kind: str, selector: str = "") -> list[Raw]:
        status, answer = self.send("GET", self.path(api_version, kind) + f"?labelSelector={selector}")
        assert status == 200, answer
        found: list[Raw] = answer["items"]
        return found

    def ready(self, pod: Raw) -> None:
        """What a kubelet would say of a pod whose containers run."""
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": now()}
        body = {"status": {"phase": "Running", "conditions": [condition]}}
        name = pod["metadata"]["name"]
        kind = "application/strategic-merge-patch+json"
        status, answer = self.send("PATCH", self.path("v1", "Pod", name) + "/status", body, kind)
        assert status in (200, 404), answer

    def eviction(self, pod: str) -> int:
        """Status code of an eviction that is not carried out."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
            "deleteOptions": {"dryRun": ["All"]},
        }
        return self.send("POST", self.path("v1", "Pod", pod) + "/eviction?dryRun=All", body)[0]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    """Ask again and again; what was last observed stands in the failure."""
    deadline = time.monotonic() + patience
    while (observed := holds()) is not True:
        assert time.monotonic() < deadline, f"{what}: {observed}"
        time.sleep(0.2)


def is_ready(pod: Raw) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def kubeconfig() -> Path:
    """The control plane to compare with; skips the test without one, or fails where one is demanded."""
    name = os.environ.get("PLUMBLINE_API_SERVER")
    if not name:
        reason = "PLUMBLINE_API_SERVER does not name the kubeconfig of an API server"
        if os.environ.get("PLUMBLINE_REQUIRE_API_SERVER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(name)


@contextmanager
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    found = Cluster(kubeconfig)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace}}
    assert found.send("POST", "/api/v1/namespaces", body)[0] == 201
    try:
        yield found
    finally:
        found.send("DELETE", f"/api/v1/namespaces/{found.namespace}")
        found._connection.close()


def selector(**labels: str) -> Raw:
    return {"matchLabels": labels}


def template(labels: Raw, **spec: Any) -> Raw:
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}], **spec}}


def owner(kind: str, name: str, replicas: int, labels: Raw | None = None, **spec: Any) -> Raw:
    """A workload; `labels` besides `app` are those of its pods, `pod` is more of their spec."""
    pod = spec.pop("pod", {})
    api = {"ReplicationController": "v1", "Job": "batch/v1"}.get(kind, "apps/v1")
    every = {"app": name, **(labels or {})}
    body: Raw = {"replicas": replicas, "selector": selector(app=name), "template": template(every, **pod), **spec}
    if kind == "ReplicationController":
        body["selector"] = {"app": name}
    if kind == "StatefulSet":
        body |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    if kind == "DaemonSet":
        del body["replicas"]
    if kind == "Job":
        body = {"parallelism": replicas, "completions": replicas, "template": template(every, restartPolicy="Never")}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": body}


def node(name: str, labels: Raw, taints: list[str] | None = None, **allocatable: str) -> Raw:
    """A node that says it is ready; taints as `key=value:Effect`."""
    listed = []
    for text in taints or []:
        what, _, effect = text.rpartition(":")
        key, _, value = what.partition("=")
        listed.append({"key": key, "value": value, "effect": effect})
    amounts = {"cpu": "64", "memory": "64Gi", "pods": "110", **allocatable}
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": now(), "lastTransitionTime": now()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {"taints": listed},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": [condition]},
    }
