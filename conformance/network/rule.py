"""What every kind of policy is turned into: sections of rules, in one vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Literal

from conformance.kube.object import Location, Object
from conformance.kube.path import Path, render
from conformance.network.addresses import EVERYWHERE, NOWHERE, Addresses
from conformance.network.ports import ALL, NONE, PortSet, span
from conformance.network.region import Mask

Direction = Literal["ingress", "egress"]


class Action(Enum):
    """What a rule does with a connection that it matches."""

    ALLOW = "allows"
    DENY = "denies"
    #: leaves it to NetworkPolicies, whatever later rules of the administrator say
    PASS = "passes on"  # noqa: S105


class Tier(IntEnum):
    """In which order policies are asked."""

    ADMIN = 0
    NETWORK = 1
    BASELINE = 2
    MESH = 3


@dataclass(frozen=True, slots=True)
class Peers:
    """The other side of a rule: bits of the population, outside addresses, outside names (`*.example.com`)."""

    inside: Mask = 0
    outside: Addresses = NOWHERE
    names: frozenset[str] = frozenset()

    def __or__(self, other: Peers) -> Peers:
        return Peers(self.inside | other.inside, self.outside | other.outside, self.names | other.names)

    def __bool__(self) -> bool:
        return bool(self.inside or self.outside or self.names)


NOBODY = Peers()


def anyone(inside: Mask) -> Peers:
    """Everybody, in the cluster and outside."""
    return Peers(inside, EVERYWHERE, frozenset({"*"}))


@dataclass(frozen=True, slots=True)
class PortChoice:
    """The ports of a rule, as far as they are known before one looks at the pod that is connected to."""

    fixed: PortSet = NONE
    #: port name with the protocol it must have, or any
    named: tuple[tuple[str, str], ...] = ()

    def on(self, names: Mapping[str, PortSet]) -> PortSet:
        """The ports on a pod with these port names."""
        found = self.fixed
        for name, protocol in self.named:
            found = found | resolve(names.get(name, NONE), protocol)
        return found


EVERY_PORT = PortChoice(ALL)


def resolve(ports: PortSet, protocol: str) -> PortSet:
    """A named port under the protocol that a rule asks for; empty for any."""
    return ports & span(protocol) if protocol else ports


@dataclass(slots=True)
class Rule:
    """Peers and ports at one place of a policy. `limits` says what else a connection must be like, for people."""

    path: Path
    peers: Peers
    ports: PortChoice = EVERY_PORT
    action: Action = Action.ALLOW
    limits: tuple[str, ...] = ()
    #: peers as bits, known once the outside has been divided
    mask: Mask = 0


@dataclass(slots=True)
class Section:
    """One direction of one policy, for the pods it selects."""

    policy: Object
    direction: Direction
    path: Path
    subjects: Mask
    rules: tuple[Rule, ...] = ()
    tier: Tier = Tier.NETWORK
    #: whether what no rule allows is denied
    isolates: bool = True
    #: among the administrator's policies: the smaller is asked first
    priority: int = 0

    @property
    def order(self) -> tuple[int, int, str]:
        """Sorts sections into the order in which they are asked."""
        return self.tier, self.priority, self.policy.name

    def names(self) -> Iterator[str]:
        """Port names that its rules use."""
        return (name for rule in self.rules for name, _ in rule.ports.named)

    def __str__(self) -> str:
        return f"{self.policy} {render(self.path)}"

    def locate(self, path: Path | None = None) -> Location:
        """Where the section, or one of its rules, stands."""
        return self.policy.locate(self.path if path is None else path)
