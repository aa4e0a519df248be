"""AdminNetworkPolicy, BaselineAdminNetworkPolicy and their successor ClusterNetworkPolicy, of policy.networking.k8s.io.

https://network-policy-api.sigs.k8s.io/api-overview/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.object import Node, Object
from conformance.kube.selector import Selector, SelectorError, label_selector
from conformance.network.addresses import PRIVATE, Addresses, block
from conformance.network.native import join
from conformance.network.native import outside as outside_peers
from conformance.network.population import Population
from conformance.network.ports import LAST, PROTOCOLS, span
from conformance.network.region import Mask
from conformance.network.rule import EVERY_PORT, NOBODY, Action, Direction, Peers, PortChoice, Rule, Section, Tier

GROUP = "policy.networking.k8s.io"
KINDS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
#: the words of each kind; a baseline of the newer kind may pass on as well, to the default, which is open
_OF_KIND = {
    "AdminNetworkPolicy": {"Allow": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS},
    "BaselineAdminNetworkPolicy": {"Allow": Action.ALLOW, "Deny": Action.DENY},
    "ClusterNetworkPolicy": {"Accept": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS},
}
_SIDES: tuple[tuple[Direction, str], ...] = (("ingress", "from"), ("egress", "to"))


def sections(policy: Object, population: Population) -> Iterator[Section]:
    """Its directions. A smaller priority is asked first, and of a policy's rules the first that matches decides.

    These policies isolate nothing: what no rule speaks of is left to NetworkPolicies and then to the baseline. Raises
    `FieldTypeError` for what the API server refuses.
    """
    tier = _tier(policy)
    subjects = _pods(policy.at("spec.subject"), population)
    priority = policy.number("spec.priority", 0) or 0
    for direction, side in _SIDES:
        rules = tuple(_rule(each, side, policy.kind, population) for each in policy.sequence(f"spec.{direction}"))
        if rules:
            yield Section(policy, direction, ("spec", direction), subjects, rules, tier, False, priority)


def _tier(policy: Object) -> Tier:
    if policy.kind == "ClusterNetworkPolicy":
        name = policy.text("spec.tier")
        if name not in ("Admin", "Baseline"):
            raise SelectorError(("spec", "tier"), f"is {name!r}, not Admin or Baseline")
        return Tier.ADMIN if name == "Admin" else Tier.BASELINE
    return Tier.ADMIN if policy.kind == "AdminNetworkPolicy" else Tier.BASELINE


def _pods(node: Node, population: Population) -> Mask:
    """`namespaces`: all pods of those namespaces; `pods`: those of them that a selector chooses. Exactly one is given.

    An empty selector means all namespaces. Pods on the network of their node are never meant.
    """
    if node.get("namespaces") is not None:
        return population.namespaces.select(label_selector(node.at("namespaces")))
    if node.get("pods") is not None:
        spaces = population.namespaces.select(_selector(node.at("pods.namespaceSelector")))
        return spaces & population.labels.select(_selector(node.at("pods.podSelector")))
    raise SelectorError(node.path, "says neither namespaces nor pods")


def _selector(node: Node) -> Selector:
    """Both selectors of `pods` are required; where one is left out all the same, it is an empty one to the API."""
    return label_selector(node if node.raw is not None else Node({}, node.path))


def _rule(node: Node, side: str, kind: str, population: Population) -> Rule:
    action = _OF_KIND[kind].get(node.text("action"))
    if action is None:
        raise SelectorError((*node.path, "action"), f"is {node.text('action')!r}, which is no action here")
    peers = NOBODY
    for each in node.sequence(side):
        peers = peers | _peer(each, population)
    return Rule(node.path, peers, _ports(node), action)


def _peer(node: Node, population: Population) -> Peers:
    if node.get("networks") is not None:
        found = NOBODY
        for each in node.sequence("networks"):
            try:
                found = found | _network(block(str(each.raw)), population)
            except ValueError as error:
                raise SelectorError(each.path, f"is no CIDR block: {error}") from None
        return found
    if node.get("nodes") is not None:
        # Which node has which labels is in no manifest, so a selector may mean any of them.
        return Peers(population.nodes | population.api_server)
    if node.get("domainNames") is not None:
        return Peers(names=frozenset(str(each.raw).lower().rstrip(".") for each in node.sequence("domainNames")))
    return Peers(_pods(node, population))


def _network(found: Addresses, population: Population) -> Peers:
    """Unlike an ipBlock a network also means pods and nodes of these addresses. Which those are is in no manifest, so
    one has them when it has every private address of IPv4. Source: ClusterNetworkPolicyEgressPeer.networks.
    """
    peers = outside_peers(found, population)
    return peers | Peers(population.pods) if found.covers(PRIVATE) else peers


def _ports(node: Node) -> PortChoice:
    """`ports` of the first two kinds, `protocols` of the third; absent means every port."""
    chosen = [_port(each) for each in node.sequence("ports")] + [_protocol(each) for each in node.sequence("protocols")]
    return join(chosen) if chosen else EVERY_PORT


def _port(node: Node) -> PortChoice:
    if node.get("namedPort") is not None:
        return PortChoice(named=((node.text("namedPort"), ""),))
    if node.get("portRange") is not None:
        of = node.at("portRange")
        return _numbers(of, of.text("protocol", "TCP"), of.number("start"), of.number("end"))
    of = node.at("portNumber")
    return _numbers(of, of.text("protocol", "TCP"), of.number("port"), of.number("port"))


def _protocol(node: Node) -> PortChoice:
    if node.get("destinationNamedPort") is not None:
        return PortChoice(named=((node.text("destinationNamedPort"), ""),))
    for name in PROTOCOLS:
        if node.get(name.lower()) is not None:
            port = node.at(f"{name.lower()}.destinationPort")
            if port.raw is None:
                return PortChoice(span(name))
            if port.get("range") is not None:
                return _numbers(port, name, port.number("range.start"), port.number("range.end"))
            return _numbers(port, name, port.number("number"), port.number("number"))
    raise SelectorError(node.path, f"says none of {', '.join(PROTOCOLS).lower()}, destinationNamedPort")


def _numbers(node: Node, protocol: str, low: int | None, high: int | None) -> PortChoice:
    if protocol not in PROTOCOLS:
        raise SelectorError((*node.path, "protocol"), f"is {protocol!r}, not {', '.join(PROTOCOLS)}")
    if low is None or high is None or not 1 <= low <= high <= LAST:
        raise SelectorError(node.path, f"{low}-{high} are no ports")
    return PortChoice(span(protocol, low, high))
