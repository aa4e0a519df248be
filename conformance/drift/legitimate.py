"""Differences that are none: what controllers, injectors and operators are meant to change in what Git says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

from conformance.drift.compare import Difference
from conformance.drift.ignored import Ignored
from conformance.kube.object import FieldTypeError, Node, Object

#: objects of a kind in the cluster; empty where they may not be listed
Listed = Callable[[str], Iterable[Object]]

_INJECTED = re.compile(
    r"(istio-(proxy|init|validation|envoy|data|token|podinfo)|istiod-ca-cert|workload-(socket|certs)|credential-socket"
    r"|linkerd-.*|vault-agent.*|vault-secrets|home-(init|sidecar)|dapr.*|kube-api-access-.*)"
)
_LISTS = ("containers", "initContainers", "volumes", "volumeMounts", "imagePullSecrets", "env")
_MOUNTS = re.compile(r"/(var/run/secrets/(istio|linkerd|tokens|workload-spiffe\S*|kubernetes\.io)|etc/istio|vault)\b.*")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop")
_REWRITTEN = "/app-health/"
_HASHES = ("rollouts-pod-template-hash", "pod-template-hash")
_INJECTS_CA = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)
_BUNDLES = ("", "Cg==", "Cg0K")
_ASSIGNED = {"clusterIP": ("",), "nodePort": (0,), "healthCheckNodePort": (0,), "volumeName": ("",), "nodeName": ("",)}
_INSTANCE = "app.kubernetes.io/instance"
#: what the admission of Pods adds to them; templates stay as they are
_POD = ("tolerations", "nodeName", "serviceAccountName", "imagePullSecrets", "priorityClassName")


class Legitimate:
    """Why a difference is none. `git` are all objects of the repository, `listed` those of the cluster by kind."""

    def __init__(self, git: Iterable[Object], listed: Listed, ignored: Ignored) -> None:
        self._git = list(git)
        self._listed = listed
        self._ignored = ignored

    def reason(self, git: Object, live: Object, difference: Difference) -> str:
        """Who made the difference, and may; empty for drift."""
        rules = (
            self._ignored.reason, _injected, _probe, self._scaled, self._rolled_out, _ca_bundle, _aggregated,
            self._tracked, _assigned, _derived, _of_pods, _set_by_binding,
        )  # fmt: skip
        for rule in rules:
            found = rule(git, live, difference)
            if found:
                return found
        return ""

    def _scaled(self, git: Object, live: Object, difference: Difference) -> str:
        if difference.path != ("spec", "replicas"):
            return ""
        if (git.kind, live.namespace, git.name) in self._scalers:
            return f"{self._scalers[git.kind, live.namespace, git.name]} decides the number of replicas"
        if git.kind == "Deployment" and (live.namespace, git.name) in self._taken_over:
            return "a Rollout runs its pods by workloadRef, and scales it down"
        return ""

    @cached_property
    def _scalers(self) -> dict[tuple[str, str | None, str], str]:
        found: dict[tuple[str, str | None, str], str] = {}
        for each in self._both("HorizontalPodAutoscaler", "ScaledObject"):
            reference = each.mapping("spec.scaleTargetRef")
            kind = str(reference.get("kind") or "Deployment")
            for namespace in self._namespaces(each):
                found[kind, namespace, str(reference.get("name"))] = str(each)
        return found

    @cached_property
    def _taken_over(self) -> set[tuple[str | None, str]]:
        return {
            (namespace, each.text("spec.workloadRef.name"))
            for each in self._both("Rollout")
            if each.mapping("spec.workloadRef")
            for namespace in self._namespaces(each)
        }

    @cached_property
    def _routed(self) -> set[tuple[str, str]]:
        """Kind and name of what Rollouts shift traffic with."""
        found: set[tuple[str, str]] = set()
        for each in self._both("Rollout"):
            istio = Node(each.mapping("spec.strategy.canary.trafficRouting.istio"))
            services = [istio.at("virtualService"), *istio.sequence("virtualServices")]
            found |= {("VirtualService", one.text("name")) for one in services if isinstance(one.raw, dict)}
            found.add(("DestinationRule", istio.text("destinationRule.name")))
        return found

    def _both(self, *kinds: str) -> Iterator[Object]:
        """Objects of both sides whose fields can be read; the others are reported where they are judged."""
        for kind in kinds:
            for each in (*(one for one in self._git if one.kind == kind), *self._listed(kind)):
                try:
                    each.mapping("spec.scaleTargetRef"), each.mapping("spec.workloadRef")
                    each.mapping("spec.strategy.canary.trafficRouting.istio")
                except FieldTypeError:
                    continue
                yield each

    def _namespaces(self, thing: Object) -> list[str | None]:
        """The namespace of an object; of one that does not say it, every one that Git knows."""
        if thing.namespace is not None:
            return [thing.namespace]
        return [*{each.namespace for each in self._git}]

    def _rolled_out(self, git: Object, live: Object, difference: Difference) -> str:
        path = difference.path
        if path[-1:] and path[-1] in _HASHES:
            return "a rollout marks its pods with a hash"
        if (git.kind, git.name) not in self._routed:
            return ""
        if git.kind == "VirtualService" and (path[-1] == "weight" or "route" in path):
            return "a Rollout shifts the weights of its routes"
        return "a Rollout marks the subsets" if git.kind == "DestinationRule" and "subsets" in path else ""

    def _tracked(self, git: Object, live: Object, difference: Difference) -> str:
        """Argo CD, where it tracks by label, writes the name of its Application over whatever the chart says."""
        if difference.path[-1:] != (_INSTANCE,) or difference.path[0] != "metadata":
            return ""
        names = {each.name for each in (*self._git, *self._listed("Application")) if each.kind == "Application"}
        return f"Argo CD tracks it by the label {_INSTANCE}" if difference.cluster in names else ""


def _injected(git: Object, live: Object, difference: Difference) -> str:
    if difference.what != "added" or difference.path[-1:] == () or difference.path[-1] not in _LISTS:
        return ""
    if _INJECTED.fullmatch(difference.element) or _MOUNTS.fullmatch(difference.element):
        return f"{difference.element} is injected"
    return ""


def _probe(git: Object, live: Object, difference: Difference) -> str:
    """Istio lets its sidecar answer probes: https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/"""
    place = next((index for index, step in enumerate(difference.path) if step in _PROBES), None)
    if place is None:
        return ""
    probe = _same_place(git.raw, live.raw, difference.path[: place + 1])
    path = Node(probe).get("httpGet.path") if isinstance(probe, dict) and isinstance(probe.get("httpGet"), dict) else ""
    return "Istio's sidecar answers the probe" if str(path or "").startswith(_REWRITTEN) else ""


def _same_place(git: Any, live: Any, path: Iterable[str | int]) -> Any:
    """The cluster's value at a place in Git's object; elements of lists are found by their names."""
    for step in path:
        git = _at(git, (step,))
        if isinstance(live, list):
            name = git.get("name") if isinstance(git, dict) else None
            live = next((each for each in live if isinstance(each, dict) and each.get("name") == name), None)
        else:
            live = live.get(step) if isinstance(live, dict) else None
    return live


def _ca_bundle(git: Object, live: Object, difference: Difference) -> str:
    if difference.path[-1:] != ("caBundle",):
        return ""
    marked = any(name in live.annotations or name in git.annotations for name in _INJECTS_CA)
    if marked or difference.what == "added" or difference.git in _BUNDLES:
        return "the CA is injected"
    return ""


def _aggregated(git: Object, live: Object, difference: Difference) -> str:
    """https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles"""
    if git.kind == "ClusterRole" and difference.path[0] == "rules" and git.mapping("aggregationRule"):
        return "the rules are aggregated from other ClusterRoles"
    return ""


def _assigned(git: Object, live: Object, difference: Difference) -> str:
    name = difference.path[-1] if difference.path else ""
    if isinstance(name, str) and difference.git in _ASSIGNED.get(name, ()) and difference.git is not None:
        return "Git leaves it to the cluster"
    return ""


def _derived(git: Object, live: Object, difference: Difference) -> str:
    """What the server makes of other fields of the same object."""
    if difference.what != "added":
        return ""
    *above, name = difference.path
    if "requests" in above and above[-1] == "requests":
        limits = _at(git.raw, (*above[:-1], "limits"))
        if isinstance(limits, dict) and name in limits:
            return "a request that is not set is the limit"
    if name == "requests":
        return "a request that is not set is the limit" if _at(git.raw, (*above, "limits")) else ""
    if name == "targetPort":
        return "the port itself" if difference.cluster == _at(git.raw, (*above, "port")) else ""
    if name == "hostPort":
        return "of a pod in the host's network" if difference.cluster == _at(git.raw, (*above, "containerPort")) else ""
    if name == "policyTypes" and difference.cluster == ["Ingress", "Egress"]:
        return "the policy has rules for both" if _at(git.raw, ("spec", "egress")) else ""
    if git.kind == "HorizontalPodAutoscaler" and name == "metrics":
        return "80 % of the CPU is the default"
    return ""


def _of_pods(git: Object, live: Object, difference: Difference) -> str:
    if git.kind != "Pod" or difference.path[:1] != ("spec",):
        return ""
    if len(difference.path) > 1 and difference.path[1] in _POD:
        return "the admission of Pods fills it in"
    if "resources" in difference.path and "vpaUpdates" in live.annotations:
        return "a VerticalPodAutoscaler decides it"
    return ""


def _set_by_binding(git: Object, live: Object, difference: Difference) -> str:
    """A claim and its volume name each other once they are bound."""
    if git.kind == "PersistentVolume" and difference.path[:2] == ("spec", "claimRef") and difference.what == "added":
        return "bound"
    return ""


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
