"""Nodes to place pods on: Node objects, or what a document says of them.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Annotated, Any

from conformance.kube import quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node, Object

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
_OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"
_CORDONED = "node.kubernetes.io/unschedulable"
#: Effects that keep a pod off a node; PreferNoSchedule only ranks.
_KEEPS_OFF = ("NoSchedule", "NoExecute")
#: What is tried pod by pod and node by node must come to an end; Kubernetes itself knows 5,000 nodes.
LARGEST = 500
_KEYS = {"count", "name", "zone", "labels", "taints", "allocatable"}


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True)
class Place:
    """A node as the scheduler sees it. An empty `allocatable` means that nobody said how much it has."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """Its zone; empty when it is in none."""
        return self.labels.get(ZONE) or self.labels.get(_OLD_ZONE, "")

    def cordoned(self) -> Place:
        """The node while it is drained: the controller adds a taint to what is unschedulable."""
        return replace(self, taints=(*self.taints, Taint(_CORDONED)))


def documented(said: int | Sequence[Mapping[str, Any]], zones: int = 0) -> list[Place]:
    """Nodes as a document tells them: how many, or a list of `{count, name, zone, labels, taints, allocatable}`.

    A taint is written as kubectl prints it: `key=value:NoSchedule`. `zones` spreads nodes evenly that name no zone.
    Raises ValueError for what is not understood.
    """
    groups: Sequence[Mapping[str, Any]] = [{"count": said}] if isinstance(said, int) else said
    found: list[Place] = []
    for group in groups:
        unknown = set(group) - _KEYS
        count = group.get("count", 1)
        if unknown:
            raise ValueError(f"a node has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_KEYS))}")
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= LARGEST:
            raise ValueError(f"a count of nodes is {count!r}, not between 1 and {LARGEST}")
        for index in range(count):
            name = str(group.get("name", "node"))
            found.append(_documented(group, name if count == 1 and "name" in group else f"{name}-{index + 1}"))
    if zones:
        without = [index for index, each in enumerate(found) if not each.zone]
        for number, index in enumerate(without):
            labels = {**found[index].labels, ZONE: f"zone-{number % zones + 1}"}
            found[index] = replace(found[index], labels=labels)
    return found


#: How many nodes a document names, or a list of them, as an option of checks.
Nodes = Annotated[int | list[dict[str, Any]] | None, lambda said: documented(said or [])]


def _documented(group: Mapping[str, Any], name: str) -> Place:
    labels = {str(key): str(value) for key, value in _mapping(group, "labels").items()}
    zone = {ZONE: str(group["zone"])} if group.get("zone") else {}
    allocatable = {str(key): quantity.parse(value) for key, value in _mapping(group, "allocatable").items()}
    taints = tuple(_taint(str(each)) for each in group.get("taints") or ())
    return Place(name, {HOSTNAME: name, **zone, **labels}, taints, allocatable)


def _mapping(group: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = group.get(key) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{key} of a node is {found!r}, not a mapping")
    return found


def _taint(text: str) -> Taint:
    what, colon, effect = text.rpartition(":")
    if not colon or effect not in (*_KEEPS_OFF, "PreferNoSchedule"):
        raise ValueError(f"a taint is written key=value:NoSchedule, not {text!r}")
    key, _, value = what.partition("=")
    return Taint(key, value, effect)


def of_inventory(inventory: Inventory) -> list[Place]:
    """The Node objects of an inventory. Raises FieldTypeError."""
    return [_node(each) for each in inventory.of_kind("Node", "")]


def known(
    inventory: Inventory, said: int | Sequence[Mapping[str, Any]] | None, zones: int = 0, pods: int = 0
) -> list[Place]:
    """The documented nodes, else the Node objects, else one node for each of the pods, and never fewer than two.

    Raises ValueError for nodes that are not understood, FieldTypeError for Node objects.
    """
    if said:
        return documented(said, zones)
    return of_inventory(inventory) or documented(min(max(pods, zones, 2), LARGEST), zones)


def _node(node: Object) -> Place:
    taints = tuple(Taint(t.text("key"), t.text("value"), t.text("effect")) for t in node.sequence("spec.taints"))
    if node.flag("spec.unschedulable") and all(each.key != _CORDONED for each in taints):
        taints = (*taints, Taint(_CORDONED))
    # What a node can give to pods is less than what it has.
    field_ = "status.allocatable" if node.get("status.allocatable") is not None else "status.capacity"
    amounts = {key: _amount(node, (*field_.split("."), key)) for key in node.mapping(field_)}
    labels = {key: str(value) for key, value in node.labels.items()}
    return Place(node.name, {HOSTNAME: node.name, **labels}, taints, amounts)


def _amount(node: Object, path: tuple[str, ...]) -> Decimal:
    value = node.get(path, "0")
    try:
        return quantity.parse(value)
    except quantity.QuantityError:
        raise FieldTypeError(path, "a quantity", value) from None


def tolerated(taint: Taint, tolerations: Iterable[Node]) -> bool:
    """Whether a pod may be placed on a node in spite of a taint.

    An empty key with Exists tolerates everything, an empty effect every effect; the operator is Equal unless said.
    Source: v1.Toleration.ToleratesTaint.
    """
    if taint.effect not in _KEEPS_OFF:
        return True
    for each in tolerations:
        key, operator, effect = each.text("key"), each.text("operator") or "Equal", each.text("effect")
        if effect not in ("", taint.effect) or (key and key != taint.key):
            continue
        if operator == "Exists" or (operator == "Equal" and key and each.text("value") == taint.value):
            return True
    return False


def zones_of(places: Iterable[Place]) -> list[str]:
    """The zones that have nodes, sorted."""
    return sorted({each.zone for each in places if each.zone})
