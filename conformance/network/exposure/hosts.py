"""The host names that objects ask to be answered from outside, whether or not anybody stands behind them yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.mesh.routes import MESH
from conformance.network.exposure.gateway_api import GROUP as GATEWAY_API
from conformance.network.exposure.gateway_api import ROUTES
from conformance.network.exposure.istio import GROUP as ISTIO

#: stands for whatever name somebody asks for
ANY = "*"
Host = tuple[Path, str]
Reader = Callable[[Object], Iterator[Host]]


def readers(inventory: Inventory) -> Iterator[tuple[Object, Reader]]:
    """Every object that asks for names, with what reads them; reading raises FieldTypeError."""
    for each in inventory.of_kind("Ingress"):
        yield each, _ingress
    for each in inventory.of_kind("Route", "route.openshift.io"):
        yield each, _route
    for kind in ROUTES:
        for each in inventory.of_kind(kind, GATEWAY_API):
            yield each, _attached
    for each in inventory.of_kind("VirtualService", ISTIO):
        yield each, _virtual_service


def _ingress(ingress: Object) -> Iterator[Host]:
    """A rule without a host, and the default backend, answer to any name."""
    for rule in ingress.sequence("spec.rules"):
        yield (*rule.path, "host"), rule.text("host") or ANY
    if ingress.get("spec.defaultBackend") is not None:
        yield ("spec", "defaultBackend"), ANY


def _route(route: Object) -> Iterator[Host]:
    """Without a host the cluster makes one up."""
    yield ("spec", "host"), route.text("spec.host") or ANY


def _attached(route: Object) -> Iterator[Host]:
    """A route whose parents are Services only is for the mesh."""
    kinds = {parent.text("kind", "Gateway") for parent in route.sequence("spec.parentRefs")}
    if "Gateway" not in kinds:
        return
    names = route.sequence("spec.hostnames")
    yield from ((each.path, str(each.raw)) for each in names)
    if not names:
        yield ("spec",), ANY


def _virtual_service(service: Object) -> Iterator[Host]:
    """One that names no gateway, or only `mesh`, is for clients in the mesh."""
    if any(each.raw != MESH for each in service.sequence("spec.gateways")):
        yield from ((each.path, str(each.raw)) for each in service.sequence("spec.hosts"))
