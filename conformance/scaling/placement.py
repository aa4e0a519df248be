"""Placing the pods of one workload on nodes as the scheduler may: never where it would refuse, else as badly as it can.

The scheduler's scores prefer an even spread and guarantee none, so the worst case is an adversary's choice among the
nodes that pass its filters. Pods of other workloads take no part; what they leave of a node belongs to the sums.
Source: the filters PodTopologySpread, InterPodAffinity, NodeAffinity, TaintToleration, NodePorts, NodeResourcesFit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

from conformance.scaling.constraints import Apart, Constraints, Spread, affinity_refusal, untolerated
from conformance.scaling.nodes import HOSTNAME, Place

#: how many pods run on each node, by its place in the list
Counts = tuple[int, ...]


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
        if self.refusals[node]:
            return self.refusals[node]
        here = counts[node] + self.older[node]
        room = self._room[node]
        if room is not None and here >= room:
            return f"it holds {room}"
        if self.constraints.host_port and here:
            return "two pods would take the same port of the node"
        return self._together(node, counts) or self._spread(node, counts)

    def _together(self, node: int, counts: Sequence[int]) -> str:
        for each in self.constraints.apart:
            if self._in_domain(each, node, counts):
                return f"required anti-affinity by {each.key}"
        for each in self.constraints.close:
            key_missing = each.key not in self.places[node].labels
            if key_missing or (any(counts) and not self._in_domain(each, node, counts)):
                return f"required affinity by {each.key}"
        return ""

    def _in_domain(self, term: Apart, node: int, counts: Sequence[int]) -> int:
        value = self.places[node].labels.get(term.key)
        if value is None:
            return 0
        return sum(
            counts[other] + (0 if term.by_revision else self.older[other])
            for other, place in enumerate(self.places)
            if place.labels.get(term.key) == value
        )

    def _spread(self, node: int, counts: Sequence[int]) -> str:
        labels = self.places[node].labels
        for index, spread in enumerate(self.constraints.hard):
            if spread.key not in labels:
                return f"it has no label {spread.key}"
            if not spread.own:
                continue
            domains: dict[str, int] = defaultdict(int)
            for other, counted in enumerate(self._counted[index]):
                if counted:
                    old = 0 if spread.by_revision else self.older[other]
                    domains[self.places[other].labels[spread.key]] += counts[other] + old
            least = min(domains.values(), default=0) if len(domains) >= spread.min_domains else 0
            if domains.get(labels[spread.key], 0) + 1 - least > spread.skew:
                return f"{spread} with a domain that holds {least}"
        return ""

    def fill(self, pods: int, wanted: Collection[int] = (), counts: Counts | None = None) -> Counts:
        """Place pods one after another: on the wanted nodes as soon as they take one, else where it serves them most.

        A pod that no node takes stays Pending, and so do all after it, since they are alike.
        """
        now = list(counts or (0,) * len(self.places))
        for _ in range(pods):
            free = [node for node in range(len(now)) if not self.blocked(node, now)]
            if not free:
                break
            first = [node for node in free if node in wanted]
            # Elsewhere the emptiest domain raises the minimum, which lets the wanted nodes take more.
            now[min(first or free, key=self._emptiness(now))] += 1
        return tuple(now)

    def _emptiness(self, counts: Sequence[int]) -> Callable[[int], tuple[int, ...]]:
        keys = [each.key for each in self.constraints.hard if each.key != HOSTNAME]

        def rank(node: int) -> tuple[int, ...]:
            labels = self.places[node].labels
            alike = [
                sum(counts[other] for other, place in enumerate(self.places) if place.labels.get(k) == labels.get(k))
                for k in keys
            ]
            return (*alike, counts[node], node)

        return rank

    def why_full(self, counts: Counts) -> str:
        """Why no node takes another pod, in the words of the most frequent refusal; empty when one does."""
        found: dict[str, int] = defaultdict(int)
        for node in range(len(self.places)):
            reason = self.blocked(node, counts)
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
