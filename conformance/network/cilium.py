"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.

https://docs.cilium.io/en/stable/security/policy/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.selector import SelectorError
from conformance.network.cilium_peers import CiliumPeers
from conformance.network.population import Population, namespace_of
from conformance.network.ports import ALL, LAST, NONE, PROTOCOLS, PortSet, span, union
from conformance.network.rule import EVERY_PORT, Action, Direction, PortChoice, Rule, Section, anyone

_SIDES: tuple[tuple[Direction, str], ...] = (("ingress", "from"), ("egress", "to"))


def specs(policy: Object) -> list[Node]:
    """`spec`, and each element of `specs`."""
    own = [policy.at("spec")] if policy.get("spec") is not None else []
    return [*own, *policy.sequence("specs")]


def is_for_nodes(spec: Node) -> bool:
    """Whether a part of a cluster-wide policy protects nodes, not pods."""
    return spec.get("nodeSelector") is not None


class CiliumReader:
    """Turns policies into sections."""

    def __init__(self, population: Population, peers: CiliumPeers) -> None:
        self._everyone = anyone(population.inside)
        self._peers = peers

    def sections(self, policy: Object, _population: Population) -> Iterator[Section]:
        """One section for each direction of each `spec`. Raises `FieldTypeError` for what Cilium refuses.

        A direction isolates as soon as it has a rule, allowing or denying, unless `enableDefaultDeny` says no; an
        empty list is as good as none, unlike in a NetworkPolicy.
        """
        namespace = None if policy.kind == "CiliumClusterwideNetworkPolicy" else namespace_of(policy)
        for spec in specs(policy):
            if is_for_nodes(spec):
                continue
            subjects = self._peers.selectors.subjects(spec.at("endpointSelector"), namespace)
            for direction, side in _SIDES:
                rules = [each for node in spec.sequence(direction) for each in self._rules(node, side, namespace)]
                denied = f"{direction}Deny"
                for node in spec.sequence(denied):
                    rules += self._rules(node, side, namespace, Action.DENY)
                written = [field for field in (direction, denied) if spec.sequence(field)]
                isolates = spec.flag(("enableDefaultDeny", direction), bool(written)) is True
                if rules or isolates:
                    path: Path = (*spec.path, *written[:1]) if written else (*spec.path, "enableDefaultDeny", direction)
                    yield Section(policy, direction, path, subjects, tuple(rules), isolates=isolates)

    def _rules(self, node: Node, side: str, namespace: str | None, action: Action = Action.ALLOW) -> Iterator[Rule]:
        """What one element of `ingress`, `egress`, … allows. An empty rule (`{}`) allows nothing and still isolates.

        Peers and ports of an element are AND; without peers its ports are open to anyone, without ports its peers have
        all of them. Rules for ICMP alone open no port.
        """
        if not isinstance(node.raw, dict):
            return
        if node.get(f"{side}Requires") is not None:
            raise SelectorError((*node.path, f"{side}Requires"), "is no longer a field of Cilium's rules")
        peers = self._peers.read(node, side, namespace)
        lists = node.sequence("toPorts")
        if not lists:
            if peers is not None and not node.sequence("icmps"):
                yield Rule(node.path, peers, EVERY_PORT, action)
            return
        for each in lists:
            chosen = [_port(port) for port in each.sequence("ports")]
            ports = PortChoice(union(one.fixed for one in chosen), tuple(name for one in chosen for name in one.named))
            yield Rule(each.path, self._everyone if peers is None else peers, ports, action, _limits(each))


def _port(node: Node) -> PortChoice:
    """A port: a number as a string, `"0"` for all, or the name of a container's port; without a protocol any."""
    protocol = node.text("protocol").upper()
    if protocol in ("ICMP", "ICMPV6", "VRRP", "IGMP"):
        return PortChoice(NONE)
    if protocol not in ("", "ANY", *PROTOCOLS):
        raise SelectorError((*node.path, "protocol"), f"is {protocol!r}, not ANY, {', '.join(PROTOCOLS)}")
    names = (protocol,) if protocol in PROTOCOLS else PROTOCOLS
    text = str(node.get("port", "0"))
    if not text.isdigit():
        return PortChoice(named=((text.lower(), protocol if protocol in PROTOCOLS else ""),))
    low = int(text)
    high = node.number("endPort") or low
    if low == 0:
        return PortChoice(union(span(name) for name in names))
    if not 1 <= low <= high <= LAST:
        raise SelectorError((*node.path, "port"), f"{low}-{high} are no ports")
    return PortChoice(_spans(names, low, high))


def _spans(names: tuple[str, ...], low: int, high: int) -> PortSet:
    return union(span(name, low, high) for name in names) & ALL


def _limits(node: Node) -> tuple[str, ...]:
    """What `rules` of a port ask of a request: method and path of HTTP, names of DNS. One that asks nothing lets every
    request pass.
    """
    found = [_http(each) for each in node.sequence("rules.http")]
    found += [_dns(each) for each in node.sequence("rules.dns")]
    found += [_words("Kafka", each, "role", "apiKey", "topic") for each in node.sequence("rules.kafka")]
    return tuple(found) if all(found) else ()


def _http(node: Node) -> str:
    headers = [str(each.raw) for each in node.sequence("headers")]
    headers += [each.text("name") for each in node.sequence("headerMatches")]
    text = _words("HTTP", node, "method", "host", "path")
    return " ".join([text or "HTTP", *(f"with {header}" for header in headers)]) if text or headers else ""


def _dns(node: Node) -> str:
    text = _words("DNS", node, "matchName", "matchPattern")
    return "" if text == "DNS *" else text


def _words(first: str, node: Node, *fields: str) -> str:
    words = [node.text(field) for field in fields if node.text(field)]
    return " ".join([first, *words]) if words else ""
