"""NetworkPolicy of networking.k8s.io/v1, to the letter.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube import isolation
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.selecting import selector_of
from conformance.kube.selector import SelectorError, label_selector
from conformance.network.addresses import PRIVATE, Addresses, block
from conformance.network.population import Population, namespace_of
from conformance.network.ports import LAST, PROTOCOLS, PortSet, span
from conformance.network.rule import EVERY_PORT, NOBODY, Direction, Peers, PortChoice, Rule, Section, anyone

_FIELDS: tuple[tuple[Direction, str, str], ...] = (("ingress", "Ingress", "from"), ("egress", "Egress", "to"))


def sections(policy: Object, population: Population) -> Iterator[Section]:
    """Its directions. Selected by a policy of one direction, a pod is isolated in that direction only.

    An empty list of rules allows nothing, an empty rule everything. Pods on their node's network are not selected.
    Raises `FieldTypeError` for what the API server refuses.
    """
    subjects = population.labels.select(selector_of(policy))
    subjects &= population.by_namespace.get(namespace_of(policy), 0)
    wanted = isolation.directions(policy)
    for direction, name, side in _FIELDS:
        if name in wanted:
            rules = tuple(_rule(each, side, policy, population) for each in policy.sequence(f"spec.{direction}"))
            yield Section(policy, direction, _place(policy, direction), subjects, rules)


def _place(policy: Object, direction: Direction) -> Path:
    """The field that isolates: the rules, else what says the direction, else what selects the pods."""
    fields = (direction, "policyTypes", "podSelector")
    return "spec", next((each for each in fields if policy.get(("spec", each)) is not None), "podSelector")


def _rule(rule: Node, side: str, policy: Object, population: Population) -> Rule:
    """Absent or empty `from`, `to` and `ports` mean anyone and any port."""
    peers = NOBODY
    for each in rule.sequence(side) if rule.raw is not None else ():
        peers = peers | _peer(each, policy, population)
    if rule.raw is None or not rule.sequence(side):
        peers = anyone(population.inside)
    chosen = [_port(each) for each in rule.sequence("ports")] if rule.raw is not None else []
    return Rule(rule.path, peers, join(chosen) if chosen else EVERY_PORT)


def join(chosen: list[PortChoice]) -> PortChoice:
    """The ports of all of them."""
    fixed = PortSet()
    for each in chosen:
        fixed = fixed | each.fixed
    return PortChoice(fixed, tuple(name for each in chosen for name in each.named))


def _peer(peer: Node, policy: Object, population: Population) -> Peers:
    """One element of `from` or `to`: its selectors are AND, elements are OR.

    An absent namespaceSelector means the policy's own namespace, an empty one all namespaces; an absent podSelector
    means all pods of those namespaces. An ipBlock speaks of addresses outside of the cluster only.
    """
    within, pods = peer.at("namespaceSelector"), peer.at("podSelector")
    if peer.get("ipBlock") is not None:
        if within.raw is not None or pods.raw is not None:
            raise SelectorError(peer.path, "has an ipBlock and a selector, of which only one is allowed")
        return outside(ip_block(peer.at("ipBlock")), population)
    if within.raw is None and pods.raw is None:
        raise SelectorError(peer.path, "says no peer")
    if within.raw is None:
        mask = population.by_namespace.get(namespace_of(policy), 0)
    else:
        mask = population.namespaces.select(label_selector(within))
    return Peers(mask & population.labels.select(label_selector(pods)) if pods.raw is not None else mask)


def outside(found: Addresses, population: Population) -> Peers:
    """Peers by address. Nodes and the API server have some private address that no manifest tells, so a block has them
    only when it has every private address of IPv4.
    """
    return Peers(population.nodes | population.api_server if found.covers(PRIVATE) else 0, found)


def ip_block(node: Node, except_field: str = "except") -> Addresses:
    """A `cidr` with its `except`."""
    excepted = [str(each.raw) for each in node.sequence(except_field)]
    try:
        return block(node.text("cidr"), excepted)
    except ValueError as error:
        raise SelectorError(node.path, f"is no CIDR block: {error}") from None


def _port(port: Node) -> PortChoice:
    """A number, a number up to `endPort`, a name, or every port of the protocol, which is TCP unless said."""
    protocol = port.text("protocol", "TCP")
    if protocol not in PROTOCOLS:
        raise SelectorError((*port.path, "protocol"), f"is {protocol!r}, not {', '.join(PROTOCOLS)}")
    number = port.get("port")
    if number is None:
        return PortChoice(span(protocol))
    if isinstance(number, str):
        return PortChoice(named=((number, protocol),))
    low = port.number("port") or 0
    high = port.number("endPort", low) or 0
    if not 1 <= low <= high <= LAST:
        raise SelectorError((*port.path, "port"), f"{low}-{high} are no ports")
    return PortChoice(span(protocol, low, high))
