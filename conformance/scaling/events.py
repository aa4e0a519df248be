"""What is left of a workload at the worst moment of a drain, a rollout, and the loss of a node or of a zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.relations import relations
from conformance.scaling import budget as budgets
from conformance.scaling import rollout
from conformance.scaling.budget import Standing
from conformance.scaling.constraints import Constraints, constraints
from conformance.scaling.nodes import LARGEST, Place, zones_of
from conformance.scaling.placement import Board, Counts, classes
from conformance.scaling.replicas import Workload
from conformance.scaling.requests import LimitRanges, pod_requests

Event = Literal["drain", "rollout", "node-loss", "zone-loss"]
EVENTS: tuple[Event, ...] = ("drain", "rollout", "node-loss", "zone-loss")


@dataclass(frozen=True, slots=True)
class Left:
    """How many pods are available at the worst moment, and why; `blocked` says why the event cannot come to its end."""

    pods: int
    why: str
    subject: Object
    path: Path
    blocked: str = ""


class Prospect:
    """One workload at one number of replicas on given nodes.

    Every pod is taken for ready once it runs. Pods of other workloads take no part in the placement. Raises
    FieldTypeError, and OverflowError for more pods than can be placed one by one.
    """

    def __init__(self, workload: Workload, inventory: Inventory, places: Sequence[Place], replicas: int) -> None:
        if replicas > LARGEST:
            raise OverflowError(f"{replicas} replicas are too many to be placed one by one")
        self.workload = workload
        self.inventory = inventory
        self.places = list(places)
        self.replicas = replicas
        self.constraints: Constraints = constraints(workload.pod)
        self.requests: dict[str, Decimal] = pod_requests(workload.pod, LimitRanges(inventory, workload.owner))
        self.board = Board(self.constraints, self.places, self.requests)
        self.per_node = workload.range is None

    def placed(self) -> Counts:
        """Where the pods run when nobody has anything against them in particular."""
        if self.per_node:
            return tuple(0 if each else 1 for each in self.board.refusals)
        return self.board.fill(self.replicas)

    def worst(self, nodes: Sequence[int]) -> Counts:
        """Where the pods run when as many as possible run on these nodes."""
        return self.placed() if self.per_node else self.board.fill(self.replicas, set(nodes))

    @property
    def pending(self) -> str:
        """Why not all replicas run at all; empty when they do."""
        counts = self.placed()
        missing = self.replicas - sum(counts)
        if self.per_node or missing <= 0:
            return ""
        return f"{missing} of {self.replicas} pods stay Pending ({self.board.why_full(counts)})"

    def left(self, event: Event) -> Left | None:
        """What an event leaves; None where nothing is known, such as zones where no node names one."""
        found: dict[Event, Callable[[], Left | None]] = {
            "drain": self._drain,
            "rollout": self._rollout,
            "node-loss": self._node_loss,
            "zone-loss": self._zone_loss,
        }
        return found[event]()

    def _node_loss(self) -> Left | None:
        return self._loss([each[:1] for each in classes(self.places)], "node")

    def _zone_loss(self) -> Left | None:
        zones = zones_of(self.places)
        groups = [[index for index, each in enumerate(self.places) if each.zone == zone] for zone in zones]
        return self._loss(groups, "zone")

    def _loss(self, groups: Sequence[Sequence[int]], what: str) -> Left | None:
        found = []
        for group in groups:
            counts = self.worst(group)
            lost = sum(counts[index] for index in group)
            found.append((sum(counts) - lost, lost, sum(counts)))
        if not found:
            return None
        rest, lost, running = min(found)
        limit, path = self._limit()
        where = f"{'in' if what == 'zone' else 'on'} one {what}"
        why = f"{lost} of {running} pods can be {where}: {limit}"
        return Left(rest, why, self.workload.owner if self.per_node else self.workload.pod.owner, path)

    def _limit(self) -> tuple[str, Path]:
        """What keeps pods apart, in words, and where it stands or would stand."""
        spec = self.workload.pod.path
        if self.per_node:
            return "one pod runs on each node", spec
        for each in self.constraints.apart:
            return f"required anti-affinity keeps them apart by {each.key}", each.path
        effective = [each for each in self.constraints.hard if each.own]
        if effective:
            return " and ".join(map(str, effective)), effective[0].path
        if self.constraints.host_port:
            return "they take the same port of a node", self.constraints.host_port
        return "nothing that the scheduler must obey keeps them apart", (*spec, "topologySpreadConstraints")

    def standings(self) -> list[Standing]:
        """Each budget of the workload, with every other workload that it selects at its fewest replicas."""
        known = relations(self.inventory)

        def count(owner: Object) -> int:
            if owner is self.workload.pod.owner:
                return self.replicas
            fewest = known.fewest_replicas(owner)
            return 1 if fewest is None else fewest

        return [budgets.standing(each, budgets.selected(each, self.inventory, count)) for each in self.workload.budgets]

    def _drain(self) -> Left | None:
        if self.per_node:
            return Left(sum(self.placed()), "a drain leaves pods of DaemonSets alone", self.workload.owner, ("spec",))
        found = [self._drain_of(group[0]) for group in classes(self.places)]
        if not found:
            return None
        worst = min(found, key=lambda each: each.pods)
        stuck = next((each for each in found if each.blocked), None)
        if stuck is None:
            return worst
        return Left(worst.pods, worst.why, stuck.subject, stuck.path, stuck.blocked)

    def _drain_of(self, node: int) -> Left:
        counts = self.worst([node])
        here, running = counts[node], sum(counts)
        standings = self.standings()
        name = self.workload.pod.owner
        if len(standings) > 1 and here:
            listed = " and ".join(each.budget.name for each in standings)
            why = f"the eviction of a pod with several budgets ({listed}) is refused"
            return Left(running, why, standings[1].budget, ("spec", "selector"), why)
        limit, path = self._limit()
        if not standings:
            why = f"no budget holds back the eviction of {here} of {running} pods that can be on one node: {limit}"
            return Left(running - here, why, name, path)
        only = standings[0]
        # What is Pending is not healthy.
        allowed = max(only.allowed - (self.replicas - running), 0)
        left = max(running - here, running - allowed)
        blocked = self._blocked(node, counts, only, allowed)
        return Left(left, f"{only.budget.name}: {only.why}", only.budget, only.path, blocked)

    def _blocked(self, node: int, counts: Counts, only: Standing, allowed: int) -> str:
        """Why not every pod of a node can be evicted in turn; empty when it can."""
        here = counts[node]
        if not here:
            return ""
        if not allowed:
            return f"{only.budget.name} lets no pod be evicted: {only.why}"
        if here <= allowed:
            return ""
        elsewhere = self.replaced(node, counts, here - 1)
        if allowed > here - 1 - elsewhere:
            return ""
        full = "no other node takes a replacement" if not elsewhere else f"other nodes take {elsewhere} replacements"
        return f"{here} pods can be on one node, {only.budget.name} lets {allowed} be missing, and {full}"

    def replaced(self, node: int, counts: Counts, pods: int) -> int:
        """How many pods of a cordoned node find a place on the others, evicted one after another."""
        places = [each.cordoned() if index == node else each for index, each in enumerate(self.places)]
        board = Board(self.constraints, places, self.requests)
        now = list(counts)
        for _ in range(pods):
            now[node] -= 1
            free = board.open(now)
            if free:
                now[min(free, key=lambda index: now[index])] += 1
        return sum(now) - (sum(counts) - pods)

    def _rollout(self) -> Left | None:
        running = sum(self.placed()) if self.per_node else self.replicas
        found = rollout.bounds(self.workload.owner, running)
        if found is None:
            return None
        missing = running - sum(self.placed())
        left = max(running - found.unavailable, 0) if found.unavailable else running
        blocked = ""
        if not self.per_node and not missing and found.surge and not found.unavailable:
            blocked = self._surge_blocked(found.surge)
        return Left(max(left - missing, 0), found.why, self.workload.owner, found.path, blocked)

    def _surge_blocked(self, surge: int) -> str:
        """Why not one new pod finds a place beside the old ones, where none of those may go first."""
        old = self.placed()
        board = Board(self.constraints, self.places, self.requests, older=old)
        if sum(board.fill(1)):
            return ""
        none: Counts = (0,) * len(self.places)
        return f"none of {surge} new pods finds a place beside the old ones ({board.why_full(none)})"


def fits(prospect: Prospect, extra: int = 0) -> tuple[int, str]:
    """How many of the replicas, and of pods on top of them, find a node; and why the next does not.

    Pods on top are those of a new revision, during a rollout.
    """
    old = prospect.placed()
    board = Board(prospect.constraints, prospect.places, prospect.requests, older=old)
    if extra > LARGEST:
        raise OverflowError(f"{extra} pods on top are too many to be placed one by one")
    new = board.fill(extra)
    if prospect.per_node or (sum(old) >= prospect.replicas and sum(new) >= extra):
        return sum(old) + sum(new), ""
    why = prospect.board.why_full(old) if sum(old) < prospect.replicas else board.why_full(new)
    return sum(old) + sum(new), why
