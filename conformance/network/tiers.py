"""What is open for one group of pods in one direction, under every policy that selects it.

The order: the administrator's policies by priority; then NetworkPolicies and Cilium's, which isolate; where none of
them isolates, the baseline; on top the authorization policies of a mesh, at the destination.
https://network-policy-api.sigs.k8s.io/api-overview/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from conformance.network.population import Population
from conformance.network.ports import PortSet, span
from conformance.network.region import Mask, Region
from conformance.network.rule import Action, Rule, Section, Tier, resolve

#: A proxy of a mesh looks at TCP alone.
NOT_TCP = span("UDP") | span("SCTP")


class Judge:
    """Decides directions; `everyone` are the bits of all peers, inside and outside."""

    def __init__(self, population: Population, everyone: Mask) -> None:
        self._population = population
        self._everyone = everyone
        self._openings: dict[int, list[tuple[Mask, PortSet]]] = {}

    def region(self, sections: Sequence[Section], names: Mapping[str, PortSet] | None) -> Region:
        """What is open. `names` are the named ports of the pods that are connected to, when the sections are their
        ingress; None for egress, where each peer has its own.
        """
        tiers: dict[Tier, list[Section]] = {tier: [] for tier in Tier}
        for section in sorted(sections, key=lambda each: each.order):
            tiers[section.tier].append(section)
        undecided, allowed, passed = Region.full(self._everyone), Region(), Region()
        for rule, mask, ports in self._all(tiers[Tier.ADMIN], names):
            hit = undecided.take(mask, ports)
            if rule.action is Action.ALLOW:
                allowed.merge(hit)
            elif rule.action is Action.PASS:
                passed.merge(hit)
        passed.merge(undecided)
        if any(section.isolates for section in tiers[Tier.NETWORK]):
            allowed.merge(passed.within(self._granted(tiers[Tier.NETWORK], names)))
        else:
            for rule, mask, ports in self._all(tiers[Tier.NETWORK], names):
                if rule.action is Action.DENY:
                    passed.take(mask, ports)
            for rule, mask, ports in self._all(tiers[Tier.BASELINE], names):
                hit = passed.take(mask, ports)
                if rule.action is not Action.DENY:
                    allowed.merge(hit)
            allowed.merge(passed)
        return self._through_mesh(allowed, tiers[Tier.MESH], names) if tiers[Tier.MESH] else allowed

    def _granted(self, sections: Sequence[Section], names: Mapping[str, PortSet] | None) -> Region:
        """The union of what is allowed; a deny rule wins over every allow rule, whichever policy it stands in."""
        granted = Region()
        for rule, mask, ports in self._all(sections, names):
            if rule.action is Action.ALLOW:
                granted.add(mask, ports)
        for rule, mask, ports in self._all(sections, names):
            if rule.action is Action.DENY:
                granted.take(mask, ports)
        return granted

    def _through_mesh(
        self, allowed: Region, sections: Sequence[Section], names: Mapping[str, PortSet] | None
    ) -> Region:
        """DENY first; then, as soon as there is an ALLOW policy, only what one of them allows."""
        if any(section.isolates for section in sections):
            granted = Region({NOT_TCP: self._everyone})
            for rule, mask, ports in self._all(sections, names):
                if rule.action is Action.ALLOW:
                    granted.add(mask, ports)
            allowed = allowed.within(granted)
        for rule, mask, ports in self._all(sections, names):
            if rule.action is Action.DENY:
                allowed.take(mask, ports - NOT_TCP)
        return allowed

    def _all(
        self, sections: Sequence[Section], names: Mapping[str, PortSet] | None
    ) -> Iterator[tuple[Rule, Mask, PortSet]]:
        for section in sections:
            for rule in section.rules:
                if names is not None:
                    yield rule, rule.mask, rule.ports.on(names)
                else:
                    for mask, ports in self.openings(rule):
                        yield rule, mask, ports

    def openings(self, rule: Rule) -> list[tuple[Mask, PortSet]]:
        """The peers of an egress rule by the ports it opens to them: a named port is another number on each pod."""
        found = self._openings.get(id(rule))
        if found is None:
            found = [(rule.mask, rule.ports.fixed)]
            for name, protocol in rule.ports.named:
                for ports, mask in self._population.named.get(name, {}).items():
                    found.append((mask & rule.mask, resolve(ports, protocol)))
            self._openings[id(rule)] = found = [(mask, ports) for mask, ports in found if mask and ports]
        return found
