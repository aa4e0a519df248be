"""Drift against a real API server: what it fills in is none, what somebody changes is found at its field."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conformance import cli
from tests.control_plane import ControlPlane, encoded
from tests.drift.live import Applied, fields, names

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shop(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """shop.yaml, applied twice: once as kubectl does it first, once over what the server made of it."""
    file = tmp_path_factory.mktemp("git") / "shop.yaml"
    shutil.copy(HERE / "shop.yaml", file)
    applied = Applied(plane, file, ["--no-requirements"])
    applied.kubectl("apply", "-f", str(file))
    applied.kubectl("replace", "-f", str(file))
    return applied


def test_what_the_server_fills_in_is_no_drift(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = shop.drift(capsys)
    assert fields(found) == []
    assert fields(found, "hints") == []
    assert names(found["only_git"]) == names(found["only_cluster"]) == []
    assert found["unread"] == []
    assert found["summary"]["compared"] == 22
    assert code == 0


WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
SCALED = "/apis/apps/v1/namespaces/shop/deployments/scaled"
SERVICE = "/api/v1/namespaces/shop/services/web"
CONFIG = "/api/v1/namespaces/shop/configmaps/app"
SECRET = "/api/v1/namespaces/shop/secrets/db"
POLICY = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/web"
REPORT = "/apis/batch/v1/namespaces/shop/cronjobs/report"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
POD = "spec/template/spec"
APP = f"{POD}/containers/0"
IN_POD = "spec.template.spec"
IN_APP = f"{IN_POD}.containers[0]"
DEBUG = {"name": "debug", "image": "busybox"}
INITIAL = [{"name": name, "image": f"registry.example/{name}:1"} for name in ("second", "first")]
SUBJECT = {"kind": "ServiceAccount", "name": "x", "namespace": "shop"}
ENFORCE = "pod-security.kubernetes.io~enforce"

#: what is done to the cluster (address, field, value; None removes), and the object and field that must be found
MUTATIONS: dict[str, tuple[str, str, Any, str, str]] = {
    "replicas": (WEB, "spec/replicas", 5, "Deployment/web", "spec.replicas"),
    "image": (WEB, f"{APP}/image", "registry.example/web:1.5", "Deployment/web", f"{IN_APP}.image"),
    "variable changed": (WEB, f"{APP}/env/1/value", "debug", "Deployment/web", f"{IN_APP}.env[1].value"),
    "variable removed": (WEB, f"{APP}/env/0", None, "Deployment/web", f"{IN_APP}.env[0]"),
    "variable added": (WEB, f"{APP}/env/+", {"name": "T", "value": "1"}, "Deployment/web", f"{IN_APP}.env[T]"),
    "container added": (WEB, f"{POD}/containers/+", DEBUG, "Deployment/web", f"{IN_POD}.containers[debug]"),
    "limit": (WEB, f"{APP}/resources/limits/memory", "2Gi", "Deployment/web", f"{IN_APP}.resources.limits.memory"),
    "request removed": (
        SCALED, f"{APP}/resources/requests/memory", None, "Deployment/scaled", f"{IN_APP}.resources.requests",
    ),
    "probe": (
        WEB, f"{APP}/readinessProbe/httpGet/path", "/", "Deployment/web", f"{IN_APP}.readinessProbe.httpGet.path",
    ),
    "second of two ports": (WEB, f"{APP}/ports/1", None, "Deployment/web", f"{IN_APP}.ports[1]"),
    "label": (WEB, "metadata/labels/app", None, "Deployment/web", "metadata.labels.app"),
    "annotation": (WEB, "metadata/annotations/team", "x", "Deployment/web", "metadata.annotations.team"),
    "label of pods": (
        WEB, "spec/template/metadata/labels/tier", "x", "Deployment/web", "spec.template.metadata.labels.tier",
    ),
    "another ConfigMap": (
        WEB, f"{POD}/volumes/0/configMap/name", "spare", "Deployment/web", f"{IN_POD}.volumes[0].configMap.name",
    ),
    "volume of another sort": (
        WEB, f"{POD}/volumes/1", {"name": "scratch", "hostPath": {"path": "/"}},
        "Deployment/web", f"{IN_POD}.volumes[1].emptyDir",
    ),
    "security context": (
        WEB, f"{APP}/securityContext/readOnlyRootFilesystem", False,
        "Deployment/web", f"{IN_APP}.securityContext.readOnlyRootFilesystem",
    ),
    "false made true": (WEB, f"{POD}/hostPID", True, "Deployment/web", f"{IN_POD}.hostPID"),
    "order of init containers": (WEB, f"{POD}/initContainers", INITIAL, "Deployment/web", f"{IN_POD}.initContainers"),
    "argument": (WEB, f"{APP}/args/1", "9090", "Deployment/web", f"{IN_APP}.args[1]"),
    "arguments": (WEB, f"{APP}/args/+", "-v", "Deployment/web", f"{IN_APP}.args"),
    "empty node selector": (WEB, f"{POD}/nodeSelector", {"a": "b"}, "Deployment/web", f"{IN_POD}.nodeSelector.a"),
    "target port": (SERVICE, "spec/ports/0/targetPort", 9090, "Service/web", "spec.ports[0].targetPort"),
    "selector": (SERVICE, "spec/selector/app", "old", "Service/web", "spec.selector.app"),
    "narrower selector": (SERVICE, "spec/selector/canary", "true", "Service/web", "spec.selector.canary"),
    "line of a file": (CONFIG, "data/app.conf", "listen 8080\nworkers 8\n", "ConfigMap/app", "data[app.conf]"),
    "key removed": (CONFIG, "data/mode", None, "ConfigMap/app", "data.mode"),
    "key added": (CONFIG, "data/extra", "1", "ConfigMap/app", "data.extra"),
    "password": (SECRET, "data/password", encoded("hunter2"), "Secret/db", "data.password"),
    "key of a secret": (SECRET, "data/user", None, "Secret/db", "data.user"),
    "policy without rules": (POLICY, "spec/ingress", None, "NetworkPolicy/web", "spec.ingress"),
    "policy of all pods": (POLICY, "spec/podSelector", {}, "NetworkPolicy/web", "spec.podSelector.matchLabels"),
    "port of a policy": (
        POLICY, "spec/ingress/0/ports/0/port", 1, "NetworkPolicy/web", "spec.ingress[0].ports[0].port",
    ),
    "another rule": (POLICY, "spec/ingress/+", {}, "NetworkPolicy/web", "spec.ingress"),
    "budget": (
        "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web", "spec/minAvailable", 0,
        "PodDisruptionBudget/web", "spec.minAvailable",
    ),
    "schedule": (REPORT, "spec/schedule", "0 4 * * *", "CronJob/report", "spec.schedule"),
    "suspended": (REPORT, "spec/suspend", True, "CronJob/report", "spec.suspend"),
    "replicas of a set": (
        "/apis/apps/v1/namespaces/shop/statefulsets/db", "spec/replicas", 0, "StatefulSet/db", "spec.replicas",
    ),
    "host": (
        "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web", "spec/rules/0/host", "x.example",
        "Ingress/web", "spec.rules[0].host",
    ),
    "verbs": (f"{RBAC}/roles/web", "rules/0/verbs/+", "delete", "Role/web", "rules[0].verbs"),
    "subject": (f"{RBAC}/rolebindings/web", "subjects/+", SUBJECT, "RoleBinding/web", "subjects[x]"),
    "token": (
        "/api/v1/namespaces/shop/serviceaccounts/web", "automountServiceAccountToken", True,
        "ServiceAccount/web", "automountServiceAccountToken",
    ),
    "label of a namespace": (
        "/api/v1/namespaces/shop", f"metadata/labels/{ENFORCE}", None,
        "Namespace/shop", "metadata.labels[pod-security.kubernetes.io/enforce]",
    ),
    "quota": (
        "/api/v1/namespaces/shop/resourcequotas/shop", "spec/hard/pods", "200", "ResourceQuota/shop", "spec.hard.pods",
    ),
    "storage class": (
        "/apis/storage.k8s.io/v1/storageclasses/shop-fast", "allowVolumeExpansion", False,
        "StorageClass/shop-fast", "allowVolumeExpansion",
    ),
    "most replicas": (
        "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/scaled", "spec/maxReplicas", 50,
        "HorizontalPodAutoscaler/scaled", "spec.maxReplicas",
    ),
    "reclaim policy": (
        "/api/v1/persistentvolumes/shop-data", "spec/persistentVolumeReclaimPolicy", "Delete",
        "PersistentVolume/shop-data", "spec.persistentVolumeReclaimPolicy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_is_found_at_its_field(name: str, shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    address, path, value, thing, field = MUTATIONS[name]
    with shop.changed(address, (path, value)):
        code, found = shop.drift(capsys)
    assert fields(found) == [(thing, field)]
    assert code == 1
    places = [one["location"] for each in found["changed"] for one in each["differences"]]
    assert all(place["path"] == str(shop.path) and place["line"] for place in places)


def test_the_line_is_that_of_the_field(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.changed(WEB, ("spec/replicas", 5)):
        _, found = shop.drift(capsys)
    [field] = [one for each in found["changed"] for one in each["differences"]]
    assert (field["git"], field["cluster"]) == ("2", "5")
    lines = shop.path.read_text().splitlines()
    assert lines[field["location"]["line"] - 1] == "  replicas: 2"


def test_no_value_of_a_secret_is_shown(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.changed(SECRET, ("data/password", encoded("hunter2"))):
        _, found = shop.drift(capsys)
        cli.main(["drift", str(shop.path), "--kubeconfig", str(shop.plane.kubeconfig()), "--no-requirements"])
        shown = capsys.readouterr().out
    [field] = [one for each in found["changed"] for one in each["differences"]]
    assert field["git"].startswith("a value of 21 bytes, digest ")
    assert field["cluster"].startswith("a value of 7 bytes, digest ")
    for text in (json.dumps(found), shown):
        assert "hunter2" not in text
        assert "correct-horse" not in text


def test_deleted_objects_are_only_in_git(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.without(CONFIG), shop.without("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"):
        code, found = shop.drift(capsys)
    assert sorted(names(found["only_git"])) == ["ConfigMap/app", "Ingress/web"]
    assert code == 1


def test_created_objects_are_hints_unless_strict(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.with_object("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "stray"}}):
        code, found = shop.drift(capsys)
        strict, _ = shop.drift(capsys, "--strict")
    assert names(found["only_cluster"]) == ["ConfigMap/stray"]
    assert (code, strict) == (0, 1)


def test_a_field_that_git_leaves_alone_is_a_hint(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.changed(WEB, (f"{POD}/hostNetwork", True)):
        code, found = shop.drift(capsys)
        strict, _ = shop.drift(capsys, "--strict")
    assert fields(found, "hints") == [("Deployment/web", f"{IN_POD}.hostNetwork")]
    assert fields(found) == []
    assert (code, strict) == (0, 1)


def test_a_kind_that_may_not_be_listed_is_no_pass(shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig = str(shop.plane.kubeconfig("nobody"))
    code = cli.main(["drift", str(shop.path), "--kubeconfig", kubeconfig, "--no-requirements", "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    refused = "Secret cannot be compared: not allowed to list secrets"
    assert any(each["reason"].startswith(refused) for each in found["unread"])
    assert found["summary"]["compared"] == 0


PROXY = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24"}
PROBED = {"path": "/app-health/app/readyz", "port": 15020, "scheme": "HTTP"}
RESTARTED = "spec/template/metadata/annotations/kubectl.kubernetes.io~restartedAt"
#: what injectors, autoscalers and tools do, none of it drift
LEGITIMATE: dict[str, tuple[str, list[tuple[str, Any]]]] = {
    "sidecar of Istio": (WEB, [(f"{POD}/containers/+", PROXY)]),
    "init container of Istio": (WEB, [(f"{POD}/initContainers/+", {"name": "istio-init", "image": "proxyv2"})]),
    "volume of Istio": (WEB, [(f"{POD}/volumes/+", {"name": "istio-envoy", "emptyDir": {}})]),
    "sidecar of Linkerd": (WEB, [(f"{POD}/containers/+", {"name": "linkerd-proxy", "image": "proxy"})]),
    "annotations of an injector": (WEB, [("spec/template/metadata/annotations", {"sidecar.istio.io/status": "{}"})]),
    "probe that the sidecar answers": (WEB, [(f"{APP}/readinessProbe/httpGet", PROBED)]),
    "Argo CD's tracking": (
        WEB,
        [("metadata/annotations/argocd.argoproj.io~tracking-id", "a:apps/Deployment:shop/web")],
    ),
    "Helm's tracking": (
        WEB,
        [
            ("metadata/labels/app.kubernetes.io~managed-by", "Helm"),
            ("metadata/annotations/meta.helm.sh~release-name", "x"),
        ],
    ),
    "Flux's tracking": (WEB, [("metadata/labels/kustomize.toolkit.fluxcd.io~name", "apps")]),
    "kubectl rollout restart": (WEB, [(RESTARTED, "2026-01-01T00:00:00Z")]),
    "replicas under an autoscaler": (SCALED, [("spec/replicas", 4)]),
    "hash in a selector": (SERVICE, [("spec/selector/rollouts-pod-template-hash", "abc")]),
    "memory in other units": (WEB, [(f"{APP}/resources/limits/memory", "1048576Ki")]),
    "injected CA": (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/shop",
        [("webhooks/0/clientConfig/caBundle", "LS0tLS1CRUdJTg==")],
    ),
    "aggregated rules": (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/shop-all",
        [("rules", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])],
    ),
    "finalizer": (CONFIG, [("metadata/finalizers", ["example.com/keep"])]),
    "class that admission sets": (
        "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web",
        [("spec/ingressClassName", "x")],
    ),
}


@pytest.mark.parametrize("name", LEGITIMATE)
def test_what_may_differ_is_silent(name: str, shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    address, changes = LEGITIMATE[name]
    with shop.changed(address, *changes):
        code, found = shop.drift(capsys, "--strict")
    assert (fields(found), fields(found, "hints"), code) == ([], [], 0)


OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "0000"}
CORE = "/api/v1/namespaces/shop"
#: what others make in a namespace, none of it hinted at
MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "with an owner": (f"{CORE}/configmaps", {"metadata": {"name": "made", "ownerReferences": [OWNER]}}),
    "default account": (f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}}),
    "root CA": (f"{CORE}/configmaps", {"metadata": {"name": "kube-root-ca.crt"}}),
    "of another Helm release": (
        f"{CORE}/configmaps",
        {"metadata": {"name": "x", "annotations": {"meta.helm.sh/release-name": "other"}}},
    ),
    "of another Application": (
        f"{CORE}/services",
        {
            "metadata": {"name": "x", "annotations": {"argocd.argoproj.io/tracking-id": "other:/Service:shop/x"}},
            "spec": {"ports": [{"port": 80}]},
        },
    ),
    "release of Helm": (
        f"{CORE}/secrets",
        {"metadata": {"name": "sh.helm.release.v1.x"}, "type": "helm.sh/release.v1"},
    ),
    "of another kind than Git has": (
        f"{CORE}/podtemplates",
        {"metadata": {"name": "x"}, "template": {"spec": {"containers": [PROXY]}}},
    ),
    "in another namespace": ("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "x"}}),
}


@pytest.mark.parametrize("name", MADE)
def test_what_others_make_is_no_hint(name: str, shop: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    address, body = MADE[name]
    with shop.with_object(address, body):
        code, found = shop.drift(capsys, "--strict")
    assert (names(found["only_cluster"]), code) == ([], 0)
