"""What the outside can reach, held against the documented list of what it may."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.workload import is_controlled, is_release_test
from conformance.network.exposure import Audience, exposure
from conformance.network.exposure.direct import audience, node_ports
from conformance.network.exposure.hosts import ANY, readers


@check
def test_exposed_only(
    inventory: Inventory,
    *,
    services: list[str] | None = None,
    hosts: list[str] | None = None,
    workloads: list[str] | None = None,
    namespaces: list[str] = ["*"],  # noqa: B006
) -> Iterator[Said]:
    """Nothing but what is listed can be reached from outside the cluster or at the addresses of its nodes.

    `services` are those of type NodePort or LoadBalancer, or with externalIPs, as `namespace/name`, `namespace/name
    TYPE` or `namespace/name TYPE PORT`, where the port is the node port of a NodePort, else the Service's own. `hosts`
    are the names that Ingresses, Gateways and Routes answer to, `workloads` those that listen on their node, by
    hostPort or hostNetwork, as `namespace/name` or `namespace/name PORT`. All are globs; a list that is not given is
    not judged, an empty one allows nothing. A LoadBalancer opens node ports as well unless it says
    `allocateLoadBalancerNodePorts: false`; they are part of it. `namespaces` are those that are looked at.
    https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
    """
    if services is not None:
        for each in inventory.of_kind("Service", ""):
            if _fits(namespaces, each.namespace or "-"):
                yield from _service(each, services)
    if hosts is not None:
        yield from (said for thing, said in _hosts(inventory, hosts) if _fits(namespaces, thing.namespace or "-"))
    if workloads is not None:
        yield from (
            said for thing, said in _on_nodes(inventory, workloads) if _fits(namespaces, thing.namespace or "-")
        )


def _service(service: Object, allowed: list[str]) -> Iterator[Said]:
    try:
        yield from list(_unlisted(service, allowed))
    except FieldTypeError as error:
        yield Unjudged(service, error.path, str(error))


def _unlisted(service: Object, allowed: list[str]) -> Iterator[Finding]:
    kind, name = service.text("spec.type", "ClusterIP"), f"{service.namespace or '-'}/{service.name}"
    if audience(service) is Audience.CLUSTER or _fits(allowed, name, f"{name} {kind}"):
        return
    ports = [(each, each.get("nodePort" if kind == "NodePort" else "port")) for each in service.sequence("spec.ports")]
    wrong = [(each, port) for each, port in ports if not _fits(allowed, f"{name} {kind} {port}")]
    if ports and not wrong:
        return
    if any(_fits([each.rpartition(" ")[0]], f"{name} {kind}") for each in allowed):
        for each, port in wrong:
            path = (*each.path, "nodePort" if kind == "NodePort" else "port")
            yield Finding(service, path, f"opens port {port} as {kind}, which is not listed", allowed, port)
    elif kind in ("NodePort", "LoadBalancer"):
        yield Finding(service, "spec.type", f"is of type {kind} and is not listed", allowed, name)
    else:
        yield Finding(service, "spec.externalIPs", "has external addresses and is not listed", allowed, name)


def _hosts(inventory: Inventory, allowed: list[str]) -> Iterator[tuple[Object, Said]]:
    for thing, read in readers(inventory):
        try:
            found = list(read(thing))
        except FieldTypeError as error:
            yield thing, Unjudged(thing, error.path, str(error))
            continue
        for path, host in found:
            if not _fits(allowed, host):
                yield thing, Finding(thing, path, f"answers to {'any name' if host == ANY else host}", allowed, host)


def _on_nodes(inventory: Inventory, allowed: list[str]) -> Iterator[tuple[Object, Said]]:
    for pod in inventory.pods():
        name = f"{pod.owner.namespace or '-'}/{pod.owner.name}"
        if is_controlled(pod.owner) or is_release_test(pod.owner) or _fits(allowed, name):
            continue
        try:
            places = {path: port for port, path in node_ports(pod) if not _fits(allowed, f"{name} {port}")}
        except FieldTypeError as error:
            yield pod.owner, Unjudged(pod.owner, error.path, str(error))
            continue
        for path, port in places.items():
            message = f"listens on port {port} of its node and is not listed"
            yield pod.owner, Finding(pod.owner, path, message, allowed, str(port))


def _fits(allowed: list[str], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in allowed for name in names)


@check
def test_exposure_problems(
    inventory: Inventory,
    *,
    expected: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """Whatever is meant to be exposed leads to pods: routes to Services and ports that exist, Gateways that routes
    attach to.

    Ingresses, OpenShift's Routes, the Gateway API (parents, listeners, hostnames, ReferenceGrants), Istio's Gateways
    and VirtualServices, and named targetPorts. What is meant for something that no manifest here shows is listed in
    `expected`, as `Kind namespace/name` globs.
    https://kubernetes.io/docs/concepts/services-networking/ingress/
    """
    found = exposure(inventory)
    for unreadable in found.unreadable:
        yield Unjudged(unreadable.subject, unreadable.path, unreadable.text)
    if not found.exposed and not found.problems:
        yield NotApplicable("nothing is exposed")
    for each in found.problems:
        if not _fits(expected, str(each.subject)):
            yield Finding(each.subject, each.path, each.message)
