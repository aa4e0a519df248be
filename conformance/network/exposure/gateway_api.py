"""Gateways and routes of the Gateway API.

https://gateway-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.relations import relations
from conformance.kube.selector import label_selector
from conformance.mesh.host import overlaps
from conformance.mesh.reason import Problem, Reason
from conformance.network.exposure.backends import Backends
from conformance.network.exposure.controllers import Controllers
from conformance.network.exposure.exposed import Audience, Exposed, Way, common_names
from conformance.network.population import NAME_LABEL

GROUP = "gateway.networking.k8s.io"
#: kind of route -> protocols of the listeners that it may attach to
ROUTES: Mapping[str, tuple[str, ...]] = {
    "HTTPRoute": ("HTTP", "HTTPS"),
    "GRPCRoute": ("HTTP", "HTTPS"),
    "TLSRoute": ("TLS",),
    "TCPRoute": ("TCP", "TLS"),
    "UDPRoute": ("UDP",),
}
#: A protocol that is none of these belongs to an implementation, which knows what may attach.
_PROTOCOLS = {"HTTP", "HTTPS", "TLS", "TCP", "UDP"}


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener of a Gateway."""

    gateway: Object
    node: Node

    def refuses(self, route: Object, parent: Node, inventory: Inventory) -> str:
        """Why a route cannot attach to it; empty where it can. Source: GatewaySpec.listeners, ParentReference."""
        section, port = parent.text("sectionName"), parent.number("port")
        name = self.node.text("name")
        if (section and section != name) or (port is not None and port != self.node.number("port")):
            return "is not the one that it names"
        kinds = [each.text("kind") for each in self.node.sequence("allowedRoutes.kinds")]
        if kinds and route.kind not in kinds:
            return f"takes {', '.join(kinds)} only"
        protocol = self.node.text("protocol")
        if not kinds and protocol in _PROTOCOLS and protocol not in ROUTES[route.kind]:
            return f"speaks {protocol}"
        if not self._takes_namespace(route, inventory):
            return f"takes no route of namespace {route.namespace}"
        own, hosts = self.node.text("hostname"), hostnames(route)
        if own and hosts and not any(overlaps(own, each) for each in hosts):
            return f"is for {own}"
        return ""

    def _takes_namespace(self, route: Object, inventory: Inventory) -> bool:
        """`Same`, which is the default, `All`, or `Selector` over the labels of namespaces. One that is not known may
        be the right one.
        """
        wanted = self.node.text("allowedRoutes.namespaces.from", "Same")
        if wanted == "Same":
            return route.namespace == self.gateway.namespace or None in (route.namespace, self.gateway.namespace)
        if wanted != "Selector" or route.namespace is None:
            return wanted in ("All", "Selector")
        space = relations(inventory).namespace(route.namespace)
        if space is None:
            return True
        selector = label_selector(self.node.at("allowedRoutes.namespaces.selector"))
        return selector.matches({NAME_LABEL: route.namespace, **space.labels})

    def hosts(self, route: Object) -> tuple[str, ...]:
        """The names that reach the route: of both the narrower one; empty for any."""
        own, hosts = self.node.text("hostname"), hostnames(route)
        if not own or not hosts:
            return (own,) if own else hosts
        return common_names(own, hosts)


def hostnames(route: Object) -> tuple[str, ...]:
    """The names that a route asks for."""
    return tuple(str(each.raw) for each in route.sequence("spec.hostnames"))


class GatewayApi:
    """Attaches routes to the listeners of an inventory, and remembers which listeners were met."""

    def __init__(self, inventory: Inventory, backends: Backends, controllers: Controllers) -> None:
        self._inventory = inventory
        self._backends = backends
        self._controllers = controllers
        self._gateways = list(inventory.of_kind("Gateway", GROUP))
        self._met: set[tuple[int, Path]] = set()
        self._named: set[int] = set()

    def of_route(self, route: Object) -> Iterator[Exposed | Problem]:
        """Every backend of a route by every listener that takes it. A parent that is a Service is a mesh's business."""
        for parent in route.sequence("spec.parentRefs"):
            if (parent.text("group", GROUP), parent.text("kind", "Gateway")) != (GROUP, "Gateway"):
                continue
            namespace = parent.text("namespace") or route.namespace
            gateway = self._gateway(route, namespace, parent.text("name"))
            if gateway is not None:
                self._named.add(id(gateway))
                yield from self._attached(route, parent, gateway)
            elif namespace is not None and any(each.namespace == namespace for each in self._gateways):
                text = f"there is no Gateway {namespace or '-'}/{parent.text('name')}"
                yield Problem("route-parent", route, (*parent.path, "name"), text)

    def _gateway(self, route: Object, namespace: str | None, name: str) -> Object | None:
        if namespace == route.namespace:
            return relations(self._inventory).named("Gateway", name, route, GROUP)
        named = [each for each in self._gateways if each.name == name]
        return next((each for each in named if each.namespace == namespace), None) or next(
            (each for each in named if each.namespace is None), None
        )

    def _attached(self, route: Object, parent: Node, gateway: Object) -> Iterator[Exposed | Problem]:
        refusals, taken = [], False
        for node in gateway.sequence("spec.listeners"):
            listener = Listener(gateway, node)
            refusal = listener.refuses(route, parent, self._inventory)
            if refusal:
                refusals.append(f"listener {node.text('name')} {refusal}")
                continue
            taken = True
            self._met.add((id(gateway), node.path))
            yield from self._through(route, listener)
        if not taken:
            yield Problem("route-unattached", route, parent.path, f"{gateway} takes it nowhere: {'; '.join(refusals)}")

    def _through(self, route: Object, listener: Listener) -> Iterator[Exposed | Problem]:
        gateway, node = listener.gateway, listener.node
        pods = self._controllers.having({"gateway.networking.k8s.io/gateway-name": gateway.name})
        pods = [pod for pod in pods if pod.owner.namespace == gateway.namespace]
        text = f"{gateway} listener {node.text('name')} port {node.number('port')}"
        first = Reason(text, gateway, node.path)
        for rule in route.sequence("spec.rules"):
            for backend in rule.sequence("backendRefs"):
                if (backend.text("group"), backend.text("kind", "Service")) != ("", "Service"):
                    continue
                if backend.number("weight", 1) == 0:
                    continue
                chain = (first, Reason(f"{route}", route, backend.path))
                way = Way(Audience.OUTSIDE, chain, (), listener.hosts(route))
                yield from self._backend(route, backend, self._controllers.way(pods, way))

    def _backend(self, route: Object, backend: Node, way: Way) -> Iterator[Exposed | Problem]:
        name, namespace = backend.text("name"), backend.text("namespace")
        other = bool(namespace) and route.namespace is not None and namespace != route.namespace
        if other and not self._granted(route, namespace, name):
            text = f"no ReferenceGrant in {namespace} lets {route.kind}s of {route.namespace} name Service {name}"
            yield Problem("reference-grant", route, (*backend.path, "namespace"), text)
            return
        service = self._backends.find(name, route, namespace)
        if service is None:
            yield from self._backends.missing(name, route, (*backend.path, "name"), namespace)
            return
        wanted = backend.number("port")
        port = self._backends.port(service, wanted)
        if port is not None:
            yield from self._backends.exposed(way, port)
        elif service.text("spec.type") != "ExternalName":
            path = (*backend.path, "port") if wanted is not None else backend.path
            yield self._backends.no_port(service, wanted, route, path)

    def _granted(self, route: Object, namespace: str, name: str) -> bool:
        """Whether a ReferenceGrant in the namespace of the Service lets the route name it; `name` is optional in it."""
        for grant in self._inventory.of_kind("ReferenceGrant", GROUP):
            if grant.namespace != namespace:
                continue
            sources = [(e.text("group"), e.text("kind"), e.text("namespace")) for e in grant.sequence("spec.from")]
            targets = [(e.text("group"), e.text("kind"), e.text("name", name)) for e in grant.sequence("spec.to")]
            if (GROUP, route.kind, route.namespace) in sources and ("", "Service", name) in targets:
                return True
        return False

    def unmet(self, gateway: Object) -> Iterator[Problem]:
        """Listeners that no route attaches to; asked after all routes. Where routes of other namespaces may attach and
        none in the tree names the Gateway, or HelmReleases may make some, they are kept elsewhere. HBONE and its like
        take no routes.
        """
        charts = next(iter(self._inventory.of_kind("HelmRelease", "helm.toolkit.fluxcd.io")), None) is not None
        for node in gateway.sequence("spec.listeners"):
            own = node.text("allowedRoutes.namespaces.from", "Same") == "Same"
            shown = own or (id(gateway) in self._named and not charts)
            if shown and node.text("protocol") in _PROTOCOLS and (id(gateway), node.path) not in self._met:
                text = f"no route attaches to listener {node.text('name')}"
                yield Problem("listener-unused", gateway, node.path, text)
