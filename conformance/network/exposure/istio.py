"""Gateways and VirtualServices of Istio.

https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.mesh.gateways import GatewayHost, gateway_hosts, unbound, unserved
from conformance.mesh.reason import Problem, Reason
from conformance.mesh.references import References
from conformance.mesh.routes import Destination, Route, Routes, VirtualService
from conformance.mesh.rules import DestinationRules
from conformance.mesh.settings import mesh_settings
from conformance.network.exposure.backends import Backends
from conformance.network.exposure.controllers import Controllers
from conformance.network.exposure.exposed import Audience, Exposed, Way, common_names

GROUP = "networking.istio.io"


class Istio:
    """The ways through the gateways of an inventory."""

    def __init__(self, inventory: Inventory, backends: Backends, controllers: Controllers) -> None:
        settings = mesh_settings(inventory)
        rules = DestinationRules(inventory, settings)
        self._inventory = inventory
        self._backends = backends
        self._controllers = controllers
        self._references = References(inventory, backends.services, rules, settings.domain)
        self.routes = Routes(inventory, settings.domain)
        self.hosts: list[GatewayHost] = []

    def of_gateway(self, gateway: Object) -> Iterator[Exposed | Problem]:
        """Every destination of every VirtualService that a Gateway takes, by the pods that its selector means."""
        own = gateway_hosts(gateway)
        self.hosts += own
        yield from unserved(own, self.routes.services)
        labels = {key: value for key, value in gateway.mapping("spec.selector").items() if isinstance(value, str)}
        pods = self._controllers.having(labels)
        for host in own:
            number = host.server.number("port.number")
            first = Reason(f"{gateway} port {number} {host.name}", gateway, host.node.path)
            for service in self.routes.services:
                if host.meets(service):
                    names = common_names(host.name, service.hosts)
                    way = self._controllers.way(pods, Way(Audience.OUTSIDE, (first,), (), names))
                    yield from self._routes(service, host, way)

    def _routes(self, service: VirtualService, host: GatewayHost, way: Way) -> Iterator[Exposed]:
        for route in service.routes:
            if not _is_for(route, host.key):
                continue
            for each in route.destinations:
                if each.weight == 0 and len(route.destinations) > 1:
                    continue
                link = Reason(f"{service.subject}", service.subject, each.destination.node.path)
                longer = Way(way.audience, (*way.chain, link), way.sources, way.hosts, way.front)
                yield from self._destination(each.destination, longer)

    def _destination(self, to: Destination, way: Way) -> Iterator[Exposed]:
        for service in self._backends.services.by_host.get(to.host, ()):
            ports = self._backends.services.ports(service)
            for port in ports:
                if to.port == port.number or (to.port is None and len(ports) == 1):
                    yield from self._backends.exposed(way, port)

    def problems(self, service: VirtualService) -> Iterator[Problem]:
        """Gateways that a VirtualService does not meet, and destinations that are not there; asked after all
        Gateways.
        """
        yield from unbound(self.hosts, service, self._inventory)
        for route in service.routes:
            yield from self._references.of_route(route)


def _is_for(route: Route, key: str) -> bool:
    """Whether a route counts for a gateway: each of its matches may name some gateways only."""
    matches = route.node.sequence("match")
    if not matches:
        return True
    named = [[str(each.raw) for each in match.sequence("gateways")] for match in matches]
    return any(not each or key in each or key.partition("/")[2] in each for each in named)
