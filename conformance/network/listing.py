"""Edges as text, for a person who has little time, and as data for machines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from conformance.kube.path import render
from conformance.network.addresses import Addresses, block
from conformance.network.connectivity import EXTERNAL, Connectivity, Edge, Outside
from conformance.network.difference import Difference
from conformance.network.ports import PortSet
from conformance.network.verdict import Because, Verdict

#: how many names stand in a line before the rest is counted
_NAMED = 6
_BLOCKS = 4
_IPV4 = block("0.0.0.0/0")


def record(edge: Edge) -> dict[str, Any]:
    """An edge as data. `outside` and `limits` are there only where there is something to say."""
    found: dict[str, Any] = {"from": edge.source, "to": edge.target, "ports": edge.ports.words()}
    if edge.outside and not _is_everything(edge.outside):
        found["outside"] = [
            {"ports": each.ports.words(), "addresses": each.addresses.words(), "names": list(each.names)}
            for each in edge.outside
        ]
    if edge.limits:
        found["limits"] = [{"ports": ports.words(), "only": list(words)} for ports, words in edge.limits]
    return found


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as data."""
    return {
        "allowed": verdict.allowed,
        "limits": verdict.limits,
        "because": [because_record(each) for each in verdict.because],
    }


def because_record(because: Because) -> dict[str, Any]:
    """One reason as data; `policy` and `location` are null where no policy decides."""
    where = because.locate()
    return {
        "direction": because.direction,
        "allows": because.allows,
        "policy": str(because.policy) if because.policy else None,
        "field": render(because.path),
        "location": where.record if where else None,
        "text": because.text,
    }


def summary(world: Connectivity) -> str:
    """One line: how many workloads, how many of them isolated."""
    count = Counter[str]()
    for index, group in enumerate(world.population.groups):
        ways = {
            direction
            for direction in ("ingress", "egress")
            if any(section.isolates for section in world.selecting.get((direction, index), ()))
        }
        count["both" if len(ways) == 2 else next(iter(ways), "none")] += len(group.members)
    policies = len({id(section.policy) for section in world.sections})
    words = {
        "both": "isolated in both directions",
        "ingress": "isolated for ingress only",
        "egress": "isolated for egress only",
        "none": "not isolated",
    }
    parts = [f"{count[key]} {text}" for key, text in words.items() if count[key]]
    words_of = f"{_counted(count.total(), 'workload', 'workloads')} under {_counted(policies, 'policy', 'policies')}"
    return f"{words_of}: {', '.join(parts)}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def listing(world: Connectivity, edges: Iterable[Edge], *, towards: bool = False) -> Iterator[str]:
    """Edges by their source, or by their target when asked `towards` it; ends with the same ports in one line, and
    sources with the same lines over them together.
    """
    groups: dict[str, dict[str, list[Edge]]] = defaultdict(lambda: defaultdict(list))
    for edge in edges:
        own, other = (edge.target, edge.source) if towards else (edge.source, edge.target)
        groups[own][suffix(edge) if other == EXTERNAL else _ports(edge)].append(edge)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for own in sorted(groups):
        lines = []
        for ports, same in sorted(groups[own].items(), key=lambda each: each[0]):
            others = [each.source if towards else each.target for each in same]
            lines.append(f"  {'<-' if towards else '->'} {_names(world, others)}: {ports}")
        alike[tuple(lines)].append(own)
    for found, owners in alike.items():
        yield from owners
        yield from found


def _names(world: Connectivity, names: list[str]) -> str:
    """Names, those of whole namespaces as one."""
    wanted = set(names)
    outside = [EXTERNAL] if EXTERNAL in wanted else []
    if set(world.ends.workloads) <= wanted and len(world.ends.workloads) > 1:
        return ", ".join([f"every workload ({len(wanted) - len(outside)})", *outside])
    spaces: dict[str, list[str]] = defaultdict(list)
    for each in world.ends.workloads:
        spaces[each.partition("/")[0]].append(each)
    shown: list[str] = []
    for space, members in sorted(spaces.items()):
        if len(members) > 1 and set(members) <= wanted:
            shown.append(f"all of {space} ({len(members)})")
            wanted -= set(members)
    shown += sorted(wanted - {EXTERNAL})
    rest = len(shown) - _NAMED * 2
    return ", ".join([*shown[: _NAMED * 2], *([f"and {rest} more"] if rest > 0 else []), *outside])


def _ports(edge: Edge) -> str:
    return str(edge.ports) + "".join(f", {ports} only {' or '.join(words)}" for ports, words in edge.limits)


def suffix(edge: Edge) -> str:
    """Ports of an edge, with which of the outside they are open to."""
    if not edge.outside or _is_everything(edge.outside):
        return _ports(edge)
    return "; ".join(f"{each.ports} of {_where(each)}" for each in edge.outside)


def _where(outside: Outside) -> str:
    blocks = shortest(outside.addresses)
    shown = [*outside.names, *blocks[:_BLOCKS]]
    return ", ".join(shown) + (f" and {len(blocks) - _BLOCKS} more blocks" if len(blocks) > _BLOCKS else "")


def shortest(addresses: Addresses) -> list[str]:
    """The blocks, or where that is shorter everything of IPv4 with what is left out."""
    blocks, left_out = addresses.words(), (_IPV4 - addresses).words()
    if addresses and not addresses - _IPV4 and left_out and len(left_out) < len(blocks):
        return [f"0.0.0.0/0 except {' '.join(left_out)}"]
    return blocks


def _is_everything(outside: tuple[Outside, ...]) -> bool:
    return len(outside) == 1 and outside[0].addresses.words() == ["0.0.0.0/0", "::/0"]


def answer(source: str, target: str, wanted: PortSet, verdict: Verdict) -> Iterator[str]:
    """One question answered."""
    word = "open" if verdict.allowed else "closed"
    limits = f", only {' or '.join(verdict.limits)}" if verdict.limits else ""
    yield f"{source} -> {target} {wanted}: {word}{limits}"
    yield from (f"  {each}" for each in verdict.because)


def changes(found: Difference) -> Iterator[str]:
    """What a change opens and closes."""
    for word, edges in (("opened", found.opened), ("closed", found.closed)):
        yield from (f"{word}: {edge.source} -> {edge.target} {suffix(edge)}" for edge in edges)
    if not found.opened and not found.closed:
        yield "nothing is opened or closed"


def difference_record(found: Difference) -> dict[str, Any]:
    """The same as data."""
    return {"opened": _records(found.opened), "closed": _records(found.closed)}


def _records(edges: Sequence[Edge]) -> list[dict[str, Any]]:
    return [record(each) for each in edges]
