"""A documented matrix of connections held against what policies really allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.network.addresses import EVERYWHERE, Addresses, block
from conformance.network.connectivity import EXTERNAL, Connectivity, Edge, Outside
from conformance.network.difference import difference
from conformance.network.listing import suffix
from conformance.network.ports import ALL, NONE, PortSet, parse, ports
from conformance.network.verdict import Because


class MatrixError(ValueError):
    """An entry of a matrix that cannot be understood, or an end that is not there."""


@dataclass(frozen=True, slots=True)
class Documented:
    """One connection that must be possible. Ends are named as in `Connectivity.allows`."""

    source: str
    target: str
    ports: PortSet


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An edge that is documented and closed (`missing`), or open and not documented (`surplus`)."""

    missing: bool
    edge: Edge
    because: list[Because] = field(default_factory=list)

    @property
    def place(self) -> tuple[Object | None, Path]:
        """The field to change: of the policy that decides; nothing where no policy does."""
        decided = [each for each in self.because if each.policy is not None]
        return (decided[0].policy, decided[0].path) if decided else (None, ())

    def __str__(self) -> str:
        word = "is documented, but closed" if self.missing else "is open, but not documented"
        return f"{self.edge.source} -> {self.edge.target} {suffix(self.edge)} {word}"


def documented(entry: Mapping[str, Any]) -> Documented:
    """`{from: web, to: shop/db, port: 5432}`; `port` as in `TCP/5432`, `UDP/53`, `8000-8010`, several by commas, and
    absent or `any` for every port. Raises MatrixError.
    """
    unknown = set(entry) - {"from", "to", "port"}
    ends = entry.get("from"), entry.get("to")
    if unknown or not all(isinstance(each, str) and each for each in ends):
        raise MatrixError(f"{dict(entry)!r}: an edge has from, to and port")
    text = str(entry.get("port", "any"))
    try:
        wanted = ALL if text == "any" else ports(*(word.strip() for word in text.split(",")))
    except ValueError as error:
        raise MatrixError(str(error)) from None
    return Documented(str(ends[0]), str(ends[1]), wanted)


def compare(
    world: Connectivity, entries: Iterable[Documented], subjects: Sequence[str] = (), *, deny_rest: bool = True
) -> Iterator[Mismatch]:
    """Each edge that is missing, and with `deny_rest` each that is surplus.

    Surplus are open edges from or to a subject that no entry documents; the subjects are all workloads that entries
    name, unless they are given. The nodes and the API server may be ends of entries but are never surplus: what a node
    may do to its own pods is not for policies to say. What a request must be like besides, such as an HTTP method, is
    not looked at. Raises MatrixError for an end that is not there.
    """
    wanted = list(entries)
    try:
        about = {name for each in subjects for name in world.ends.names(world.ends.find(each))}
        shown = [edge for each in wanted for edge in _edges(world, each)]
        yield from (mismatch for each in wanted for mismatch in _platform(world, each))
    except ValueError as error:
        raise MatrixError(str(error)) from None
    about = about or {end for edge in shown for end in (edge.source, edge.target)} - {EXTERNAL}
    found = difference(shown, (replace(edge, limits=()) for edge in world.edges()))
    for edge in found.closed:
        yield Mismatch(True, edge, _reasons(world, edge))
    for edge in found.opened if deny_rest else ():
        if about & {edge.source, edge.target}:
            yield Mismatch(False, edge, _reasons(world, edge))


def _edges(world: Connectivity, entry: Documented) -> Iterator[Edge]:
    """An entry as the edges it would be, were it open."""
    for source in world.ends.names(world.ends.find(entry.source)):
        for target in world.ends.names(world.ends.find(entry.target)):
            if source in world.ends.workloads and target in world.ends.workloads:
                yield Edge(source, target, entry.ports)
            elif EXTERNAL in (source, target):
                name = entry.source if source == EXTERNAL else entry.target
                yield Edge(source, target, entry.ports, (_outside(name, entry.ports),))


def _outside(name: str, wanted: PortSet) -> Outside:
    where = name.partition(":")[2]
    if not where:
        return Outside(wanted, EVERYWHERE)
    try:
        return Outside(wanted, block(where))
    except ValueError:
        return Outside(wanted, Addresses(), (where,))


def _platform(world: Connectivity, entry: Documented) -> Iterator[Mismatch]:
    """Entries about the nodes or the API server, which are no edges of their own."""
    ends = {entry.source, entry.target}
    if ends & {"nodes", "kube-apiserver"}:
        closed = [word for word in entry.ports.words() if not world.explain(*_ends(entry), parse(word)).allowed]
        if closed:
            edge = Edge(entry.source, entry.target, ports(*closed))
            yield Mismatch(True, edge, _reasons(world, edge))


def _ends(entry: Documented) -> tuple[str, str]:
    return entry.source, entry.target


def _reasons(world: Connectivity, edge: Edge) -> list[Because]:
    """Why it is as it is, for each run of ports; of an end outside by the first address or name concerned."""
    found: dict[str, Because] = {}
    source, target = edge.source, edge.target
    if edge.outside:
        parts = edge.outside[0]
        where = f"{EXTERNAL}:{(*parts.names, *parts.addresses.words())[0]}"
        source, target = (where if source == EXTERNAL else source), (where if target == EXTERNAL else target)
    for word in edge.ports.words() or NONE.words():
        for each in world.explain(source, target, parse(word)).because:
            found.setdefault(str(each), each)
    return list(found.values())
