"""Placing the pods of one workload on nodes as the scheduler may: never where it would refuse, else as badly as it can.

The scheduler's scores prefer an even spread and guarantee none, so the worst case is an adversary's choice among the
nodes that pass its filters. Pods of other workloads take no part; what they leave of a node belongs to the sums.
Source: the filters PodTopologySpread, InterPodAffinity, NodeAffinity, TaintToleration, NodePorts, NodeResourcesFit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from conformance.scaling.constraints import Apart, Constraints, Spread, affinity_refusal, untolerated
from conformance.scaling.nodes import HOSTNAME, Place

#: how many pods run on each node, by its place in the list
Counts = tuple[int, ...]


@dataclass(frozen=True)
class Tally:
    """How many pods each domain holds at one moment, constraint by constraint, in the order of the constraints."""

    counts: Sequence[int]
    running: bool
    apart: list[dict[str, int]]
    close: list[dict[str, int]]
    spread: list[dict[str, int]]
    #: what the emptiest domain of each spread holds
    least: list[int]


class Board:
    """The nodes, and which of them may take one more pod of a workload.

    `older` are pods of a former revision that still run: constraints count them too, unless `matchLabelKeys` keeps
    revisions apart.
    """

    def __init__(
        self,
        constraints: Constraints,
        places: Sequence[Place],
        requests: Mapping[str, Decimal] | None = None,
        older: Counts = (),
    ) -> None:
        self.constraints = constraints
        self.places = places
        self.older = older or (0,) * len(places)
        self.refusals = [constraints.refuses(each) for each in places]
        self._room = [_room(each, requests or {}) for each in places]
        self._counted = [self._counts(each) for each in constraints.hard]

    def _counts(self, spread: Spread) -> list[bool]:
        """Which nodes make domains for a constraint: those that have every key, filtered by its two policies."""
        pod = self.constraints.pod
        keys = [each.key for each in self.constraints.hard]
        return [
            all(key in place.labels for key in keys)
            and not (spread.by_affinity and affinity_refusal(pod, place))
            and not (spread.by_taints and untolerated(pod, place))
            for place in self.places
        ]

    def blocked(self, node: int, counts: Sequence[int]) -> str:
        """Why a node takes no further pod now; empty when it does."""
        return self._blocked(node, self._tally(counts))

    def open(self, counts: Sequence[int]) -> list[int]:
        """The nodes that take one more pod now."""
        tally = self._tally(counts)
        return [node for node in range(len(self.places)) if not self._blocked(node, tally)]

    def _tally(self, counts: Sequence[int]) -> Tally:
        everywhere = [True] * len(self.places)
        held = self.constraints
        spreads = [self._domains(each, counts, self._counted[n]) for n, each in enumerate(held.hard)]
        least = [
            min(domains.values(), default=0) if len(domains) >= each.min_domains else 0
            for each, domains in zip(held.hard, spreads, strict=True)
        ]
        return Tally(
            counts,
            any(counts),
            [self._domains(each, counts, everywhere) for each in held.apart],
            [self._domains(each, counts, everywhere) for each in held.close],
            spreads,
            least,
        )

    def _domains(self, term: Apart | Spread, counts: Sequence[int], counted: Sequence[bool]) -> dict[str, int]:
        found: dict[str, int] = {}
        for node, place in enumerate(self.places):
            value = place.labels.get(term.key)
            if value is not None and counted[node]:
                old = 0 if term.by_revision else self.older[node]
                found[value] = found.get(value, 0) + counts[node] + old
        return found

    def _blocked(self, node: int, tally: Tally) -> str:
        if self.refusals[node]:
            return self.refusals[node]
        here = tally.counts[node] + self.older[node]
        room = self._room[node]
        if room is not None and here >= room:
            return f"it holds {room}"
        if self.constraints.host_port and here:
            return "two pods would take the same port of the node"
        labels = self.places[node].labels
        return self._together(labels, tally) or self._spread(labels, tally)

    def _together(self, labels: Mapping[str, str], tally: Tally) -> str:
        for each, domains in zip(self.constraints.apart, tally.apart, strict=True):
            # A node without the key is no domain, and then nothing is held against it.
            if each.key in labels and domains[labels[each.key]]:
                return f"required anti-affinity by {each.key}"
        for each, domains in zip(self.constraints.close, tally.close, strict=True):
            if each.key not in labels or (tally.running and not domains[labels[each.key]]):
                return f"required affinity by {each.key}"
        return ""

    def _spread(self, labels: Mapping[str, str], tally: Tally) -> str:
        for spread, domains, least in zip(self.constraints.hard, tally.spread, tally.least, strict=True):
            if spread.key not in labels:
                return f"it has no label {spread.key}"
            if spread.own and domains.get(labels[spread.key], 0) + 1 - least > spread.skew:
                return f"{spread} with a domain that holds {least}"
        return ""

    def fill(self, pods: int, wanted: Collection[int] = ()) -> Counts:
        """Place pods one after another: on the wanted nodes as soon as they take one, else where it serves them most.

        A pod that no node takes stays Pending, and so do all after it, since they are alike.
        """
        now = [0] * len(self.places)
        for _ in range(pods):
            free = self.open(now)
            if not free:
                break
            first = [node for node in free if node in wanted]
            # Elsewhere the emptiest domain raises the minimum, which lets the wanted nodes take more.
            now[min(first or free, key=self._emptiness(now))] += 1
        return tuple(now)

    def _emptiness(self, counts: Sequence[int]) -> Callable[[int], tuple[int, ...]]:
        keys = [each.key for each in self.constraints.hard if each.key != HOSTNAME]
        sums: list[dict[str | None, int]] = []
        for key in keys:
            held: dict[str | None, int] = defaultdict(int)
            for place, count in zip(self.places, counts, strict=True):
                held[place.labels.get(key)] += count
            sums.append(held)

        def rank(node: int) -> tuple[int, ...]:
            labels = self.places[node].labels
            domains = [held[labels.get(key)] for key, held in zip(keys, sums, strict=True)]
            return (*domains, counts[node], node)

        return rank

    def why_full(self, counts: Counts) -> str:
        """Why no node takes another pod, with how many nodes for which reason; empty when one does."""
        found: dict[str, int] = defaultdict(int)
        tally = self._tally(counts)
        for node in range(len(self.places)):
            reason = self._blocked(node, tally)
            if not reason:
                return ""
            found[reason] += 1
        return "; ".join(f"{count} of {len(self.places)} nodes: {reason}" for reason, count in found.items())


def _room(place: Place, requests: Mapping[str, Decimal]) -> int | None:
    """How many pods an otherwise empty node holds; None where nobody says what it has."""
    limits = [
        int(place.allocatable[name] // amount)
        for name, amount in requests.items()
        if amount > 0 and name in place.allocatable
    ]
    pods = place.allocatable.get("pods")
    return min([*limits, *([int(pods)] if pods is not None else [])], default=None)


def classes(places: Sequence[Place]) -> list[list[int]]:
    """Nodes that differ in nothing but their names, so that only one of each needs to be lost."""
    found: dict[object, list[int]] = defaultdict(list)
    for index, place in enumerate(places):
        labels = frozenset((k, v) for k, v in place.labels.items() if k != HOSTNAME)
        found[labels, place.taints, frozenset(place.allocatable.items())].append(index)
    return list(found.values())
