"""One exposed port, and the way by which connections come to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conformance.kube.podspec import PodSpec
from conformance.mesh.host import is_wildcard, overlaps
from conformance.mesh.reason import Reason
from conformance.network.population import workload_id
from conformance.network.ports import PortSet


class Audience(StrEnum):
    """Who may try; the widest first."""

    OUTSIDE = "outside"
    NODES = "nodes"
    CLUSTER = "cluster"

    @property
    def rank(self) -> int:
        """0 for the widest."""
        return list(Audience).index(self)


@dataclass(frozen=True, slots=True)
class Way:
    """From whom, and through which objects. The chain begins where the connection comes in."""

    audience: Audience
    chain: tuple[Reason, ...]
    #: ends whose addresses the pod sees, one of which is enough; empty where no manifest shows them
    sources: tuple[str, ...] = ()
    #: names that a request must ask for; empty for any
    hosts: tuple[str, ...] = ()
    #: of a controller's pods in between: how they are exposed themselves
    front: tuple[Exposed, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposed:
    """Ports of one workload that one way leads to."""

    pod: PodSpec
    ports: PortSet
    way: Way

    @property
    def workload(self) -> str:
        """`namespace/Kind/name`."""
        return workload_id(self.pod)


def common_names(own: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """The names that a listener and its routes have in common: of two that overlap the narrower one; empty for any."""
    found = tuple(min((own, each), key=_width) for each in others if overlaps(own, each))
    return () if "*" in found else found


def _width(name: str) -> tuple[bool, int]:
    return is_wildcard(name), -len(name)
