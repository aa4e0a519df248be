"""The effective connectivity of an inventory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.network.addresses import Addresses
from conformance.network.compiled import compile_policies
from conformance.network.ends import Ends
from conformance.network.population import Population, workload_id
from conformance.network.ports import ALL, NONE, PortSet, span
from conformance.network.region import Mask, Region, bits
from conformance.network.rule import Action, Direction, Section, Tier
from conformance.network.tiers import Judge
from conformance.network.universe import Universe
from conformance.network.verdict import Because, Question, Verdict, judge

EXTERNAL = "external"
#: ports with what a request must be like besides, such as an HTTP method
Limits = tuple[tuple[PortSet, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Outside:
    """Ports that are open towards some of the outside: addresses, and names such as `*.example.com`."""

    ports: PortSet
    addresses: Addresses
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Connections that are open from one end to another: `namespace/Kind/name` or `external`.

    An edge from a workload to itself is one between two of its pods; that a pod reaches itself is not shown.
    """

    source: str
    target: str
    ports: PortSet
    #: for an end outside, which of it
    outside: tuple[Outside, ...] = ()
    limits: Limits = ()


@dataclass(slots=True)
class Profile:
    """Groups that the same sections select, with what is open for all of them."""

    region: Region
    groups: Mask
    sections: tuple[Section, ...]


_KNOWN: WeakKeyDictionary[Inventory, Connectivity] = WeakKeyDictionary()


def connectivity(inventory: Inventory) -> Connectivity:
    """The connectivity of an inventory; computed once."""
    found = _KNOWN.get(inventory)
    if found is None:
        found = _KNOWN[inventory] = Connectivity(inventory)
    return found


class Connectivity:
    """Who may connect to whom, under the policies of an inventory together.

    Both sides must allow a connection. Policies that cannot be read take part in nothing and stand in `unreadable`:
    whoever asks must not take the answer for complete then.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.population = Population(inventory)
        compiled = compile_policies(inventory, self.population)
        self.sections = compiled.sections
        #: policies and pods that could not be read, with the error
        self.unreadable: list[tuple[Object, FieldTypeError]] = [*self.population.unreadable, *compiled.unreadable]
        #: parts of policies that say nothing about pods, for people
        self.notes: list[tuple[Object, str]] = compiled.notes
        self.universe = Universe(self.population, self.sections)
        self.ends = Ends(self.population, self.universe)
        self._judge = Judge(self.population, self.universe.everyone)

    @property
    def endpoints(self) -> list[str]:
        """Every workload, sorted."""
        return sorted(self.ends.workloads)

    @cached_property
    def selecting(self) -> Mapping[tuple[Direction, int], tuple[Section, ...]]:
        """The sections that select each group."""
        found: dict[tuple[Direction, int], list[Section]] = defaultdict(list)
        for section in self.sections:
            for group in bits(section.subjects):
                found[section.direction, group].append(section)
        return {key: tuple(each) for key, each in found.items()}

    @cached_property
    def egress(self) -> list[Profile]:
        """Groups by what they may connect to."""
        return self._profiles("egress")

    @cached_property
    def ingress(self) -> list[Profile]:
        """Groups by who may connect to them."""
        return self._profiles("ingress")

    def _profiles(self, direction: Direction) -> list[Profile]:
        known: dict[object, Profile] = {}
        for index, group in enumerate(self.population.groups):
            sections = self.selecting.get((direction, index), ())
            names = {name for section in sections for name in section.names()} if direction == "ingress" else set()
            own = {name: group.named[name] for name in names if name in group.named}
            key = tuple(map(id, sections)), frozenset(own.items())
            if key not in known:
                region = self._judge.region(sections, own if direction == "ingress" else None)
                known[key] = Profile(region, 0, sections)
            known[key].groups |= 1 << index
        return list(known.values())

    def bundles(self) -> Iterator[tuple[Profile, Profile, Mask, Mask, PortSet]]:
        """Edges between groups of pods, many at once: every source with every target."""
        for egress in self.egress:
            for ingress in self.ingress:
                for out_ports, out_mask in egress.region.by_ports.items():
                    targets = out_mask & ingress.groups
                    for in_ports, in_mask in ingress.region.by_ports.items() if targets else ():
                        sources = in_mask & egress.groups
                        ports = out_ports & in_ports if sources else NONE
                        if ports:
                            yield egress, ingress, sources, targets, ports

    def edges(self) -> Iterator[Edge]:
        """Every open edge between workloads, and between them and the outside; one for each pair of ends."""
        for egress, ingress, sources, targets, ports in self.bundles():
            limited = _is_limited(egress.sections) or _is_limited(ingress.sections)
            callees = [(index, workload_id(pod)) for index, pod in self.population.members(targets)]
            for source, pod in self.population.members(sources):
                caller = workload_id(pod)
                for target, callee in callees:
                    limits = self._limits(egress, ingress, source, target, ports) if limited else ()
                    yield Edge(caller, callee, ports, (), limits)
        for profile in self.egress:
            yield from (Edge(each, EXTERNAL, ports, parts) for each, ports, parts in self._outside(profile, "egress"))
        for profile in self.ingress:
            yield from (Edge(EXTERNAL, each, ports, parts) for each, ports, parts in self._outside(profile, "ingress"))

    def _outside(self, profile: Profile, direction: Direction) -> Iterator[tuple[str, PortSet, tuple[Outside, ...]]]:
        outside = self.universe.external if direction == "egress" else self.universe.addresses
        found, ports = [], NONE
        for each, mask in profile.region.by_ports.items():
            if mask & outside:
                addresses, names = self.universe.describe(mask & outside)
                found.append(Outside(each, addresses, tuple(names)))
                ports = ports | each
        if found:
            for _, pod in self.population.members(profile.groups):
                yield workload_id(pod), ports, tuple(found)

    def _limits(self, egress: Profile, ingress: Profile, source: int, target: int, ports: PortSet) -> Limits:
        names = self.population.groups[target].named
        out, into = (egress.sections, target), (ingress.sections, source)
        return tuple(each for sections, peer in (out, into) for each in _limits_of(sections, peer, names, ports))

    def limits(self, source: str, target: str, ports: PortSet, direction: Direction) -> Limits:
        """What the policies of one end alone ask of requests between two workloads. Raises ValueError for an end that
        is not there.
        """
        found: list[tuple[PortSet, tuple[str, ...]]] = []
        groups = self.population.groups
        for one in bits(self.ends.find(source)):
            for other in bits(self.ends.find(target)):
                own, peer = (one, other) if direction == "egress" else (other, one)
                names = groups[other].named if other < len(groups) else {}
                found += _limits_of(self.selecting.get((direction, own), ()), peer, names, ports)
        return tuple(dict.fromkeys(found))

    def granted(self, direction: Direction) -> Iterator[Edge]:
        """What the policies of one end alone let through, whatever those of the other end say: for `ingress` who may
        come, for `egress` where a workload may go. The nodes and the API server are ends as well.
        """
        for profile in self.ingress if direction == "ingress" else self.egress:
            own = [workload_id(pod) for _, pod in self.population.members(profile.groups)]
            for ports, mask in profile.region.by_ports.items():
                others = [each for each in self.ends.names(mask & self.population.inside) if own]
                for one in own:
                    ends = ((one, each) if direction == "egress" else (each, one) for each in others)
                    yield from (Edge(source, target, ports) for source, target in ends)
            for one, ports, parts in self._outside(profile, direction):
                yield Edge(*((one, EXTERNAL) if direction == "egress" else (EXTERNAL, one)), ports, parts)

    def allows(self, source: str, target: str, protocol: str, port: int) -> Verdict:
        """Whether one connection is open, and why. Ends are `namespace/Kind/name` (shorter where it is clear),
        `external`, an address, block or name outside, `nodes` or `kube-apiserver`.

        Of an end that stands for several it is enough that one may. Raises ValueError for an end that is not there.
        """
        return self.explain(source, target, span(protocol.upper(), port, port))

    def explain(self, source: str, target: str, wanted: PortSet, only: Direction | None = None) -> Verdict:
        """The same for a set of ports, of which one open port is enough; `only` asks the policies of one end alone."""
        verdicts = []
        for one in bits(self.ends.find(source)):
            for other in bits(self.ends.find(target)):
                verdict = self._pair(one, other, wanted, only)
                if verdict.allowed:
                    return verdict
                verdicts.append(verdict)
        return verdicts[0]

    def open_ports(self, source: str, target: str) -> PortSet:
        """Every port that is open between two ends, which are named as for `allows`."""
        found = NONE
        for one in bits(self.ends.find(source)):
            for other in bits(self.ends.find(target)):
                found = found | self._reached(self.egress, one, other) & self._reached(self.ingress, other, one)
        return found

    def _reached(self, profiles: Sequence[Profile], own: int, other: int) -> PortSet:
        found = NONE if self.population.pods >> own & 1 else ALL
        for profile in profiles:
            for ports, mask in profile.region.by_ports.items() if profile.groups >> own & 1 else ():
                found = found | ports if mask >> other & 1 else found
        return found

    def _pair(self, source: int, target: int, wanted: PortSet, only: Direction | None) -> Verdict:
        groups = self.population.groups
        names = groups[target].named if target < len(groups) else {}
        out = into = Verdict(True)
        if only != "ingress":
            out = self._side(Question("egress", 1 << target, wanted, names), source)
        if only != "egress":
            into = self._side(Question("ingress", 1 << source, wanted, names), target)
        if out.allowed and into.allowed:
            because = out.because + into.because or [
                Because("egress", True, "neither end is a pod that policies select")
            ]
            return Verdict(True, because, out.limits + into.limits)
        return Verdict(False, [each for side in (out, into) if not side.allowed for each in side.because])

    def _side(self, question: Question, own: int) -> Verdict:
        """One direction; the nodes, pods on their network, and the outside have no policies of their own."""
        if not self.population.pods >> own & 1:
            return Verdict(True)
        return judge(question, self.selecting.get((question.direction, own), ()))


def _limits_of(
    sections: tuple[Section, ...], peer: int, names: Mapping[str, PortSet], ports: PortSet
) -> Iterator[tuple[PortSet, tuple[str, ...]]]:
    """The limits of one direction by ports: the rules of one tier add up, and one without limits lifts them."""
    for tier in (Tier.NETWORK, Tier.MESH):
        rules = [rule for each in sections if each.tier is tier for rule in each.rules if rule.mask >> peer & 1]
        rules = [rule for rule in rules if rule.action is Action.ALLOW]
        limited = ports
        for rule in rules:
            limited = limited - rule.ports.on(names) if not rule.limits else limited
        pieces: dict[PortSet, list[str]] = {}
        for rule in rules:
            rest = own = rule.ports.on(names) & limited if rule.limits else NONE
            for known in [each for each in pieces if each & own]:
                words = pieces.pop(known)
                pieces[known & own] = [*words, *rule.limits]
                if known - own:
                    pieces[known - own] = words
                rest = rest - known
            if rest:
                pieces[rest] = list(rule.limits)
        yield from ((each, tuple(dict.fromkeys(words))) for each, words in pieces.items())


def _is_limited(sections: tuple[Section, ...]) -> bool:
    return any(rule.limits for section in sections for rule in section.rules)
