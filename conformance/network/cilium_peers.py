"""The other side of a Cilium rule: endpoints, entities, address blocks, names, services, nodes.

https://docs.cilium.io/en/stable/security/policy/language/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.selecting import selector_of
from conformance.kube.selector import SelectorError, label_selector
from conformance.network.addresses import EVERYWHERE, block
from conformance.network.cilium_selector import CiliumSelectors
from conformance.network.native import ip_block
from conformance.network.population import Population, namespace_of
from conformance.network.rule import NOBODY, Peers, anyone

#: peers that a rule may name, by the end of the field's name; `from` or `to` stands before it
_FIELDS = ("Endpoints", "Entities", "CIDR", "CIDRSet", "FQDNs", "Services", "Nodes", "Groups")
_NO_PODS = ("ingress", "init", "health", "unmanaged", "none")


class CiliumPeers:
    """Reads peers. Address blocks never mean pods or nodes: those have identities of their own."""

    def __init__(self, population: Population, inventory: Inventory) -> None:
        self._population = population
        self._inventory = inventory
        self.selectors = CiliumSelectors(population)
        world = Peers(0, EVERYWHERE, frozenset({"*"}))
        nodes, server = population.nodes, population.api_server
        self._entities: Mapping[str, Peers] = {
            "all": anyone(population.inside),
            "world": world,
            "world-ipv4": Peers(0, block("0.0.0.0/0"), frozenset({"*"})),
            "world-ipv6": Peers(0, block("::/0")),
            "cluster": Peers(population.inside),
            # One of the nodes is the pod's own and the others are remote; here they are one end.
            "host": Peers(nodes),
            "remote-node": Peers(nodes | server),
            "kube-apiserver": Peers(server),
            **dict.fromkeys(_NO_PODS, NOBODY),
        }

    def read(self, rule: Node, side: str, namespace: str | None) -> Peers | None:
        """The peers of a rule; None where it names none, which means anyone. An empty list means nobody."""
        named = [field for field in _FIELDS if rule.get(f"{side}{field}") is not None]
        if not named:
            return None
        found = NOBODY
        for field in named:
            for each in rule.sequence(f"{side}{field}"):
                found = found | self._one(field, each, namespace)
        return found

    def _one(self, field: str, node: Node, namespace: str | None) -> Peers:
        if field == "Endpoints":
            return self.selectors.peers(node, namespace)
        if field == "Entities":
            return self._entity(node)
        if field == "CIDR":
            return self._cidr(node)
        if field == "CIDRSet":
            return self._cidr_set(node)
        if field == "FQDNs":
            return self._name(node)
        if field == "Services":
            return self._services(node, namespace)
        if field == "Nodes":
            # Which node has which labels is in no manifest, so a selector may mean any of them.
            return Peers(self._population.nodes)
        # Groups of a cloud provider: addresses that only the provider knows.
        return Peers(names=frozenset({"group-of-the-cloud-provider"}))

    def _entity(self, node: Node) -> Peers:
        found = self._entities.get(str(node.raw))
        if found is None:
            raise SelectorError(node.path, f"is {node.raw!r}, which is no entity")
        return found

    def _cidr(self, node: Node) -> Peers:
        try:
            return Peers(outside=block(str(node.raw)))
        except ValueError as error:
            raise SelectorError(node.path, f"is no CIDR block: {error}") from None

    def _cidr_set(self, node: Node) -> Peers:
        if node.get("cidr") is None:
            return self._cidr_group(node)
        return Peers(outside=ip_block(node))

    def _cidr_group(self, node: Node) -> Peers:
        """Blocks of the CiliumCIDRGroups that are among the manifests."""
        found = NOBODY
        for group in self._inventory.of_kind("CiliumCIDRGroup"):
            named = group.name == node.text("cidrGroupRef")
            if named or label_selector(node.at("cidrGroupSelector")).matches(group.labels):
                for one in group.sequence("spec.externalCIDRs"):
                    found = found | self._cidr(one)
        outside = found.outside
        for each in node.sequence("except"):
            outside = outside - self._cidr(each).outside
        return Peers(outside=outside)

    def _name(self, node: Node) -> Peers:
        name = node.text("matchName") or node.text("matchPattern")
        if not name:
            raise SelectorError(node.path, "has neither matchName nor matchPattern")
        return Peers(names=frozenset({name.lower().rstrip(".")}))

    def _services(self, node: Node, namespace: str | None) -> Peers:
        """Pods behind a Service, or the addresses that its EndpointSlices or Endpoints list."""
        found = NOBODY
        for service in self._chosen(node, namespace):
            selector = selector_of(service)
            pods = self._population.labels.select(selector)
            found = found | Peers(pods & self._population.by_namespace.get(namespace_of(service), 0))
            if selector.selects_nothing:
                found = found | self._listed(service)
        return found

    def _chosen(self, node: Node, namespace: str | None) -> Iterator[Object]:
        by_name, by_label = node.at("k8sService"), node.at("k8sServiceSelector")
        for service in self._inventory.of_kind("Service", ""):
            if by_name.raw is not None and service.name == by_name.text("serviceName"):
                wanted = by_name.text("namespace") or namespace
                if wanted is None or wanted == namespace_of(service):
                    yield service
            elif by_label.raw is not None and label_selector(by_label.at("selector")).matches(service.labels):
                wanted = by_label.text("namespace")
                if not wanted or wanted == namespace_of(service):
                    yield service

    def _listed(self, service: Object) -> Peers:
        found = NOBODY
        for each in self._inventory.of_kind("EndpointSlice"):
            if each.namespace == service.namespace and each.labels.get("kubernetes.io/service-name") == service.name:
                for endpoint in each.sequence("endpoints"):
                    for address in endpoint.sequence("addresses"):
                        found = found | self._cidr(address)
        for each in self._inventory.of_kind("Endpoints"):
            if each.namespace == service.namespace and each.name == service.name:
                for subset in each.sequence("subsets"):
                    for address in subset.sequence("addresses"):
                        found = found | self._cidr(address.at("ip"))
        return found
