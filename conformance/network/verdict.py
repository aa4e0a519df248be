"""Why a connection is open or not: the rules and policies that decide, one direction at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from conformance.kube.object import Location, Object
from conformance.kube.path import Path, render
from conformance.network.ports import NONE, PortSet
from conformance.network.region import Mask
from conformance.network.rule import Action, Direction, Rule, Section, Tier
from conformance.network.tiers import NOT_TCP


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: a field of a policy, or that there is no policy."""

    direction: Direction
    allows: bool
    text: str
    policy: Object | None = None
    path: Path = ()

    def locate(self) -> Location | None:
        """File and line of the field; None without a policy, or for a live object."""
        found = self.policy.locate(self.path) if self.policy is not None else None
        return found if found is not None and found.path else None

    def __str__(self) -> str:
        where = self.locate()
        return f"{self.direction}: {self.text}" + (f" ({where})" if where else "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection is open, and why. When it is not, only the directions that close it are named."""

    allowed: bool
    because: list[Because] = field(default_factory=list)
    #: what a request must be like besides, such as an HTTP method
    limits: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """One direction of one connection: the peer's bits, the port, and the named ports of the pod connected to."""

    direction: Direction
    peer: Mask
    wanted: PortSet
    names: Mapping[str, PortSet]

    def asks(self, rule: Rule) -> bool:
        """Whether a rule speaks of the connection."""
        return bool(rule.mask & self.peer) and bool(rule.ports.on(self.names) & self.wanted)


def judge(question: Question, sections: Sequence[Section]) -> Verdict:
    """The verdict of one direction, tier by tier; sections are those that select the pod."""
    tiers: dict[Tier, list[Section]] = {tier: [] for tier in Tier}
    for section in sorted(sections, key=lambda each: each.order):
        tiers[section.tier].append(section)
    first = _first(question, tiers[Tier.ADMIN])
    if first is not None and first[1].action is not Action.PASS:
        found = _ruled(question, *first)
    else:
        found = _network(question, tiers[Tier.NETWORK], tiers[Tier.BASELINE])
    if found.allowed and tiers[Tier.MESH] and question.wanted - NOT_TCP:
        return _mesh(question, tiers[Tier.MESH], found)
    return found


def _first(question: Question, sections: Sequence[Section]) -> tuple[Section, Rule] | None:
    return next(((s, rule) for s in sections for rule in s.rules if question.asks(rule)), None)


def _matching(question: Question, sections: Sequence[Section], action: Action) -> Iterator[tuple[Section, Rule]]:
    return ((s, rule) for s in sections for rule in s.rules if rule.action is action and question.asks(rule))


def _ruled(question: Question, section: Section, rule: Rule) -> Verdict:
    # What a baseline passes on is left to the default, which is open.
    allowed = rule.action is not Action.DENY
    text = f"{section.policy} {rule.action.value} it by {render(rule.path)}"
    text += f", only {' or '.join(rule.limits)}" if rule.limits else ""
    return Verdict(allowed, [Because(question.direction, allowed, text, section.policy, rule.path)], list(rule.limits))


def _joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Of rules that agree. One of them without limits lifts the limits of the others."""
    limits = [] if any(not each.limits for each in verdicts) else [each for v in verdicts for each in v.limits]
    return Verdict(verdicts[0].allowed, [each for v in verdicts for each in v.because], limits)


def _network(question: Question, network: Sequence[Section], baseline: Sequence[Section]) -> Verdict:
    denied = [_ruled(question, *each) for each in _matching(question, network, Action.DENY)]
    if denied:
        return _joined(denied)
    isolating = [section for section in network if section.isolates]
    if isolating:
        allowed = [_ruled(question, *each) for each in _matching(question, network, Action.ALLOW)]
        return _joined(allowed) if allowed else Verdict(False, _isolated(question, isolating))
    first = _first(question, baseline)
    if first is not None:
        return _ruled(question, *first)
    return Verdict(True, [Because(question.direction, True, f"no policy isolates the {question.direction}")])


def _isolated(question: Question, sections: Sequence[Section]) -> list[Because]:
    """Each isolating policy once, with what it does allow between the two.

    First those that speak of both ends, then those for few pods: the policy that somebody has to change is hardly ever
    the one that denies by default.
    """
    found: list[tuple[tuple[bool, int], Because]] = []
    for policy, parts in groupby(sections, key=lambda each: each.policy):
        first, *others = list(parts)
        open_ports = NONE
        for rule in (rule for section in (first, *others) for rule in section.rules):
            if rule.mask & question.peer and rule.action is Action.ALLOW:
                open_ports = open_ports | rule.ports.on(question.names)
        but = f"allows {open_ports} between the two" if open_ports else "no rule of it names the other side"
        text = f"{policy} isolates the {question.direction}; {but}"
        because = Because(question.direction, False, text, policy, first.path)
        found.append(((not open_ports, first.subjects.bit_count()), because))
    return [because for _, because in sorted(found, key=lambda each: each[0])]


def _mesh(question: Question, sections: Sequence[Section], before: Verdict) -> Verdict:
    denied = [_ruled(question, *each) for each in _matching(question, sections, Action.DENY)]
    if denied:
        return _joined(denied)
    isolating = [section for section in sections if section.isolates]
    if not isolating:
        return before
    allowed = [_ruled(question, *each) for each in _matching(question, sections, Action.ALLOW)]
    if not allowed:
        return Verdict(False, _isolated(question, isolating))
    found = _joined(allowed)
    return Verdict(True, before.because + found.because, before.limits + found.limits)
