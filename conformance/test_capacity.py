"""Capacity: what is allocated, what nodes have, and what fits where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration, quantity
from conformance.kube.chart_values import settings
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.storage import Claim, claims, claims_used_by, node_of
from conformance.scripts.machines import Machine, machines

Quantity = Annotated[str, quantity.parse]
WORKLOADS = ("StatefulSet", "Deployment", "ClickHouseInstallation")


@check
def test_capacity_table(inventory: Inventory, *, table: dict[str, str], total: Quantity) -> Iterator[Said]:
    """Every claim has the size that the table gives it; keys are `namespace/workload/claim`, all globs.

    A component of several replicas has as many claims, so what is really allocated exceeds a table with one claim each:
    the message says both sums.
    """
    rows = {key: _claims_of_row(inventory, key) for key in table}
    allocated = sum((claim.count * (claim.size or 0) for found in rows.values() for claim in found), Decimal(0))
    for key, size in table.items():
        for claim in rows[key]:
            if claim.size != quantity.parse(size):
                sums = f"{_gib(allocated)} are allocated over all replicas, the table says {total}"
                message = f"is not the size of the capacity table; {sums}"
                yield Finding(claim.owner, claim.size_path, message, size, claim.owner.get(claim.size_path))
    if not any(rows.values()):
        yield NotApplicable("none of the components is rendered")


def _claims_of_row(inventory: Inventory, key: str) -> list[Claim]:
    namespace, workload, named = key.split("/")
    match = Match(kinds=WORKLOADS, names=(workload,), namespaces=(namespace,))
    return [
        claim
        for thing in inventory.select(match)
        for claim in claims_used_by(thing, inventory)
        if fnmatchcase(claim.name, named)
    ]


@check
def test_usage_fits(
    inventory: Inventory,
    *,
    growth_per_day: Quantity,
    below_percent: int,
    values: str,
    size_keys: list[str],
    retention_keys: list[str],
    row: str,
) -> Iterator[Said]:
    """What retention lets a volume grow to stays below the level at which its alert fires.

    Growth a day times the longest retention must fit into so many percent of the size; below 100 % is not enough, or
    the alert fires in normal operation for ever. Each replica holds a whole copy.
    """
    periods = [s.value for key in retention_keys for s in settings(inventory, values, key) if s.value is not None]
    requested = [(s.subject, s.path, s.value) for k in size_keys for s in settings(inventory, values, k) if s.value]
    requested += [(c.owner, c.size_path, c.owner.get(c.size_path)) for c in _claims_of_row(inventory, row)]
    if not periods or not requested:
        yield NotApplicable("neither retention nor a size is known")
        return
    try:
        days = max(duration.parse(each) for each in periods) / 86400
        sizes = [(subject, path, quantity.parse(value)) for subject, path, value in requested]
    except ValueError as error:
        yield Unjudged(requested[0][0], requested[0][1], str(error))
        return
    usage = quantity.parse(growth_per_day) * days
    for subject, path, size in sizes:
        if size * below_percent / 100 < usage:
            message = f"{_gib(usage)} after {days:.0f} days is more than {below_percent} %"
            least = _gib(usage * 100 / below_percent)
            yield Finding(subject, path, message, f"at least {least}", _gib(size))


@check
def test_free_capacity(
    inventory: Inventory, *, machines_named: str, free: Quantity, namespaces: list[str]
) -> Iterator[Said]:
    """The disks of the workers, less what claims ask for, leave so much free.

    From Terraform or multipass text and the claims of all replicas; the disks also hold the system and images.
    """
    found = [each for each in machines(inventory) if fnmatchcase(each.name, machines_named)]
    allocated = sum((c.count * (c.size or 0) for c in claims(inventory, namespaces)), Decimal(0))
    if not found or not allocated:
        yield NotApplicable("neither the disks of workers nor claims are known")
        return
    left = sum((each.disk or Decimal(0) for each in found), Decimal(0)) - allocated
    if left < quantity.parse(free):
        message = f"{_gib(allocated)} are allocated, {_gib(left)} are left on {len(found)} workers"
        yield Finding(found[0].subject, found[0].at, message, free, _gib(left))


@check
def test_node_fit(inventory: Inventory, *, storage_class: str, reserve: Quantity) -> Iterator[Said]:
    """On every node the node-local volumes pinned to it fit its disk, with something left for the system.

    The total over all nodes says nothing: such a volume cannot move. Judged where the tree has both PersistentVolumes
    with nodeAffinity and the disks of the machines of those names.
    """
    disks = {each.name: each.disk for each in machines(inventory)}
    pinned: dict[str, list[tuple[Object, Decimal]]] = defaultdict(list)
    volumes = [v for v in inventory.of_kind("PersistentVolume") if v.text("spec.storageClassName") == storage_class]
    for volume in volumes:
        pinned[node_of(volume)].append((volume, _capacity(volume)))
    known = {node: each for node, each in pinned.items() if disks.get(node) is not None}
    for node, each in known.items():
        disk = disks[node] or Decimal(0)
        used = sum((size for _, size in each), Decimal(0))
        if used + quantity.parse(reserve) > disk:
            message = f"volumes of {_gib(used)} and {reserve} for the system do not fit the disk of {node}"
            largest = max(each, key=lambda pair: pair[1])[0]
            yield Finding(largest, "spec.capacity.storage", message, _gib(disk), _gib(used))
    if not known:
        yield NotApplicable("no volume is pinned to a machine whose disk is known")


@check
def test_worker_machines(inventory: Inventory, *, names: list[str]) -> Iterator[Said]:
    """The workers of the documented names are defined in Terraform or multipass text, and no others of the kind."""
    found = machines(inventory)
    if not found:
        yield NotApplicable("no machines are defined in this tree")
        return
    present = {each.name for each in found}
    for name in names:
        if name not in present:
            yield Finding(found[0].subject, found[0].at, f"no machine {name} is defined", name, sorted(present))
    stem = names[0].rstrip("0123456789")
    for each in found:
        if each.name.startswith(stem) and each.name not in names:
            yield Finding(each.subject, each.at, f"{each.name} is one worker too many", names, each.name)


@check
def test_worker_disk(inventory: Inventory, *, machines_named: str, at_least: Quantity) -> Iterator[Said]:
    """Each worker's disk is large enough. multipass reads `50G` as 50 GiB, unlike a Kubernetes quantity."""
    found: list[Machine] = [each for each in machines(inventory) if fnmatchcase(each.name, machines_named)]
    if not found:
        yield NotApplicable("no machines are defined in this tree")
    for each in found:
        if each.disk is None or each.disk < quantity.parse(at_least):
            observed = _gib(each.disk) if each.disk is not None else None
            yield Finding(
                each.subject, each.at, f"the disk of {each.name} is too small", f"at least {at_least}", observed
            )


def _gib(amount: Decimal | int) -> str:
    gibibytes = Decimal(amount) / 2**30
    if abs(gibibytes) >= 10**15:  # nobody's disk: a slip of the pen, whose zeros need not all be written out
        return f"{gibibytes:.3g}Gi"
    return f"{gibibytes.quantize(Decimal('0.1')).normalize():f}Gi"


def _capacity(volume: Object) -> Decimal:
    value = volume.get("spec.capacity.storage", "0")
    try:
        return quantity.parse(value)
    except quantity.QuantityError:
        raise FieldTypeError(("spec", "capacity", "storage"), "a quantity", value) from None
