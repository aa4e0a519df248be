"""Scaling and availability as arithmetic: what drains, rollouts and losses leave, and what autoscalers do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.relations import relations
from conformance.scaling import (
    Event,
    Left,
    Nodes,
    Prospect,
    Workload,
    documented,
    of_inventory,
    rollout,
    workload,
)
from conformance.scaling import budget as budgets
from conformance.scaling.constraints import constraints, untolerated
from conformance.scaling.events import fits
from conformance.scaling.nodes import known as known_nodes

_MANY = 32


def _share(text: int | str) -> tuple[int, bool]:
    if isinstance(text, int):
        return text, False
    if text.endswith("%") and text[:-1].isdigit():
        return int(text[:-1]), True
    raise ValueError(f"{text!r} is neither a number nor a percentage")


@check
def test_withstands(
    thing: Object,
    inventory: Inventory,
    *,
    leaves: Annotated[int | str, _share],
    events: list[Event] = ["drain", "rollout", "node-loss"],  # noqa: B006
    nodes: Nodes = None,
    zones: int = 0,
) -> Iterator[Said]:
    """Each of the events leaves so many pods (or such a share of the replicas) available at its worst moment.

    The worst placement counts that the scheduler may choose: preferred anti-affinity and ScheduleAnyway promise
    nothing. Evaluated at the fewest replicas that an autoscaler may set; a share at every number of replicas. A drain
    never goes below what a budget keeps; a loss does. An event that cannot come to its end is a finding too.
    https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
    """
    found = workload(thing, inventory)
    if found is None:
        yield NotApplicable("no long-running workload")
        return
    number, percent = _share(leaves)
    reported: set[str] = set()
    judged = False
    for count in _counts(found, percent):
        prospect = Prospect(found, inventory, known_nodes(inventory, nodes, zones, count), count)
        wanted = -(-count * number // 100) if percent else number
        for event in events:
            left = prospect.left(event)
            judged = judged or left is not None
            if left is None or event in reported:
                continue
            if left.pods < wanted or left.blocked:
                reported.add(event)
                yield _fallen(event, left, count, wanted)
    if not judged:
        yield NotApplicable("nothing is known of what these events do to it")


def _fallen(event: str, left: Left, count: int, wanted: int) -> Finding:
    if left.pods < wanted:
        message = f"a {event} of {count} replicas leaves {left.pods}: {left.why}"
        return Finding(left.subject, left.path, message, f"at least {wanted}", left.pods)
    return Finding(left.subject, left.path, f"a {event} cannot come to its end: {left.blocked}")


def _counts(found: Workload, percent: bool) -> list[int]:
    """The numbers of replicas at which an event is tried; more replicas never leave fewer pods."""
    if found.range is None:
        return [0]
    least, most = found.range.least, found.range.most
    return [*range(least, min(most, least + _MANY)), most] if percent else [least]


@check
def test_drain_possible(
    budget: Object,
    inventory: Inventory,
    *,
    nodes: Nodes = None,
    zones: int = 0,
    one_workload: bool = False,
    allowed: int = 1,
) -> Iterator[Said]:
    """A PodDisruptionBudget lets at least so many pods go while all are healthy, and no pod has a second budget.

    Percentages round up. Counted are the fewest replicas that autoscalers may set, over every workload that the
    selector means. A share of pods of DaemonSets and Jobs cannot be computed, and then nothing is evicted. The eviction
    of a pod with two budgets is refused. With `one_workload` the budget means the pods of exactly one workload; an
    empty selector means all of the namespace. With nodes, pods that share a node need room for replacements elsewhere.
    https://kubernetes.io/docs/tasks/run-application/configure-pdb/
    """
    known = relations(inventory)
    counted = budgets.selected(budget, inventory, lambda owner: _fewest(owner, inventory))
    if not counted:
        yield NotApplicable("selects no pods here")
        return
    names = sorted(str(each.owner) for each in counted)
    if one_workload and len(counted) > 1:
        message = f"means the pods of {len(counted)} workloads: {', '.join(names)}"
        yield Finding(budget, "spec.selector", message, "one workload", len(counted))
    for owner in (each.owner for each in counted):
        others = [each.name for each in known.budgets_of(owner) if each is not budget]
        if others:
            message = f"pods of {owner} have another budget, {' and '.join(others)}: their eviction is refused"
            yield Finding(budget, "spec.selector", message, "one budget for a pod")
    found = budgets.standing(budget, counted)
    if found.allowed < allowed:
        message = found.broken or f"lets too few of {sum(each.count for each in counted)} pods go: {found.why}"
        yield Finding(budget, found.path, message, f"at least {allowed}", found.allowed)
        return
    for each in counted if nodes or any(inventory.of_kind("Node", "")) else ():
        yield from _stuck(each.owner, inventory, nodes, zones, budget)


def _fewest(owner: Object, inventory: Inventory) -> int:
    fewest = relations(inventory).fewest_replicas(owner)
    return 1 if fewest is None else fewest


def _stuck(
    owner: Object, inventory: Inventory, nodes: int | list[dict[str, Any]] | None, zones: int, budget: Object
) -> Iterator[Finding]:
    found = workload(owner, inventory)
    if found is None or found.range is None or len(found.budgets) != 1:
        return
    count = found.range.least
    left = Prospect(found, inventory, known_nodes(inventory, nodes, zones, count), count).left("drain")
    if left is not None and left.blocked:
        yield Finding(budget, left.path, f"a drain cannot come to its end: {left.blocked}")


@check
def test_schedulable(
    thing: Object,
    inventory: Inventory,
    *,
    at: Literal["minimum", "maximum", "rollout"] = "maximum",
    nodes: Nodes = None,
    zones: int = 0,
) -> Iterator[Said]:
    """The replicas find nodes under everything that the scheduler must obey: spread, anti-affinity, taints, room.

    `maximum` is the most that an autoscaler may set, `rollout` the fewest replicas with the pods that come on top of
    them. A hard spread counts nodes that the pods cannot run on, unless `nodeTaintsPolicy` is Honor: with an
    untolerated taint on one of three nodes, maxSkew 1 places two pods and no more. Where nodes are not known, there
    are enough.
    https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
    """
    found = workload(thing, inventory)
    if found is None or found.range is None:
        yield NotApplicable("no workload with replicas")
        return
    count = found.range.most if at == "maximum" else found.range.least
    update = rollout.bounds(thing, count) if at == "rollout" else None
    extra = update.surge if update is not None else 0
    prospect = Prospect(found, inventory, known_nodes(inventory, nodes, zones, count + extra), count)
    placed, why = fits(prospect, extra)
    if placed < count + extra:
        held = prospect.constraints
        paths = [*(each.path for each in held.apart), *(each.path for each in held.hard if each.own)]
        message = f"of {count + extra} pods {count + extra - placed} stay Pending: {why}"
        yield Finding(found.pod.owner, next(iter(paths), found.pod.path), message, count + extra, placed)


@check
def test_spread_effective(
    thing: Object,
    inventory: Inventory,
    *,
    key: str = "kubernetes.io/hostname",
    max_skew: int | None = None,
    hard: bool = False,
    taints_honored: bool = False,
    by_revision: bool = False,
    nodes: Nodes = None,
    zones: int = 0,
) -> Iterator[Said]:
    """A topologySpreadConstraint over a key that counts the pods that carry it, and is strict enough.

    Without a labelSelector it counts nothing and does nothing. `hard` asks for DoNotSchedule, which is the default.
    `taints_honored` asks for nodeTaintsPolicy Honor, unless the documented nodes have no taint that is not tolerated;
    `by_revision` for matchLabelKeys with the hash of the template. With nodes there must be two domains or more.
    https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
    """
    found = workload(thing, inventory)
    if found is None:
        yield NotApplicable("no long-running workload")
        return
    pod, owner = found.pod, found.pod.owner
    own = [each for each in constraints(pod).spreads if each.key == key]
    if not own:
        yield Finding(owner, (*pod.path, "topologySpreadConstraints"), f"nothing spreads the pods over {key}", key)
        return
    known = documented(nodes, zones) if nodes else of_inventory(inventory)
    best = max(own, key=lambda each: (each.own, each.hard, -each.skew))
    if not best.own:
        message = "counts no pod of its own, so it spreads nothing"
        yield Finding(owner, (*best.path, "labelSelector"), message, dict(pod.labels))
    if max_skew is not None and best.skew > max_skew:
        yield Finding(owner, (*best.path, "maxSkew"), "pods may be less even", f"at most {max_skew}", best.skew)
    if hard and not best.hard:
        place = (*best.path, "whenUnsatisfiable")
        yield Finding(owner, place, "pods may be placed unevenly all the same", "DoNotSchedule", "ScheduleAnyway")
    kept_off = {place.name: taint for place in known if (taint := untolerated(pod, place))}
    if taints_honored and best.hard and not best.by_taints and (kept_off or not known):
        listed = f" ({', '.join(sorted(kept_off))})" if kept_off else ""
        message = (
            f"nodes with taints count as empty domains{listed}: no pod may be placed that is one too many for them"
        )
        yield Finding(owner, (*best.path, "nodeTaintsPolicy"), message, "Honor", "Ignore")
    if by_revision and not best.by_revision:
        message = "pods of the former revision count during a rollout"
        yield Finding(owner, (*best.path, "matchLabelKeys"), message, "the hash of the template")
    domains = {each.labels[key] for each in known if key in each.labels and not constraints(pod).refuses(each)}
    if known and len(domains) < 2:
        message = f"{len(domains)} of the known nodes' domains can take pods"
        yield Finding(owner, (*best.path, "topologyKey"), message, "two or more", len(domains))


@check
def test_budget_keeps(budget: Object, inventory: Inventory) -> Iterator[Said]:
    """A PodDisruptionBudget keeps a pod: it does not let all of them go at once.

    On a single replica that can only be bought with a drain that never ends, so this is advice to have two.
    https://kubernetes.io/docs/tasks/run-application/configure-pdb/#think-about-how-your-application-reacts-to-disruptions
    """
    fewest = relations(inventory).fewest_replicas
    counted = budgets.selected(budget, inventory, lambda owner: fewest(owner) or 1)
    if not counted:
        yield NotApplicable("selects no pods here")
        return
    found, total = budgets.standing(budget, counted), sum(each.count for each in counted)
    if not found.broken and found.allowed >= total:
        yield Finding(budget, found.path, f"lets all {total} pods go at once", f"less than {total}", found.allowed)
