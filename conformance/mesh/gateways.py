"""Gateways and VirtualServices that do not meet.

https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.mesh.host import overlaps, split_namespace
from conformance.mesh.reason import Problem
from conformance.mesh.routes import MESH, VirtualService

GROUP = "networking.istio.io"


@dataclass(frozen=True, slots=True)
class GatewayHost:
    """One host that a Gateway's server takes, and the namespaces whose VirtualServices may speak for it (`*`: all)."""

    gateway: Object
    server: Node
    node: Node
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """Namespace and name of the Gateway, as VirtualServices name it."""
        return f"{self.gateway.namespace or '?'}/{self.gateway.name}"

    def meets(self, service: VirtualService) -> bool:
        """Whether a VirtualService speaks for it."""
        allowed = {"*": service.subject.namespace, ".": self.gateway.namespace}.get(self.namespace, self.namespace)
        if allowed != service.subject.namespace or self.key not in service.gateways:
            return False
        return any(overlaps(self.name, host) for host in service.hosts)


def gateway_hosts(gateway: Object) -> list[GatewayHost]:
    """Every host of an Istio Gateway; raises FieldTypeError. `host`, `*/host` and `namespace/host` are understood."""
    found = []
    for server in gateway.sequence("spec.servers"):
        for each in server.sequence("hosts"):
            if not isinstance(each.raw, str):
                raise FieldTypeError(each.path, "a string", each.raw)
            found.append(GatewayHost(gateway, server, each, *split_namespace(each.raw)))
    return found


def unserved(hosts: list[GatewayHost], services: list[VirtualService]) -> Iterator[Problem]:
    """Hosts that a Gateway takes and no VirtualService serves: everybody who asks gets 404.

    A server that only redirects to HTTPS, or passes mutual TLS through to where the SNI says, needs none.
    """
    for each in hosts:
        tls = each.server.at("tls")
        redirects = tls.raw is not None and tls.flag("httpsRedirect") is True
        passes = tls.raw is not None and tls.text("mode") == "AUTO_PASSTHROUGH"
        if not redirects and not passes and not any(each.meets(service) for service in services):
            yield Problem("gateway-host", each.gateway, each.node.path, f"no VirtualService serves {each.name}")


def unbound(hosts: list[GatewayHost], service: VirtualService, inventory: Inventory) -> Iterator[Problem]:
    """Gateways that a VirtualService names and that do not exist, or take none of its hosts.

    A namespace of which the tree shows nothing is not accused.
    """
    gateways = {f"{each.namespace or '?'}/{each.name}" for each in inventory.of_kind("Gateway", GROUP)}
    seen = set() if inventory.live else {each.namespace or "?" for each in inventory.objects}
    for index, name in enumerate(service.gateways):
        path = ("spec", "gateways", index)
        if name == MESH:
            continue
        if name not in gateways and (inventory.live or name.partition("/")[0] in seen):
            yield Problem("route-gateway", service.subject, path, f"there is no Gateway {name}")
        elif name in gateways and not any(each.key == name and each.meets(service) for each in hosts):
            text = f"Gateway {name} takes none of the hosts {', '.join(service.hosts)}"
            yield Problem("route-gateway-host", service.subject, path, text)
