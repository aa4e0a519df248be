"""Reference systems and generated objects as a real API server fills them in: no field of theirs drifts."""

from __future__ import annotations

import copy
import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conformance import cli
from conformance.cluster.client import Client
from conformance.cluster.connection import connect
from conformance.cluster.discovery import Discovery, discover
from conformance.drift.drift import compare_all
from conformance.kube.object import Object
from conformance.sources import load as sources
from tests.control_plane import ControlPlane
from tests.drift.live import fields, names
from tests.drift.test_compare import Nowhere

REFERENCE = Path("manifests/reference")
_FIRST = ("Namespace", "StorageClass", "ServiceAccount")
#: kinds of the references that Kubernetes itself does not have
CUSTOM = {
    "Application", "BackupStorageLocation", "Certificate", "ClusterIssuer", "PrometheusRule", "Schedule",
    "VerticalPodAutoscaler", "VolumeSnapshotLocation",
}  # fmt: skip


@pytest.fixture(scope="module")
def discovery(plane: ControlPlane) -> Discovery:
    return discover(Client(connect(kubeconfig=str(plane.kubeconfig()))))


def create(plane: ControlPlane, discovery: Discovery, raw: dict[str, Any], query: str = "") -> Any:
    """The object as the server made it, or None for a kind that it does not have."""
    group = raw["apiVersion"].rpartition("/")[0]
    resource = next((each for each in discovery.of_kind(raw["kind"]) if each.group == group), None)
    if resource is None:
        return None
    namespace = raw["metadata"].get("namespace", "") if resource.namespaced else ""
    try:
        return plane.request("POST", resource.path(namespace) + query, raw)
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return None
        raise AssertionError(f"{raw['kind']} {raw['metadata']['name']}: {error.read().decode()[:500]}") from None


def apply(plane: ControlPlane, discovery: Discovery, tree: Path) -> None:
    found = sources.load([str(tree)], jobs=1).objects
    spaces = {each.namespace for each in found if each.namespace}
    spaces |= {each.name for each in found if each.kind == "Namespace"}
    for name in sorted(spaces):
        create(plane, discovery, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for each in sorted(found, key=lambda one: one.kind not in _FIRST):
        raw = copy.deepcopy(each.raw)
        if each.namespace and "name" in raw.get("metadata", {}):
            raw["metadata"]["namespace"] = each.namespace
        if raw["kind"] == "Namespace":
            address = f"/api/v1/namespaces/{each.name}"
            now = plane.request("GET", address)
            plane.request("PUT", address, now | {"metadata": now["metadata"] | raw["metadata"]})
        elif each.name:
            create(plane, discovery, raw)


@pytest.mark.parametrize(("name", "least"), [("persistence", 50), ("smartsensor", 120)])
def test_the_reference_systems_do_not_drift(
    name: str, least: int, plane: ControlPlane, discovery: Discovery, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(plane, discovery, REFERENCE / name)
    options = ["--kubeconfig", str(plane.kubeconfig()), "--profile", name, "--format", "json"]
    cli.main(["drift", str(REFERENCE / name), *options])
    found = json.loads(capsys.readouterr().out)
    assert fields(found) == fields(found, "hints") == []
    assert {each.partition("/")[0] for each in names(found["only_git"])} <= CUSTOM
    assert {each["reason"] for each in found["only_git"]} == {"the cluster does not know the kind"}
    assert found["unread"] == []
    assert found["summary"]["compared"] >= least
    verdicts = {each["id"]: each for each in found["requirements"]}
    assert {each["git"] for each in verdicts.values()} >= {"passed", "not asked"}


NAME = st.sampled_from(["a", "b", "c1", "web-2"])
QUANTITY = st.sampled_from(["0.1", "100m", "1", "1.5", "1024Mi", "1Gi", "0.5Gi", "1e3", "2000k"])
PORT = st.fixed_dictionaries(
    {"containerPort": st.integers(1, 65535)},
    optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": st.sampled_from(["http", "x"])},
)
HOW: list[dict[str, Any]] = [
    {"httpGet": {"port": 80}},
    {"tcpSocket": {"port": "http"}},
    {"grpc": {"port": 9}},
    {"exec": {"command": ["a"]}},
]
PROBE = st.fixed_dictionaries(
    {}, optional={"periodSeconds": st.integers(1, 60), "failureThreshold": st.integers(1, 9)}
).flatmap(lambda base: st.sampled_from(HOW).map(lambda how: {**base, **how}))
CONTAINER = st.fixed_dictionaries(
    {"image": st.sampled_from(["a:1", "a", "a:latest", "r.example/a@sha256:" + "0" * 64])},
    optional={
        "ports": st.lists(
            PORT, max_size=2, unique_by=(lambda each: each["containerPort"], lambda each: each.get("name", id(each)))
        ),
        "env": st.lists(
            st.fixed_dictionaries({"name": NAME}, optional={"value": st.text("ab \n", max_size=5)}),
            max_size=3,
            unique_by=lambda each: each["name"],
        ),
        "livenessProbe": PROBE,
        "resources": st.fixed_dictionaries(
            {},
            optional={"limits": st.dictionaries(st.sampled_from(["cpu", "memory"]), QUANTITY), "requests": st.just({})},
        ),
        "securityContext": st.sampled_from(
            [{}, {"privileged": False}, {"runAsUser": 0}, {"capabilities": {"drop": ["ALL"]}}]
        ),
        "args": st.lists(NAME, max_size=2),
        "stdin": st.booleans(),
        "imagePullPolicy": st.sampled_from(["Always", "IfNotPresent", None]),
    },
)
SPEC = st.fixed_dictionaries(
    {"containers": st.lists(CONTAINER, min_size=1, max_size=3)},
    optional={
        "volumes": st.lists(
            st.sampled_from(
                [
                    {"emptyDir": {}},
                    {"configMap": {"name": "x"}},
                    {"secret": {"secretName": "x"}},
                    {"hostPath": {"path": "/"}},
                ]
            ),
            max_size=3,
        ),
        "securityContext": st.sampled_from([{}, {"runAsNonRoot": True}, {"fsGroup": 0}]),
        "hostNetwork": st.booleans(),
        "tolerations": st.sampled_from([[], [{"operator": "Exists"}], [{"key": "a"}]]),
        "serviceAccountName": st.sampled_from(["", "x"]),
        "affinity": st.just({}),
        "nodeSelector": st.sampled_from([{}, {"a": "b"}]),
        "terminationGracePeriodSeconds": st.sampled_from([0, 30]),
        "dnsPolicy": st.sampled_from(["ClusterFirst", "Default"]),
    },
)


def workload(kind: str, spec: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    for number, each in enumerate(spec["containers"]):
        each["name"] = f"c{number}"
    for number, each in enumerate(spec.get("volumes", ())):
        each["name"] = f"v{number}"
    labels = {"app": "x"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": "default", "labels": labels, "annotations": {}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            **more,
        },
    }


WORKLOAD = st.builds(
    workload,
    st.sampled_from(["Deployment", "DaemonSet", "StatefulSet"]),
    SPEC.map(copy.deepcopy),
    st.fixed_dictionaries(
        {}, optional={"revisionHistoryLimit": st.sampled_from([0, 3, 10]), "minReadySeconds": st.just(0)}
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(raw=WORKLOAD)
def test_what_the_server_fills_in_never_drifts(raw: dict[str, Any], plane: ControlPlane, discovery: Discovery) -> None:
    """By a server-side dry run: the server answers with the object as it would keep it."""
    try:
        live = create(plane, discovery, raw, "?dryRun=All")
    except AssertionError as refused:
        # what is generated may be refused for reasons that do not matter here; not too often, or hypothesis complains
        assert any(word in str(refused) for word in ("Invalid value", "Duplicate value", "Required"))  # noqa: PT017
        assume(False)
    git, kept = Object(raw, Nowhere()), Object(live, Nowhere())
    found = compare_all([git], {raw["kind"]: [kept]}, "v1.34.2")
    assert [(each.differences, each.hints) for each in found.changed] == []
    assert found.compared == 1
