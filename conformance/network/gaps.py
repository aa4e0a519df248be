"""Policies that do less than they look like: select nothing, have no peers, name ports that nobody opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.object import Object
from conformance.kube.path import Path, render
from conformance.kube.podspec import PodSpec
from conformance.network.connectivity import Connectivity
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


def gaps(world: Connectivity) -> Iterator[Gap]:
    """Every gap, in the order of the policies.

    A selector that finds nothing may mean pods that no manifest here shows (made by an operator, or of another
    repository), so a gap is a question, not yet a mistake. Ports are compared only where every pod behind a rule
    declares some: declaring them is optional.
    """
    told: set[tuple[int, Path]] = set()
    for section in world.sections:
        for gap in _of(world, section):
            key = id(gap.policy), gap.path
            if key not in told:
                told.add(key)
                yield gap


def _of(world: Connectivity, section: Section) -> Iterator[Gap]:
    if not section.subjects:
        yield Gap(section.policy, selector_path(section), "selects no pod")
        return
    for rule in section.rules:
        if not rule.mask:
            yield Gap(section.policy, rule.path, "its peers match nothing")
            continue
        targets = section.subjects if section.direction == "ingress" else rule.mask
        yield from _unopened(world, section, rule, targets)


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
