"""What a change opens and what it closes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.network.connectivity import EXTERNAL, Edge, Outside
from conformance.network.ports import NONE, PortSet


@dataclass(frozen=True, slots=True)
class Difference:
    """Edges with the ports that only the new side has, and those that only the old side has."""

    opened: tuple[Edge, ...]
    closed: tuple[Edge, ...]


def difference(old: Iterable[Edge], new: Iterable[Edge]) -> Difference:
    """Compares edges by their ends. A workload that is new opens what it may do; one that is gone closes it."""
    before, after = by_ends(old), by_ends(new)
    return Difference(tuple(_more(after, before)), tuple(_more(before, after)))


def by_ends(edges: Iterable[Edge]) -> Mapping[tuple[str, str], Edge]:
    """One edge for each pair of ends: overlays of a workload have one name, and what one of them may, it may."""
    found: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        ends = edge.source, edge.target
        known = found.get(ends)
        found[ends] = edge if known is None else _both(known, edge)
    return found


def _both(one: Edge, other: Edge) -> Edge:
    outside = tuple(dict.fromkeys(one.outside + other.outside))
    limits = tuple(dict.fromkeys(one.limits + other.limits))
    return Edge(one.source, one.target, one.ports | other.ports, outside, limits)


def _more(these: Mapping[tuple[str, str], Edge], those: Mapping[tuple[str, str], Edge]) -> Iterator[Edge]:
    """What edges have that the others have not; a limit that is lifted opens the port."""
    for ends, edge in sorted(these.items()):
        other = those.get(ends)
        if other is None:
            yield edge
        elif EXTERNAL in ends:
            outside = tuple(each for part in edge.outside for each in _without(part, other.outside))
            if outside:
                ports = NONE
                for each in outside:
                    ports = ports | each.ports
                yield Edge(*ends, ports, outside)
        else:
            ports = edge.ports - (other.ports - _tightened(edge, other))
            if ports:
                yield Edge(*ends, ports, (), edge.limits)


def _tightened(edge: Edge, other: Edge) -> PortSet:
    """Ports that have a limit on the other side which they have not on this."""
    found = NONE
    for ports, words in other.limits:
        if not any(set(words) <= set(own) and each.covers(ports) for each, own in edge.limits):
            own = [each for each, _ in edge.limits if each & ports]
            found = found | (ports if not own else NONE)
    return found & edge.ports


def _without(part: Outside, others: tuple[Outside, ...]) -> Iterator[Outside]:
    """The ports and addresses of a part that the others do not cover together."""
    pieces = [(part.ports, part.addresses)]
    names = dict.fromkeys(part.names, part.ports)
    for other in others:
        pieces = [
            piece
            for ports, addresses in pieces
            for piece in ((ports - other.ports, addresses), (ports & other.ports, addresses - other.addresses))
            if piece[0] and piece[1]
        ]
        names = {name: ports - other.ports if name in other.names else ports for name, ports in names.items()}
    yield from (Outside(ports, addresses) for ports, addresses in pieces)
    for name, ports in names.items():
        if ports and not any(each.ports.covers(ports) and each.addresses.has("192.0.2.1") for each in others):
            yield Outside(ports, part.addresses - part.addresses, (name,))
