"""Policies that do less than they look like: select nothing, have no peers, name ports that nobody opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path, render
from conformance.kube.podspec import PodSpec
from conformance.network.connectivity import Connectivity
from conformance.network.elsewhere import Elsewhere
from conformance.network.ports import ALL, NONE, PROTOCOLS, PortSet, span
from conformance.network.region import Mask, bits
from conformance.network.rule import Rule, Section, Tier


@dataclass(frozen=True, slots=True)
class Gap:
    """A field of a policy that has no effect on the workloads of these manifests."""

    policy: Object
    path: Path
    text: str

    def __str__(self) -> str:
        return f"{self.policy} {render(self.path)}: {self.text}"


def gaps(world: Connectivity, inventory: Inventory | None = None, making: Iterable[PodSpec] = ()) -> Iterator[Gap]:
    """Every gap, in the order of the policies.

    A selector that finds nothing may mean pods that no manifest here shows (made by an operator, or of another
    repository), so a gap is a question, not yet a mistake; given the inventory such gaps are left out, and with
    `making`, the pods that may make others beside them, those of their namespaces. Ports are compared only where every
    pod behind a rule declares some: declaring them is optional.
    """
    told: set[tuple[int, Path]] = set()
    elsewhere = Elsewhere(world, inventory, making) if inventory is not None else None
    for section in world.sections:
        for gap in _of(world, section, elsewhere):
            key = id(gap.policy), gap.path
            if key not in told:
                told.add(key)
                yield gap


def _of(world: Connectivity, section: Section, elsewhere: Elsewhere | None) -> Iterator[Gap]:
    if not section.subjects:
        if elsewhere is None or not elsewhere.subjects(section.policy):
            yield Gap(section.policy, selector_path(section), "selects no pod")
        return
    for rule in section.rules:
        ingress = section.direction == "ingress"
        far = not (ingress and rule.mask)
        if far and elsewhere is not None and elsewhere.peers(section.policy, section.policy.at(rule.path)):
            continue
        if not rule.mask:
            yield Gap(section.policy, rule.path, "its peers match nothing")
        else:
            yield from _unopened(world, section, rule, section.subjects if ingress else rule.mask)


def selector_path(section: Section) -> Path:
    """The field of a policy that says for which pods it is."""
    if section.tier is Tier.MESH:
        return ("spec", "selector")
    fields = ("podSelector", "endpointSelector", "subject")
    return "spec", next((each for each in fields if section.policy.get(("spec", each)) is not None), "podSelector")


def _unopened(world: Connectivity, section: Section, rule: Rule, targets: Mask) -> Iterator[Gap]:
    """Ports of a rule that none of the pods connected to declares."""
    if rule.ports.fixed == ALL or targets & ~world.population.pods:
        return
    groups = [world.population.groups[index] for index in bits(targets)]
    declared: list[PortSet] = []
    for group in groups:
        for pod in group.members:
            own = _declared(pod)
            if not own:
                return
            declared.append(own)
    for name, _ in rule.ports.named:
        if not any(name in group.named for group in groups):
            yield Gap(section.policy, rule.path, f"no container has a port named {name}")
    opened = NONE
    for each in declared:
        opened = opened | each
    if rule.ports.fixed and not rule.ports.fixed & opened:
        yield Gap(section.policy, rule.path, f"no container opens {rule.ports.fixed}; they open {opened}")


def _declared(pod: PodSpec) -> PortSet:
    found = NONE
    for container in pod.containers:
        for port in container.sequence("ports"):
            number, protocol = port.number("containerPort"), port.text("protocol", "TCP")
            if number is not None and protocol in PROTOCOLS:
                found = found | span(protocol, number, number)
    return found
