"""A documented matrix of connections held against what policies really allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.network.addresses import EVERYWHERE, Addresses, block
from conformance.network.connectivity import EXTERNAL, Connectivity, Edge, Outside
from conformance.network.difference import by_ends, difference
from conformance.network.ends import API_SERVER, NODES
from conformance.network.listing import suffix
from conformance.network.ports import ALL, NONE, PortSet, parse, ports
from conformance.network.requests import methods
from conformance.network.rule import Direction
from conformance.network.verdict import Because

#: Whose policies are asked: those of both ends together; or the subjects' own alone, as what they let in, as where they
#: may go, or as both.
Side = Literal["both", "ingress", "egress", "own"]
_DIRECTIONS: Mapping[Side, tuple[Direction | None, ...]] = {
    "both": (None,),
    "ingress": ("ingress",),
    "egress": ("egress",),
    "own": ("ingress", "egress"),
}


class MatrixError(ValueError):
    """An entry of a matrix that cannot be understood, or an end that is not there."""


@dataclass(frozen=True, slots=True)
class Documented:
    """One connection that must be possible. Ends are named as in `Connectivity.allows`."""

    source: str
    target: str
    ports: PortSet
    #: the HTTP methods that must pass, and no other; None where requests are not looked at
    methods: frozenset[str] | None = None
    #: False for what is allowed and may be closed as well
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An edge that is documented and closed (`missing`), or open and not documented (`surplus`)."""

    missing: bool
    edge: Edge
    because: list[Because] = field(default_factory=list)
    #: the HTTP methods it is about, where the connection itself is as documented
    about: str = ""

    @property
    def place(self) -> tuple[Object | None, Path]:
        """The field to change: of the policy that decides; nothing where no policy does."""
        decided = [each for each in self.because if each.policy is not None]
        return (decided[0].policy, decided[0].path) if decided else (None, ())

    def __str__(self) -> str:
        word = "is documented, but closed" if self.missing else "is open, but not documented"
        what = f" for {self.about}" if self.about else ""
        return f"{self.edge.source} -> {self.edge.target} {suffix(self.edge)} {word}{what}"


def documented(entry: Mapping[str, Any]) -> Documented:
    """`{from: web, to: shop/db, port: 5432, methods: [GET]}`; `port` as in `TCP/5432`, `UDP/53`, `8000-8010`, several
    by commas, and absent or `any` for every port; `methods` where HTTP methods are documented; `needed: false` for
    what may be open and need not be. Raises MatrixError.
    """
    ends, named = (entry.get("from"), entry.get("to")), entry.get("methods")
    if set(entry) - {"from", "to", "port", "methods", "needed"} or not all(
        isinstance(each, str) and each for each in ends
    ):
        raise MatrixError(f"{dict(entry)!r}: an edge has from, to, port and perhaps methods")
    if named is not None and (not isinstance(named, list) or not named or not all(isinstance(m, str) for m in named)):
        raise MatrixError(f"{dict(entry)!r}: methods are a list such as [GET, POST]")
    text = str(entry.get("port", "any"))
    try:
        wanted = ALL if text == "any" else ports(*(word.strip() for word in text.split(",")))
    except ValueError as error:
        raise MatrixError(str(error)) from None
    needed = entry.get("needed") is not False
    return Documented(str(ends[0]), str(ends[1]), wanted, frozenset(named) if named else None, needed)


def compare(
    world: Connectivity,
    entries: Iterable[Documented],
    subjects: Sequence[str] = (),
    *,
    deny_rest: bool = True,
    side: Side = "both",
    others: Sequence[str] = (),
) -> Iterator[Mismatch]:
    """Each edge that is missing, and with `deny_rest` each that is surplus.

    Surplus are open edges from or to a subject that no entry documents; the subjects are all workloads that entries
    name, unless they are given; with `others` only edges between a subject and one of those. What a node may do to its
    own pods is not for policies to say, so an edge from the nodes is never surplus, and one to the nodes or the API
    server only where the subjects' own `egress` is asked. What a request must be like besides is looked at only where
    an entry names methods. Raises MatrixError for an end that is not there.
    """
    wanted = list(entries)
    try:
        about = {name for each in subjects for name in world.ends.meant(each)}
        towards = {name for each in others for name in _meant(world, each)}
        shown = [(each, edge) for each in wanted for edge in _edges(world, each)]
        yield from (mismatch for each in wanted if each.needed for mismatch in _platform(world, each))
    except ValueError as error:
        raise MatrixError(str(error)) from None
    about = about or {end for _, edge in shown for end in (edge.source, edge.target)} - {EXTERNAL}
    for direction in _DIRECTIONS[side]:
        opened = by_ends(edge for edge in _open(world, direction) if _of(edge, direction, about))
        sided = [(each, edge) for each, edge in shown if direction is None or _of(edge, direction, about)]
        actual = [replace(edge, limits=()) for edge in opened.values()]
        for edge in difference((edge for each, edge in sided if each.needed), actual).closed:
            yield Mismatch(True, edge, _reasons(world, edge, direction))
        for edge in difference((edge for _, edge in sided), actual).opened if deny_rest else ():
            if not towards or towards & {edge.source, edge.target}:
                yield Mismatch(False, edge, _reasons(world, edge, direction))
        for each, edge in sided:
            known = opened.get((edge.source, edge.target))
            if each.methods is not None and known is not None:
                if direction is not None:
                    known = replace(known, limits=world.limits(edge.source, edge.target, known.ports, direction))
                yield from _requests(world, each.methods, edge, known)


def _open(world: Connectivity, direction: Direction | None) -> Iterator[Edge]:
    return world.edges() if direction is None else world.granted(direction)


def _of(edge: Edge, direction: Direction | None, about: Collection[str]) -> bool:
    """Whether an edge is one of the subjects, as far as a direction speaks of it."""
    if direction is None:
        return edge.source in about or edge.target in about
    return (edge.source if direction == "egress" else edge.target) in about and edge.source not in (NODES, API_SERVER)


def _requests(world: Connectivity, wanted: frozenset[str], edge: Edge, known: Edge) -> Iterator[Mismatch]:
    """The methods that pass on the ports of an edge, as far as these are open, against those that are documented."""
    for word in (edge.ports & known.ports).words():
        passing, one = methods(known, parse(word)), replace(edge, ports=parse(word))
        if passing is None:
            limited = {each.direction for each in _limiting(world, one)}
            reasons = [each for each in _reasons(world, one) if ", only " not in each.text]
            reasons.sort(key=lambda each: each.direction not in limited)  # where methods are asked for at all
            yield Mismatch(False, one, reasons, f"methods other than {_listed(wanted)}")
            continue
        if wanted - passing:
            yield Mismatch(True, one, _limiting(world, one), _listed(wanted - passing))
        if passing - wanted:
            yield Mismatch(False, one, _limiting(world, one), _listed(passing - wanted))


def _limiting(world: Connectivity, edge: Edge) -> list[Because]:
    return [each for each in _reasons(world, edge) if ", only " in each.text]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _edges(world: Connectivity, entry: Documented) -> Iterator[Edge]:
    """An entry as the edges it would be, were it open."""
    for source in _meant(world, entry.source):
        for target in _meant(world, entry.target):
            if {source, target} & {NODES, API_SERVER}:
                continue
            parts = tuple(_outside(end, entry.ports) for end in (source, target) if _is_outside(end))
            yield Edge(_plain(source), _plain(target), entry.ports, parts)


def _meant(world: Connectivity, end: str) -> list[str]:
    return [end] if _is_outside(end) or end in (NODES, API_SERVER) else world.ends.meant(end)


def _is_outside(end: str) -> bool:
    return end.partition(":")[0] == EXTERNAL


def _plain(end: str) -> str:
    return EXTERNAL if _is_outside(end) else end


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
    for source, target in _platform_ends(world, entry):
        closed = [word for word in entry.ports.words() if not world.explain(source, target, parse(word)).allowed]
        if closed:
            edge = Edge(source, target, ports(*closed))
            yield Mismatch(True, edge, _reasons(world, edge))


def _platform_ends(world: Connectivity, entry: Documented) -> list[tuple[str, str]]:
    platform = (NODES, API_SERVER)
    if entry.source in platform:
        return [(entry.source, target) for target in world.ends.meant(entry.target)]
    return [(source, entry.target) for source in world.ends.meant(entry.source)] if entry.target in platform else []


def _reasons(world: Connectivity, edge: Edge, only: Direction | None = None) -> list[Because]:
    """Why it is as it is, for each run of ports; of an end outside by the first address or name concerned."""
    found: dict[str, Because] = {}
    source, target = edge.source, edge.target
    if edge.outside:
        parts = edge.outside[0]
        where = f"{EXTERNAL}:{(*parts.names, *parts.addresses.words())[0]}"
        source, target = (where if source == EXTERNAL else source), (where if target == EXTERNAL else target)
    for word in edge.ports.words() or NONE.words():
        for each in world.explain(source, target, parse(word), only).because:
            found.setdefault(str(each), each)
    return list(found.values())
