"""Whether it all fits: what workloads request at the most replicas, against nodes, quotas and LimitRanges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import Container, PodSpec
from conformance.mesh import Mesh
from conformance.mesh.reason import UnreadableError
from conformance.scaling import Place, documented, of_inventory, workload
from conformance.scaling.constraints import constraints
from conformance.scaling.requests import Amounts, LimitRanges, amount, container_amount, largest, parsed
from conformance.scaling.shown import listed, shown
from conformance.scaling.totals import Demand, capacity, demand, quotas, total

Nodes = Annotated[int | list[dict[str, Any]] | None, lambda said: documented(said or [])]


def _amounts(said: Mapping[str, Any]) -> Amounts:
    return {name: quantity.parse(value) for name, value in said.items()}


Resources = Annotated[dict[str, Any], _amounts]


def _sidecars(inventory: Inventory, sidecar: Mapping[str, Any]) -> Callable[[PodSpec], Mapping[str, Any] | None]:
    """What is documented of the injected proxy, for the pods that get one; unknown namespaces count as injected."""
    mesh = Mesh(inventory, unseen_injected=True)

    def of(pod: PodSpec) -> Mapping[str, Any] | None:
        if not sidecar:
            return None
        try:
            member = mesh.member(pod)
        except UnreadableError:
            return sidecar  # nobody knows, as in a namespace that is not shown
        return sidecar if member.dataplane in ("sidecar", "unknown") and not member.written else None

    return of


def _demands(
    things: list[Object],
    inventory: Inventory,
    places: list[Place],
    sidecar: Mapping[str, Any],
    part: str = "requests",
) -> list[Demand]:
    sidecars = _sidecars(inventory, sidecar)
    found = (workload(each, inventory) for each in things)
    return [demand(each, inventory, places, sidecars, part) for each in found if each is not None]


@check
def test_fits_at_maximum(
    workloads: list[Object],
    inventory: Inventory,
    *,
    nodes: Nodes = None,
    lost: int = 0,
    used: Resources = {},  # noqa: B006
    sidecar: Resources = {},  # noqa: B006
    rollout: bool = False,
) -> Iterator[Said]:
    """The requests of all workloads at the most replicas fit their quotas, the LimitRanges, and the nodes together.

    `used` is a documented use of the whole cluster at the fewest replicas: then only what autoscalers add to it is
    counted. `lost` nodes, the largest, are not there; nodes with a taint that none of the workloads tolerates do not
    count. `sidecar` is what the injected proxy of a mesh requests. `rollout` adds the pods of a rolling update. Limits
    of quotas on limits are summed too. A single pod must fit on some node. Sums are necessary, not sufficient: see
    `schedulable` for the placement.
    https://kubernetes.io/docs/concepts/policy/resource-quotas/
    """
    places = documented(nodes) if nodes else of_inventory(inventory)
    demands = _demands(workloads, inventory, places, sidecar)
    if not demands:
        yield NotApplicable("no long-running workload")
        return
    usable = [place for place in places if any(not _refuses(each, place) for each in demands)]
    yield from _nodes_full(demands, usable, lost, _amounts(used), rollout)
    for each in demands:
        yield from _pod_too_large(each, usable)
        yield from _outside_ranges(each, inventory)
    yield from _quotas_full(workloads, inventory, places, sidecar, rollout)


def _refuses(each: Demand, place: Place) -> str:
    return constraints(each.workload.pod).refuses(place)


def _most(each: Demand, rollout: bool) -> int:
    return each.most + (each.surge if rollout else 0)


def _nodes_full(
    demands: list[Demand], places: list[Place], lost: int, used: Amounts, rollout: bool
) -> Iterator[Finding]:
    size = sorted(places, key=lambda each: each.allocatable.get("memory", Decimal(0)), reverse=True)
    left = size[lost:]
    known = capacity(left)
    if not any(known.values()):
        return
    grown = [each.at(_most(each, rollout) - (each.least if used else 0)) for each in demands]
    wanted = total([*grown, used])
    names = largest(wanted, known)
    if not names:
        return
    biggest = max(demands, key=lambda each: each.at(_most(each, rollout)).get(names[0], Decimal(0)))
    subject, path = _who_asks(biggest)
    over = [f"{name} {shown(name, wanted[name])} of {shown(name, known[name])}" for name in names]
    where = f"{len(left)} nodes{f' without {lost}' if lost else ''}"
    message = f"at the most replicas {', '.join(over)} on {where}"
    yield Finding(subject, path, message, listed({n: known[n] for n in names}), listed({n: wanted[n] for n in names}))


def _who_asks(each: Demand) -> tuple[Object, Any]:
    found = each.workload.range
    if found is None:
        return each.workload.owner, each.workload.pod.path
    return found.subject, found.most_path


def _pod_too_large(each: Demand, places: list[Place]) -> Iterator[Finding]:
    sized = [place for place in places if place.allocatable]
    if sized and all(largest(each.pod, place.allocatable) for place in sized):
        pod = each.workload.pod
        message = f"one pod asks for {listed(each.pod)}, and no node has so much"
        yield Finding(pod.owner, (*pod.path, "containers"), message, "a node that holds it")


def _outside_ranges(each: Demand, inventory: Inventory) -> Iterator[Finding]:
    """Containers that a LimitRange refuses: requests below its min, limits above its max."""
    ranges = LimitRanges(inventory, each.workload.owner)
    for limits, item in ranges.items("Container"):
        for container in each.workload.pod.containers:
            yield from _outside(container, item, limits, ranges)


def _outside(container: Container, item: Node, limits: Object, ranges: LimitRanges) -> Iterator[Finding]:
    owner = container.pod.owner
    for bound, part in (("max", "limits"), ("min", "requests")):
        for name in item.mapping(bound):
            value = container_amount(container, part, name, ranges)
            allowed = amount(item, (bound, name))
            asked = parsed(value, (*container.path, "resources", part, name)) if value is not None else None
            if asked is not None and (asked > allowed if bound == "max" else asked < allowed):
                place = (*container.path, "resources", part, name)
                message = f"container {container.name} is refused by {limits}: {part} {name}"
                word = "at most" if bound == "max" else "at least"
                yield Finding(owner, place, message, f"{word} {item.get((bound, name))}", value)


def _quotas_full(
    things: list[Object], inventory: Inventory, places: list[Place], sidecar: Mapping[str, Any], rollout: bool
) -> Iterator[Finding]:
    """Quotas of the namespaces, against every workload there: those that are not matched use them too."""
    done: set[int] = set()
    for thing in things:
        for limit in quotas(inventory, thing):
            key = id(limit.quota) ^ hash(limit.key)
            if key in done:
                continue
            done.add(key)
            near = [each for each in inventory.carriers() if each.namespace == thing.namespace]
            part = "requests" if limit.part == "pods" else limit.part
            demands = _demands(near, inventory, places, sidecar, part)
            counts = [(each, _most(each, rollout)) for each in demands]
            if limit.part == "pods":
                wanted = Decimal(sum(count for _, count in counts))
            else:
                wanted = total(each.at(count) for each, count in counts).get(limit.resource, Decimal(0))
            if wanted > limit.hard:
                message = (
                    f"{shown(limit.resource, wanted)} of {limit.key} at the most replicas of {len(counts)} workloads"
                )
                place = ("spec", "hard", limit.key)
                yield Finding(limit.quota, place, message, f"at least {shown(limit.resource, wanted)}", str(limit.hard))
