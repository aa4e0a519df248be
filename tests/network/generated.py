"""Pods and NetworkPolicies made up by chance, the same for the same number."""

from __future__ import annotations

from random import Random
from typing import Any

Raw = dict[str, Any]
NAMESPACES: dict[str, dict[str, str]] = {
    "red": {"team": "a", "env": "prod"},
    "blue": {"team": "b", "env": "prod"},
    "green": {"team": "a"},
}
#: labels of the pods of each namespace; `http` is another number on each, so that named ports are those of the pod
PODS: dict[str, dict[str, str]] = {
    "web": {"app": "web", "tier": "front"},
    "api": {"app": "api", "tier": "back"},
    "db": {"app": "db", "tier": "back", "state": "yes"},
}
HTTP = {"web": 80, "api": 8080, "db": 81}
LISTENING = (80, 81, 8080)
#: every port that is tried; 53 is open for both protocols
PROBED = [("TCP", 53), *(("TCP", port) for port in LISTENING), ("UDP", 53)]


def pod(namespace: str, name: str, containers: list[Raw]) -> Raw:
    """One pod; the first of its containers has the named ports."""
    ports = [
        {"name": "http", "containerPort": HTTP[name]},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 53},
    ]
    first = {**containers[0], "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": PODS[name]},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [first, *containers[1:]]},
    }


def namespaces() -> list[Raw]:
    """The namespaces with their labels."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in NAMESPACES.items()
    ]


class Policies:
    """Sets of policies. `blocks` are the ipBlocks that may be used."""

    def __init__(self, seed: int, blocks: list[Raw]) -> None:
        self._random = Random(seed)
        self._blocks = blocks

    def make(self) -> list[Raw]:
        """One set: one to five policies."""
        return [self._policy(f"p{number}") for number in range(self._random.randint(1, 5))]

    def _policy(self, name: str) -> Raw:
        spec: Raw = {"podSelector": self._selector(PODS)}
        types = self._one([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]])
        if types:
            spec["policyTypes"] = types
        for field, side in (("ingress", "from"), ("egress", "to")):
            if types and field.capitalize() not in types:
                continue
            rules = self._one([None, [], [{}], *([1, 2] * 4)])
            if isinstance(rules, int):
                rules = [self._rule(side) for _ in range(rules)]
            if rules is not None:
                spec[field] = rules
        metadata = {"name": name, "namespace": self._one(list(NAMESPACES))}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

    def _rule(self, side: str) -> Raw:
        rule: Raw = {}
        peers = self._one([None, [], 1, 1, 2, 2])
        if peers is not None:
            rule[side] = [self._peer() for _ in range(peers)] if isinstance(peers, int) else []
        ports = self._one([None, [], 1, 1, 2])
        if ports is not None:
            rule["ports"] = [self._port() for _ in range(ports)] if isinstance(ports, int) else []
        if side == "to" and not rule.get("to"):
            # To anybody on a port by its name: Kubernetes' own tests expect the port of each pod, not every CNI has it.
            by_number = [port for port in rule.get("ports", ()) if not isinstance(port.get("port"), str)]
            rule |= {"ports": by_number or [{"port": 81}]} if rule.get("ports") else {}
        return rule

    def _peer(self) -> Raw:
        kind = self._one(["pods", "pods", "spaces", "spaces", "both", "block"])
        if kind == "block":
            return {"ipBlock": self._one(self._blocks)}
        found: Raw = {}
        if kind in ("pods", "both"):
            found["podSelector"] = self._selector(PODS)
        if kind in ("spaces", "both"):
            found["namespaceSelector"] = self._selector(NAMESPACES)
        return found

    def _selector(self, labelled: dict[str, dict[str, str]]) -> Raw:
        labels = self._one(list(labelled.values()))
        key = self._one(sorted(labels))
        values = sorted({each[key] for each in labelled.values() if key in each})
        found: Raw = self._one(
            [
                {},
                {},
                {"matchLabels": {key: labels[key]}},
                {"matchLabels": {key: labels[key]}},
                {"matchLabels": labels},
                {"matchLabels": {key: "nobody"}},
                {"matchExpressions": [{"key": key, "operator": "In", "values": [*values[:2], "nobody"]}]},
                {"matchExpressions": [{"key": key, "operator": "NotIn", "values": values[:1]}]},
                {"matchExpressions": [{"key": key, "operator": self._one(["Exists", "DoesNotExist"])}]},
                {
                    "matchLabels": {key: labels[key]},
                    "matchExpressions": [{"key": "state", "operator": "DoesNotExist"}],
                },
            ]
        )
        return found

    def _port(self) -> Raw:
        found: Raw = self._one(
            [
                {"port": 80},
                {"port": self._one(LISTENING), "protocol": "TCP"},
                {"port": 53, "protocol": "UDP"},
                {"port": 53, "protocol": "TCP"},
                {"port": 80, "protocol": "UDP"},
                {"port": "http"},
                {"port": "http", "protocol": "TCP"},
                {"port": "dns", "protocol": self._one(["UDP", "TCP"])},
                {"port": "dns-tcp"},
                {"port": 80, "endPort": self._one([80, 81, 8080])},
                {"port": 1, "endPort": 80, "protocol": self._one(["TCP", "UDP"])},
                {"protocol": "UDP"},
                {"protocol": "TCP"},
            ]
        )
        return found

    def _one(self, choices: Any) -> Any:
        return self._random.choice(choices)
