"""Every way in which a scheduler could place a few pods, found by trying all of them. Written from the Kubernetes
documentation on the raw YAML; shares no code with what it judges.
"""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]
State = tuple[int, ...]
HOST = "kubernetes.io/hostname"


class Scheduler:
    """Nodes are `{labels, taints}` with taints as keys, all of them NoSchedule; pods tolerate the keys they list."""

    def __init__(self, spec: Raw, labels: Raw, nodes: list[Raw]) -> None:
        self.spec = spec
        self.labels = labels
        self.nodes = nodes
        self.tolerated = {each["key"] for each in spec.get("tolerations", ())}
        self.wanted = spec.get("nodeSelector", {})

    def selected(self, node: Raw) -> bool:
        return all(node["labels"].get(key) == value for key, value in self.wanted.items())

    def tainted(self, node: Raw) -> bool:
        return any(each not in self.tolerated for each in node["taints"])

    def means_own(self, chosen: Raw | None) -> bool:
        if chosen is None:
            return False
        return all(self.labels.get(key) == value for key, value in chosen.get("matchLabels", {}).items())

    def allows(self, state: State, target: int) -> bool:
        node = self.nodes[target]
        if not self.selected(node) or self.tainted(node):
            return False
        hard = [e for e in self.spec.get("topologySpreadConstraints", ()) if e["whenUnsatisfiable"] == "DoNotSchedule"]
        return all(self.even(each, hard, state, target) for each in hard) and self.apart(state, target)

    def even(self, constraint: Raw, hard: list[Raw], state: State, target: int) -> bool:
        key = constraint["topologyKey"]
        if key not in self.nodes[target]["labels"]:
            return False
        own = self.means_own(constraint.get("labelSelector"))
        domains: dict[str, int] = {}
        for node, count in zip(self.nodes, state, strict=True):
            eligible = all(each["topologyKey"] in node["labels"] for each in hard)
            if constraint.get("nodeAffinityPolicy", "Honor") == "Honor":
                eligible = eligible and self.selected(node)
            if constraint.get("nodeTaintsPolicy", "Ignore") == "Honor":
                eligible = eligible and not self.tainted(node)
            if eligible:
                domain = node["labels"][key]
                domains[domain] = domains.get(domain, 0) + (count if own else 0)
        least = min(domains.values(), default=0)
        if len(domains) < constraint.get("minDomains", 1):
            least = 0
        here = domains.get(self.nodes[target]["labels"][key], 0)
        skew: int = constraint["maxSkew"]
        return here + (1 if own else 0) - least <= skew

    def apart(self, state: State, target: int) -> bool:
        terms = self.spec.get("affinity", {}).get("podAntiAffinity", {})
        for term in terms.get("requiredDuringSchedulingIgnoredDuringExecution", ()):
            domain = self.nodes[target]["labels"].get(term["topologyKey"])
            if domain is None or not self.means_own(term.get("labelSelector")):
                continue
            for node, count in zip(self.nodes, state, strict=True):
                if count and node["labels"].get(term["topologyKey"]) == domain:
                    return False
        return True

    def ends(self, pods: int) -> set[State]:
        """States in which all pods are placed, or no further one can be."""
        found: set[State] = set()
        layer: set[State] = {(0,) * len(self.nodes)}
        for _ in range(pods):
            following: set[State] = set()
            for state in layer:
                nexts = [add(state, index) for index in range(len(state)) if self.allows(state, index)]
                found |= set() if nexts else {state}
                following |= set(nexts)
            layer = following
        return found | layer


def add(state: State, index: int, amount: int = 1) -> State:
    return (*state[:index], state[index] + amount, *state[index + 1 :])


def drains(scheduler: Scheduler, pods: int, kept: int) -> bool:
    """Whether every node can be emptied, from every placement, one eviction at a time, with so many pods kept.

    The cordoned node takes none, and whatever finds a place elsewhere is ready at once.
    """
    for state in scheduler.ends(pods):
        if sum(state) < pods:
            continue
        for node, count in enumerate(state):
            if count and not emptied(cordoned(scheduler, node), state, node, pods, kept):
                return False
    return True


def cordoned(scheduler: Scheduler, node: int) -> Scheduler:
    nodes = [dict(each) for each in scheduler.nodes]
    nodes[node]["taints"] = [*nodes[node]["taints"], "unschedulable"]
    return Scheduler(scheduler.spec, scheduler.labels, nodes)


def emptied(scheduler: Scheduler, state: State, node: int, pods: int, kept: int) -> bool:
    """Whether all orders of replacement end with an empty node."""
    if not state[node]:
        return True
    if sum(state) - 1 < kept:
        return False
    left = add(state, node, -1)
    missing = pods - sum(left)
    following = {left}
    for _ in range(missing):
        step: set[State] = set()
        for each in following:
            nexts = {add(each, index) for index in range(len(each)) if scheduler.allows(each, index)}
            step |= nexts or {each}
        following = step
    return all(emptied(scheduler, each, node, pods, kept) for each in following)
