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
from conformance.network.exposure.direct import audience, of_pod
from conformance.network.exposure.hosts import ANY, readers


@check
def test_exposed_only(
    inventory: Inventory,
    *,
    services: list[str] | None = None,
    hosts: list[str] | None = None,
    workloads: list[str] | None = None,
) -> Iterator[Said]:
    """Nothing but what is listed can be reached from outside the cluster or at the addresses of its nodes.

    `services` are those of type NodePort or LoadBalancer, or with externalIPs, as `namespace/name` or `namespace/name
    TYPE`; `hosts` the names that Ingresses, Gateways and Routes answer to; `workloads` those that listen on their node,
    by hostPort or hostNetwork, as `namespace/name`. All are globs; a list that is not given is not judged, an empty one
    allows nothing. A LoadBalancer opens node ports as well unless it says `allocateLoadBalancerNodePorts: false`.
    https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
    """
    if services is not None:
        for each in inventory.of_kind("Service", ""):
            yield from _service(each, services)
    if hosts is not None:
        yield from _hosts(inventory, hosts)
    if workloads is not None:
        yield from _on_nodes(inventory, workloads)


def _service(service: Object, allowed: list[str]) -> Iterator[Said]:
    try:
        if audience(service) is Audience.CLUSTER:
            return
    except FieldTypeError as error:
        yield Unjudged(service, error.path, str(error))
        return
    kind = service.text("spec.type", "ClusterIP")
    external = kind not in ("NodePort", "LoadBalancer")
    name = f"{service.namespace or '-'}/{service.name}"
    if not _fits(allowed, name, f"{name} {kind}"):
        field = "spec.externalIPs" if external else "spec.type"
        message = "has external addresses and is not listed" if external else f"is of type {kind} and is not listed"
        yield Finding(service, field, message, allowed, name)


def _hosts(inventory: Inventory, allowed: list[str]) -> Iterator[Said]:
    for thing, read in readers(inventory):
        try:
            found = list(read(thing))
        except FieldTypeError as error:
            yield Unjudged(thing, error.path, str(error))
            continue
        for path, host in found:
            if not _fits(allowed, host):
                yield Finding(thing, path, f"answers to {'any name' if host == ANY else host}", allowed, host)


def _on_nodes(inventory: Inventory, allowed: list[str]) -> Iterator[Said]:
    for pod in inventory.pods():
        name = f"{pod.owner.namespace or '-'}/{pod.owner.name}"
        if is_controlled(pod.owner) or is_release_test(pod.owner) or _fits(allowed, name):
            continue
        for path in dict.fromkeys(link.path for each in of_pod(pod) for link in each.way.chain):
            yield Finding(pod.owner, path, "listens on its node and is not listed", allowed, name)


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
    """
    found = exposure(inventory)
    for unreadable in found.unreadable:
        yield Unjudged(unreadable.subject, unreadable.path, unreadable.text)
    if not found.exposed and not found.problems:
        yield NotApplicable("nothing is exposed")
    for each in found.problems:
        if not _fits(expected, str(each.subject)):
            yield Finding(each.subject, each.path, each.message)
