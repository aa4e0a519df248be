"""Istio Gateways: what they take, on whose pods, and what is reached through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.selector import map_selector
from conformance.mesh import Mesh
from conformance.mesh.gateways import GROUP, gateway_hosts
from conformance.mesh.host import overlaps
from conformance.mesh.membership import Dataplane
from conformance.mesh.routes import MESH

_TLS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")


def _selected(gateway: Object, mesh: Mesh) -> list[PodSpec]:
    """The pods of a Gateway, of any namespace: its selector is not scoped unless istiod is told so."""
    selector = map_selector(gateway.at("spec.selector"))
    return [each for each in mesh.clients if selector.matches(each.labels)]


@check
def test_gateway_servers(
    gateway: Object,
    *,
    servers: list[dict[str, Any]],
    planned: list[int] = [],  # noqa: B006
) -> Iterator[Said]:
    """A Gateway has exactly the documented servers: `{port, protocol, hosts}`; ports of `planned` may be there as well.

    `*/host` is `host`. A wildcard does not take the domain itself.
    https://istio.io/latest/docs/reference/config/networking/gateway/#Server
    """
    wanted = {each["port"]: each for each in servers}
    found = gateway.sequence("spec.servers")
    for port in wanted.keys() - {each.number("port.number") for each in found}:
        yield Finding(gateway, "spec.servers", f"has no server at port {port}", wanted[port])
    for server in found:
        number = server.number("port.number")
        expected = wanted.get(number)
        if expected is None:
            if number not in planned:
                yield Finding(gateway, server.path, f"a further server at port {number}", sorted(wanted))
            continue
        if server.text("port.protocol").upper() != expected["protocol"]:
            path, protocol = (*server.path, "port", "protocol"), server.get("port.protocol")
            yield Finding(gateway, path, "another protocol", expected["protocol"], protocol)
        hosts = sorted(each.name for each in gateway_hosts(gateway) if each.server.path == server.path)
        if hosts != sorted(expected["hosts"]):
            yield Finding(gateway, (*server.path, "hosts"), "takes other hosts", expected["hosts"], hosts)


@check
def test_gateway_selects(gateway: Object, inventory: Inventory) -> Iterator[Said]:
    """The selector of a Gateway means gateway pods, at least one, and no other pods of any namespace.

    The label of a default installation is `istio: ingressgateway`; a selector that finds nothing gives 404 for all.
    https://istio.io/latest/docs/reference/config/networking/gateway/#Gateway
    """
    mesh = Mesh(inventory)
    found = _selected(gateway, mesh)
    if not found:
        yield Finding(
            gateway, "spec.selector", "selects no pod", "the ingress gateway's pods", gateway.get("spec.selector")
        )
    for pod in found:
        if mesh.dataplane(pod) != Dataplane.GATEWAY:
            yield Finding(gateway, "spec.selector", f"selects {pod.owner}, which is no gateway", "gateway pods alone")


@check
def test_gateway_https(gateway: Object, inventory: Inventory) -> Iterator[Said]:
    """Where a Gateway has port 443, it ends TLS 1.2 or newer with a certificate that exists, and port 80 redirects.

    The Secret of `credentialName` is looked for in the namespace of the gateway's pods, not of the Gateway; a sealed or
    external Secret or a cert-manager Certificate makes one.
    https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings
    """
    servers = gateway.sequence("spec.servers")
    secure = [each for each in servers if each.number("port.number") == 443]
    if not secure:
        yield NotApplicable("it has no port 443")
        return
    spaces = {pod.owner.namespace for pod in _selected(gateway, Mesh(inventory))}
    for server in secure:
        if server.text("port.protocol").upper() != "HTTPS":
            yield Finding(gateway, (*server.path, "port", "protocol"), "does not end TLS", "HTTPS")
        tls = (*server.path, "tls")
        node = Node(server.get("tls", {}), tls)
        if node.text("mode") != "SIMPLE":
            yield Finding(gateway, (*tls, "mode"), "has another mode", "SIMPLE", node.get("mode"))
        if node.text("minProtocolVersion", "TLSV1_2") not in _TLS[3:]:
            path = (*tls, "minProtocolVersion")
            yield Finding(gateway, path, "takes outdated TLS", "TLSV1_2", node.get("minProtocolVersion"))
        name = node.text("credentialName")
        if name not in _certificates(inventory, spaces):
            message = "its Secret is not in the namespace of the gateway's pods"
            yield Finding(gateway, (*tls, "credentialName"), message, "an existing Secret", name or None)
    for server in servers:
        if server.number("port.number") == 80 and server.get("tls.httpsRedirect") is not True:
            yield Finding(gateway, (*server.path, "tls", "httpsRedirect"), "port 80 does not redirect", True)


def _certificates(inventory: Inventory, spaces: set[str | None]) -> set[str]:
    names = set()
    for kind, field in (
        ("Secret", "metadata.name"),
        ("SealedSecret", "metadata.name"),
        ("ExternalSecret", "spec.target.name"),
        ("Certificate", "spec.secretName"),
    ):
        names |= {each.text(field, each.name) for each in inventory.of_kind(kind) if each.namespace in spaces}
    return names


@check
def test_hosts_routed(inventory: Inventory, *, gateway: str, hosts: dict[str, str]) -> Iterator[Said]:
    """Each host is served through a Gateway (`namespace/name`) by exactly one VirtualService, which leads to the
    documented Service (`namespace/name`).

    One without `gateways` is for sidecars only; one of another namespace writes `namespace/name`; two for one host are
    merged in an order that nobody sees.
    https://istio.io/latest/docs/ops/best-practices/traffic-management/#split-virtual-services
    """
    mesh = Mesh(inventory)
    for host, service in hosts.items():
        bound = [each for each in mesh.routes.services if gateway in each.gateways]
        found = [each for each in bound if any(overlaps(host, name) for name in each.hosts)]
        if not found:
            yield Finding(None, "", f"no VirtualService serves {host} at {gateway}", service)
        for each in found[1:]:
            yield Finding(each.subject, "spec.hosts", f"{found[0].subject} serves {host} too", "one VirtualService")
        name, _, namespace = reversed(service.partition("/"))
        wanted = f"{name}.{namespace}.svc.{mesh.settings.domain}"
        for route in found[0].routes if found else ():
            for target in route.destinations:
                if target.destination.host != wanted:
                    path = (*target.destination.node.path, "host")
                    yield Finding(found[0].subject, path, f"{host} leads elsewhere", service, target.destination.host)


@check
def test_service_unrouted(inventory: Inventory, *, service: str) -> Iterator[Said]:
    """No Gateway leads straight to a Service (`namespace/name`), and it is open by no port of the nodes either."""
    mesh = Mesh(inventory)
    name, _, namespace = reversed(service.partition("/"))
    found = inventory.find("", "Service", namespace, name)
    if found is None:
        yield NotApplicable(f"there is no Service {service}")
        return
    if found.text("spec.type") in ("NodePort", "LoadBalancer"):
        yield Finding(found, "spec.type", "is open towards the outside", "ClusterIP", found.text("spec.type"))
    for each in mesh.routes.services:
        for route in each.routes if set(each.gateways) - {MESH} else ():
            for target in route.all_destinations():
                if target.host == mesh.services.host(found):
                    yield Finding(each.subject, (*target.node.path, "host"), f"a gateway leads straight to {found}")


@check
def test_hosts_restricted(inventory: Inventory, *, gateway: str, hosts: list[str], blocks: list[str]) -> Iterator[Said]:
    """At the pods of a Gateway these hosts are denied to every address outside of these blocks.

    By an AuthorizationPolicy with DENY, `to.operation.hosts` and `from.source.notIpBlocks` (or `notRemoteIpBlocks`,
    which reads X-Forwarded-For). That a name is not in public DNS is no protection: anybody may send its Host header.
    https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/
    """
    mesh = Mesh(inventory)
    name, _, namespace = reversed(gateway.partition("/"))
    found = inventory.find(GROUP, "Gateway", namespace, name)
    if found is None:
        yield Finding(None, "", f"there is no Gateway {gateway}")
        return
    denied: set[str] = set()
    for pod in _selected(found, mesh):
        for policy in inventory.of_kind("AuthorizationPolicy"):
            selects = map_selector(policy.at("spec.selector.matchLabels")).matches(pod.labels)
            if policy.namespace == pod.owner.namespace and selects and policy.text("spec.action") == "DENY":
                denied |= {each for rule in policy.sequence("spec.rules") for each in _denied(rule, set(blocks))}
    for host in hosts:
        if not any(overlaps(pattern, host) for pattern in denied):
            yield Finding(found, "spec.servers", f"{host} answers to everybody", f"only {', '.join(blocks)}")


def _denied(rule: Node, blocks: set[str]) -> Iterator[str]:
    """Hosts that a DENY rule keeps from everybody outside of the blocks; further conditions make it weaker."""
    sources = [each.at("source") for each in rule.sequence("from")]
    by_address = ("notIpBlocks", "notRemoteIpBlocks")
    outside = any(
        set(each.mapping()) <= set(by_address) and any(set(each.texts(field)) <= blocks for field in each.mapping())
        for each in sources
        if each.raw
    )
    if (sources and not outside) or rule.get("when"):
        return
    for each in rule.sequence("to"):
        if set(each.mapping("operation")) == {"hosts"}:
            yield from (str(host.raw) for host in each.sequence("operation.hosts"))
