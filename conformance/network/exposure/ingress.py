"""Ingresses, and the Routes of OpenShift.

https://kubernetes.io/docs/concepts/services-networking/ingress/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.object import Node, Object
from conformance.mesh.reason import Problem, Reason
from conformance.network.exposure.backends import Backends
from conformance.network.exposure.controllers import Controllers
from conformance.network.exposure.exposed import Audience, Exposed, Way


def of_ingress(ingress: Object, backends: Backends, controllers: Controllers) -> Iterator[Exposed | Problem]:
    """Every path and the default backend. A controller connects to the pods themselves, from its own pods."""
    pods = controllers.of_ingress(ingress)
    default = ingress.at("spec.defaultBackend.service")
    found = [("", "", default)] if default.raw is not None else []
    for rule in ingress.sequence("spec.rules"):
        for each in rule.sequence("http.paths"):
            backend = each.at("backend.service")
            if backend.raw is not None:
                found.append((rule.text("host"), each.text("path"), backend))
    for host, path, backend in found:
        text = f"{ingress} {host or 'any host'}{path}"
        way = Way(Audience.OUTSIDE, (Reason(text, ingress, backend.path),), (), (host,) if host else ())
        yield from _backend(ingress, backend, controllers.way(pods, way), backends)


def _backend(ingress: Object, backend: Node, way: Way, backends: Backends) -> Iterator[Exposed | Problem]:
    name = backend.text("name")
    service = backends.find(name, ingress)
    if service is None:
        yield from backends.missing(name, ingress, (*backend.path, "name"))
        return
    field = "name" if backend.get("port.name") is not None else "number"
    wanted = backend.get(("port", field))
    port = backends.port(service, wanted)
    if port is not None:
        yield from backends.exposed(way, port)
    elif service.text("spec.type") != "ExternalName":
        yield backends.no_port(service, wanted, ingress, (*backend.path, "port", field))


def of_route(route: Object, backends: Backends, _controllers: Controllers) -> Iterator[Exposed | Problem]:
    """A Route of route.openshift.io, with its alternate backends. `port.targetPort` is the name of the Service's port,
    or the number that it targets; absent means the first. The router is in none of an application's manifests.
    """
    host, wanted = route.text("spec.host"), route.get("spec.port.targetPort")
    for target in (route.at("spec.to"), *route.sequence("spec.alternateBackends")):
        name = target.text("name") if target.raw is not None else ""
        service = backends.find(name, route)
        if service is None:
            yield from backends.missing(name, route, (*target.path, "name"))
            continue
        ports = backends.services.ports(service)
        meant = [each for each in ports if wanted in (None, each.name, each.number, each.node.get("targetPort"))][:1]
        if not meant and service.text("spec.type") != "ExternalName":
            yield backends.no_port(service, wanted, route, ("spec", "port", "targetPort"))
        chain = (Reason(f"{route} {host or 'a generated host'}", route, target.path),)
        for port in meant:
            yield from backends.exposed(Way(Audience.OUTSIDE, chain, (), (host,) if host else ()), port)
