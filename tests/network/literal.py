"""NetworkPolicy read word by word: pod by pod, policy by policy, on the raw YAML. Slow, plain, and written from the
specification alone; shares no code with what it judges.
"""

from __future__ import annotations

import ipaddress
from typing import Any

Raw = dict[str, Any]


class Cluster:
    def __init__(self, objects: list[Raw]) -> None:
        self.pods = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Deployment"}
        self.policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
        self.spaces = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Namespace"}

    def connects(self, source: str, target: str, protocol: str, port: int) -> bool:
        """Ends are names of pods, or addresses."""
        return self.leaves(source, target, protocol, port) and self.enters(source, target, protocol, port)

    def leaves(self, source: str, target: str, protocol: str, port: int) -> bool:
        return self.passes("Egress", source, target, target, protocol, port)

    def enters(self, source: str, target: str, protocol: str, port: int) -> bool:
        return self.passes("Ingress", target, source, target, protocol, port)

    def passes(self, way: str, pod: str, other: str, target: str, protocol: str, port: int) -> bool:
        if pod not in self.pods or self.pods[pod]["spec"]["template"]["spec"].get("hostNetwork"):
            return True
        isolated = False
        for policy in self.policies:
            if way not in types(policy["spec"]) or not self.applies(policy, pod):
                continue
            isolated = True
            for rule in policy["spec"].get(way.lower()) or []:
                if self.peer_fits(rule, way, other, policy) and self.port_fits(rule, target, protocol, port):
                    return True
        return not isolated

    def applies(self, policy: Raw, pod: str) -> bool:
        same = self.pods[pod]["metadata"]["namespace"] == policy["metadata"]["namespace"]
        return same and fits(policy["spec"].get("podSelector") or {}, self.labels(pod))

    def labels(self, pod: str) -> dict[str, str]:
        found: dict[str, str] = self.pods[pod]["spec"]["template"]["metadata"]["labels"]
        return found

    def peer_fits(self, rule: Raw, way: str, other: str, policy: Raw) -> bool:
        peers = rule.get("from" if way == "Ingress" else "to")
        if not peers:
            return True
        return any(self.one_peer_fits(peer, other, policy) for peer in peers)

    def one_peer_fits(self, peer: Raw, other: str, policy: Raw) -> bool:
        if "ipBlock" in peer:
            if other in self.pods:
                return False
            address = ipaddress.ip_address(other)
            blocks = [ipaddress.ip_network(each) for each in peer["ipBlock"].get("except", [])]
            return address in ipaddress.ip_network(peer["ipBlock"]["cidr"]) and not any(address in b for b in blocks)
        if other not in self.pods or self.pods[other]["spec"]["template"]["spec"].get("hostNetwork"):
            return False
        home = self.pods[other]["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            space = self.spaces.get(home)
            labels = dict(space["metadata"].get("labels") or {}) if space else {}
            labels["kubernetes.io/metadata.name"] = home
            if not fits(peer["namespaceSelector"], labels):
                return False
        elif home != policy["metadata"]["namespace"]:
            return False
        return "podSelector" not in peer or fits(peer["podSelector"], self.labels(other))

    def port_fits(self, rule: Raw, target: str, protocol: str, port: int) -> bool:
        return not rule.get("ports") or any(self.one_port_fits(p, target, protocol, port) for p in rule["ports"])

    def one_port_fits(self, wanted: Raw, target: str, protocol: str, port: int) -> bool:
        if wanted.get("protocol", "TCP") != protocol:
            return False
        number = wanted.get("port")
        if number is None:
            return True
        if isinstance(number, str):
            containers = self.pods[target]["spec"]["template"]["spec"]["containers"] if target in self.pods else []
            open_ports = [each for container in containers for each in container["ports"]]
            return any(
                each["name"] == number and each["containerPort"] == port and each.get("protocol", "TCP") == protocol
                for each in open_ports
            )
        last = int(wanted.get("endPort") or number)
        return bool(number <= port <= last)


def types(spec: Raw) -> list[str]:
    if spec.get("policyTypes"):
        return list(spec["policyTypes"])
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def fits(selector: Raw, labels: dict[str, str]) -> bool:
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions") or []:
        key, operator, values = each["key"], each["operator"], each.get("values", [])
        if operator == "In" and labels.get(key) not in values:
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True
