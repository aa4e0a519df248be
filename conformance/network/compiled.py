"""Every policy of an inventory, whatever its kind, as sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from conformance.kube import isolation
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.network import admin, authorization, native
from conformance.network.cilium import CiliumReader, is_for_nodes, specs
from conformance.network.cilium_peers import CiliumPeers
from conformance.network.population import Population
from conformance.network.rule import Section

Reader = Callable[[Object, Population], Iterator[Section]]


@dataclass(slots=True)
class Compiled:
    """All sections; policies with fields of wrong types; what was passed over."""

    sections: list[Section] = field(default_factory=list)
    unreadable: list[tuple[Object, FieldTypeError]] = field(default_factory=list)
    notes: list[tuple[Object, str]] = field(default_factory=list)


def compile_policies(inventory: Inventory, population: Population) -> Compiled:
    """Reads every policy. One that cannot be read is left out as a whole and named, never half understood."""
    found = Compiled()
    cilium = CiliumReader(population, CiliumPeers(population, inventory))
    for policy in inventory.of_kind("NetworkPolicy"):
        if isolation.is_native(policy):
            _read(policy, native.sections, population, found)
        else:
            found.notes.append((policy, "a policy of another system, which is not understood"))
    for kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
        for policy in inventory.of_kind(kind, "cilium.io"):
            _read(policy, cilium.sections, population, found)
            if _protects_nodes(policy):
                found.notes.append((policy, "the part for nodes (nodeSelector) is not looked at"))
    for kind in admin.KINDS:
        for policy in inventory.of_kind(kind, admin.GROUP):
            _read(policy, admin.sections, population, found)
    for policy in inventory.of_kind("AuthorizationPolicy", authorization.GROUP):
        _read(policy, authorization.sections, population, found)
        note = _note(policy)
        if note:
            found.notes.append((policy, note))
    return found


def _note(policy: Object) -> str:
    try:
        return authorization.passed_over(policy)
    except FieldTypeError:
        return ""


def _protects_nodes(policy: Object) -> bool:
    try:
        return any(is_for_nodes(spec) for spec in specs(policy))
    except FieldTypeError:
        return False


def _read(policy: Object, reader: Reader, population: Population, found: Compiled) -> None:
    try:
        found.sections += list(reader(policy, population))
    except FieldTypeError as error:
        found.unreadable.append((policy, error))
