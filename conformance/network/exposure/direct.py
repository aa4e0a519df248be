"""What Services and host ports expose by themselves.

https://kubernetes.io/docs/concepts/services-networking/service/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.mesh.reason import Problem, Reason
from conformance.mesh.services import ServicePort, is_headless
from conformance.network.exposure.backends import Backends
from conformance.network.exposure.exposed import Audience, Exposed, Way
from conformance.network.ports import PROTOCOLS, PortSet, span

#: whose address a pod sees when a node forwards to it: a node's, but for the node that received the packet
FORWARDED = ("nodes", "external")


def audience(service: Object) -> Audience:
    """Who may try a Service. An address in `externalIPs` is answered by every node, whatever the type is."""
    if service.text("spec.type") == "LoadBalancer" or service.sequence("spec.externalIPs"):
        return Audience.OUTSIDE
    return Audience.NODES if service.text("spec.type") == "NodePort" else Audience.CLUSTER


def of_service(service: Object, backends: Backends) -> Iterator[Exposed | Problem]:
    """Every port of a Service. An ExternalName has no pods; a headless one is its pods, at their own ports.

    With `externalTrafficPolicy: Local` pods see the client's address, else that of a node, so policies for the outside
    may meet nodes instead. `loadBalancerSourceRanges` is what the load balancer lets through.
    """
    if service.text("spec.type") == "ExternalName":
        return
    to = audience(service)
    for port in backends.services.ports(service):
        yield from backends.problems(port)
        way = Way(to, (_words(port, to),), _sources(service, to))
        for pod, ports in backends.behind(port):
            yield Exposed(pod, ports, way)


def _sources(service: Object, to: Audience) -> tuple[str, ...]:
    if to is Audience.CLUSTER:
        return ()
    ranges = [str(each.raw) for each in service.sequence("spec.loadBalancerSourceRanges")]
    clients = tuple(f"external:{each.strip()}" for each in ranges) or ("external",)
    return clients if service.text("spec.externalTrafficPolicy") == "Local" else ("nodes", *clients)


def _words(port: ServicePort, to: Audience) -> Reason:
    service = port.service
    kind = "headless" if is_headless(service) else service.text("spec.type", "ClusterIP")
    words = [kind]
    if to is not Audience.CLUSTER and kind != "ClusterIP":
        node = port.node.number("nodePort")
        allocated = service.flag("spec.allocateLoadBalancerNodePorts", True)
        words += [f"node port {node}"] if node else ["a node port too"] if allocated and kind == "LoadBalancer" else []
    addresses = [str(each.raw) for each in service.sequence("spec.externalIPs")]
    words += [f"external address {', '.join(addresses)}"] if addresses else []
    words += ["also before pods are ready"] if service.flag("spec.publishNotReadyAddresses") else []
    return Reason(f"{service} port {port.number} ({', '.join(words)})", service, port.node.path)


def of_pod(pod: PodSpec) -> Iterator[Exposed]:
    """Ports that a pod has on its node: `hostPort`, or with `hostNetwork` every port that it declares."""
    for port, path in node_ports(pod):
        text = f"{pod.owner} listens on its node's port {port.number}"
        yield Exposed(pod, port.own, Way(Audience.NODES, (Reason(text, pod.owner, path),), ("external",)))


@dataclass(frozen=True, slots=True)
class NodePort:
    """A port of a node that a container listens on, and the container's own."""

    number: int
    own: PortSet

    def __str__(self) -> str:
        return str(self.number)


def node_ports(pod: PodSpec) -> Iterator[tuple[NodePort, Path]]:
    """The ports on the node with the field that asks for each; raises FieldTypeError."""
    on_node = pod.flag("hostNetwork") is True
    for container in pod.containers:
        for port in container.sequence("ports"):
            asked, number = port.number("hostPort"), port.number("containerPort")
            protocol = port.text("protocol", "TCP")
            if number is not None and protocol in PROTOCOLS and (asked or on_node):
                path = (*port.path, "hostPort") if asked else (*pod.path, "hostNetwork")
                yield NodePort(asked or number, span(protocol, number, number)), path
