"""VirtualServices as data: routes, destinations, mirrors, retries and timeouts, each with its place.

https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path
from conformance.mesh.host import resolve
from conformance.mesh.reason import UnreadableError, read_each

GROUP = "networking.istio.io"
#: The gateway that stands for every sidecar, and the default where a VirtualService names none.
MESH = "mesh"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a route, or a mirror, leads. `host` is resolved; `port` None where none is said."""

    node: Node
    host: str
    subset: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Weighted:
    """A destination and its share. Weights are relative to their sum; a single destination needs none."""

    destination: Destination
    weight: int | None


@dataclass(frozen=True, slots=True)
class Mirror:
    """Traffic that is sent a second time, and its answer thrown away. An absent percentage means all of it."""

    destination: Destination
    percentage: float
    path: Path


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts` counts what follows the first try. An absent `perTryTimeout` is the route's timeout."""

    attempts: int
    per_try_timeout: str
    retry_on: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class Route:
    """One http, tls or tcp route. `timeout` is "" where there is none; `0s` switches it off."""

    subject: Object
    node: Node
    kind: str
    name: str
    destinations: tuple[Weighted, ...]
    mirrors: tuple[Mirror, ...]
    timeout: str
    retries: Retries | None

    def all_destinations(self) -> Iterator[Destination]:
        """Those of the routes and of the mirrors."""
        yield from (each.destination for each in self.destinations)
        yield from (each.destination for each in self.mirrors)


@dataclass(frozen=True, slots=True)
class VirtualService:
    """One VirtualService. `hosts` are resolved; `gateways` are `mesh` or `namespace/name`."""

    subject: Object
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    routes: tuple[Route, ...]


class Routes:
    """The VirtualServices of a tree."""

    def __init__(self, inventory: Inventory, domain: str) -> None:
        self._objects = list(inventory.of_kind("VirtualService", GROUP))
        self._domain = domain
        self.unreadable: list[UnreadableError] = []

    @cached_property
    def services(self) -> list[VirtualService]:
        """Every VirtualService that can be read; the others are in `unreadable`."""
        return read_each(self._objects, self._read, self.unreadable)

    @property
    def all(self) -> Iterator[Route]:
        """Every route of every VirtualService."""
        return (route for each in self.services for route in each.routes)

    def subsets(self, host: str) -> list[str]:
        """What routes send to a host: the names of subsets, "" for the host without one; empty where none leads there.

        A host that no VirtualService of the mesh itself speaks for is also reached without a subset.
        """
        return sorted(self._subsets.get(host, ()))

    @cached_property
    def _subsets(self) -> Mapping[str, set[str]]:
        index: dict[str, set[str]] = {}
        for route in self.all:
            for each in route.all_destinations():
                index.setdefault(each.host, set()).add(each.subset)
        spoken_for = {host for each in self.services if MESH in each.gateways for host in each.hosts}
        for host, names in index.items():
            if host not in spoken_for:
                names.add("")
        return index

    def _read(self, subject: Object) -> VirtualService:
        hosts = tuple(resolve(_text(each), subject.namespace, self._domain) for each in subject.sequence("spec.hosts"))
        gateways = tuple(gateway_key(_text(each), subject.namespace) for each in subject.sequence("spec.gateways"))
        routes = tuple(
            self._route(subject, each, kind)
            for kind in ("http", "tls", "tcp")
            for each in subject.sequence(f"spec.{kind}")
        )
        return VirtualService(subject, hosts, gateways or (MESH,), routes)

    def _route(self, subject: Object, node: Node, kind: str) -> Route:
        found = tuple(
            Weighted(self._destination(subject, each.at("destination")), each.number("weight"))
            for each in node.sequence("route")
        )
        return Route(
            subject,
            node,
            kind,
            node.text("name"),
            found,
            tuple(self._mirrors(subject, node)),
            node.text("timeout"),
            _retries(node.at("retries")),
        )

    def _mirrors(self, subject: Object, node: Node) -> Iterator[Mirror]:
        single = node.at("mirror")
        if single.raw is not None:
            percentage = node.get("mirrorPercentage.value")
            if node.get("mirrorPercentage") is None:
                percentage = node.get("mirrorPercent", node.get("mirror_percent"))
            elif percentage is None:
                percentage = 0
            yield Mirror(self._destination(subject, single), _percentage(node, percentage), single.path)
        for each in node.sequence("mirrors"):
            percentage = each.get("percentage.value", 0 if each.get("percentage") is not None else None)
            target = each.at("destination")
            yield Mirror(self._destination(subject, target), _percentage(each, percentage), each.path)

    def _destination(self, subject: Object, node: Node) -> Destination:
        host = resolve(node.text("host"), subject.namespace, self._domain) if node.raw is not None else ""
        if node.raw is None:
            return Destination(node, host, "", None)
        return Destination(node, host, node.text("subset"), node.number("port.number"))


def gateway_key(name: str, namespace: str | None) -> str:
    """`mesh`, or namespace and name of a Gateway: a plain name is one of the VirtualService's own namespace.

    `name.namespace.svc.cluster.local`, the old form, is understood too. Source: istio model.resolveGatewayName.
    """
    if name == MESH:
        return name
    where, slash, own = name.partition("/")
    if slash:
        return f"{namespace or '?'}/{own}" if where == "." else name
    own, dot, rest = name.partition(".")
    return f"{rest.split('.')[0]}/{own}" if dot else f"{namespace or '?'}/{name}"


def _retries(node: Node) -> Retries | None:
    if node.raw is None:
        return None
    words = tuple(each.strip() for each in node.text("retryOn").split(",") if each.strip())
    return Retries(node.number("attempts") or 0, node.text("perTryTimeout"), words, node.path)


def _percentage(node: Node, value: object) -> float:
    if value is None:
        return 100.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldTypeError(node.path, "a percentage", value)
    return float(value)


def _text(node: Node) -> str:
    if not isinstance(node.raw, str):
        raise FieldTypeError(node.path, "a string", node.raw)
    return node.raw
