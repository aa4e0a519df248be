"""The documented matrix, taken from the requirements themselves, and what policies are computed to let through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import yaml

from conformance.drill.packets import Probe
from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.network.connectivity import Connectivity
from conformance.network.matrix import documented as read_edge
from conformance.settings import data_folder

POLICIES = "smartsensor/networkpolicies.yaml"


@dataclass(frozen=True, slots=True)
class Documented:
    """Probes that must come through, and probes that must not; what is neither is not documented either way."""

    needed: tuple[Probe, ...]
    denied: tuple[Probe, ...]


def documented(probes: Iterable[Probe], ends: Mapping[str, str], denying: str) -> Documented:
    """Judge probes by the matrix of the requirements. `ends` gives their ends the names that the requirements use.

    An edge with `needed: false` may be open. Every other connection of a subject whose requirement denies the rest
    must be closed, and so must every one into a pod of the namespace `denying` that no edge leads to.
    """
    requirements = [each for each in _requirements() if each.get("check") == "connectivity"]
    edges = [edge for each in requirements for edge in each["with"]["edges"]]
    subjects = {
        name for each in requirements if each["with"].get("deny_rest", True) for name in each["with"]["subjects"]
    }
    reached = {edge["to"].rpartition("/")[2] for edge in edges}
    needed, denied = [], []
    for probe in probes:
        source, target = (ends.get(end, end) for end in probe[:2])
        found = [edge for edge in edges if _is_of(edge, source, target, probe[2], probe[3])]
        if any(edge.get("needed", True) for edge in found):
            needed.append(probe)
        elif not found and ({source, target} & subjects or _is_unreached(target, denying, reached)):
            denied.append(probe)
    return Documented(tuple(needed), tuple(denied))


def _requirements() -> list[dict[str, Any]]:
    text = (data_folder("policies") / POLICIES).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)
    return found


def _is_of(edge: Mapping[str, Any], source: str, target: str, protocol: str, port: int) -> bool:
    """An end of an edge may stand alone, `prometheus`, where the probe's has its namespace, `monitoring/prometheus`."""
    entry = read_edge(edge)
    same = all(
        fnmatchcase(end, name) or name == end.rpartition("/")[2]
        for end, name in ((source, entry.source), (target, entry.target))
    )
    return same and entry.ports.has(protocol, port)


def _is_unreached(target: str, denying: str, reached: set[str]) -> bool:
    namespace, _, name = target.rpartition("/")
    return namespace == denying and name not in reached


class _Nowhere:
    """The origin of objects that come from no file."""

    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


def computed(
    objects: Iterable[Mapping[str, Any]], probes: Iterable[Probe], addresses: Mapping[str, str], outside: str
) -> dict[Probe, bool]:
    """What `plumbline reach` says of every probe: by its edges, and for an address outside by its answer."""
    loaded = []
    for raw in objects:
        loaded.append(Object(dict(raw), _Nowhere()))
        if loaded[-1].kind == "Namespace":
            loaded[-1].namespace = ""
    network = Connectivity(Inventory(loaded))
    edges = {(edge.source, edge.target): edge.ports for edge in network.edges()}
    names = {each.rpartition("/")[2]: each for each in network.endpoints}
    answers = {}
    for source, target, protocol, port in probes:
        if target == outside:
            far = f"external:{addresses[outside]}"
            answers[source, target, protocol, port] = network.allows(names[source], far, protocol, port).allowed
        else:
            ports = edges.get((names[source], names[target]))
            answers[source, target, protocol, port] = ports is not None and ports.has(protocol, port)
    return answers
