"""`plumbline reach`: who can talk to whom, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from conformance import tree
from conformance.network import listing, picture
from conformance.network.connectivity import EXTERNAL, Connectivity, Edge, connectivity
from conformance.network.difference import by_ends, difference
from conformance.network.ends import API_SERVER, NODES
from conformance.network.ports import ALL, NONE, PortSet, ports
from conformance.network.verdict import Verdict


def run(options: argparse.Namespace) -> int:
    """Answers with exit code 0, 1 when something could not be read, 4 for a wrong question, 5 without workloads."""
    try:
        if options.diff:
            return _difference(options)
        if options.exposed:
            return _exposed(options)
        world, faults = _world(options.paths, options)
        if not world.endpoints:
            tree.say("no workloads there")
            return 5
        if options.format == "svg":
            # the content of a file, whatever the terminal's encoding is
            sys.stdout.buffer.write(_show(world, options).encode(errors="replace"))
            sys.stdout.flush()
        else:
            tree.write(_show(world, options))
    except (ValueError, FileNotFoundError) as error:
        tree.say(f"{error}")
        return 4
    return 1 if faults else 0


def _world(paths: Sequence[str], options: argparse.Namespace) -> tuple[Connectivity, bool]:
    """The connectivity of a tree; whether something in it could not be read, which is said on standard error."""
    inventory = tree.read(options, paths)
    world = connectivity(inventory)
    for thing, error in world.unreadable:
        tree.say(f"{thing.locate(error.path)}: {thing} is left out: {error}")
    for thing, note in world.notes:
        tree.say(f"{thing.locate()}: {thing}: {note}")
    return world, bool(inventory.rejected or world.unreadable)


def _show(world: Connectivity, options: argparse.Namespace) -> str:
    source, (target, wanted) = options.source, world.ends.with_port(options.target)
    if wanted is not None:
        if not source:
            raise ValueError("--to with a port needs --from")
        return _answer(world, source, target, wanted, options)
    edges = list(_chosen(world, source, target))
    if options.format == "svg":
        return picture.render(world, edges)
    if options.format == "json":
        return tree.as_json({"edges": [_record(world, edge, options.explain) for edge in edges]})
    if source and target:
        return tree.as_lines(_pair(world, source, target, edges))
    lines = _explained(world, edges) if options.explain else listing.listing(world, edges, towards=bool(target))
    return tree.as_lines([listing.summary(world), "", *lines])


def _chosen(world: Connectivity, source: str, target: str) -> Iterator[Edge]:
    """Edges between the ends that are asked for; parts of the outside and the nodes are ends when asked for."""
    if any(_is_asked_for(each) for each in (source, target)):
        for one in _each(world, source):
            for other in _each(world, target):
                ports = world.open_ports(one, other) if one != other else NONE
                if ports:
                    yield Edge(one, other, ports)
        return
    sources_ = set(world.ends.names(world.ends.find(source))) if source else None
    targets = set(world.ends.names(world.ends.find(target))) if target else None
    for _, edge in sorted(by_ends(world.edges()).items(), key=lambda each: each[0]):
        if (sources_ is None or edge.source in sources_) and (targets is None or edge.target in targets):
            yield edge


def _is_asked_for(name: str) -> bool:
    return name.startswith(f"{EXTERNAL}:") or name in (NODES, API_SERVER)


def _each(world: Connectivity, name: str) -> Sequence[str]:
    if not name:
        return world.endpoints
    return [name] if _is_asked_for(name) or name == EXTERNAL else world.ends.meant(name)


def _answer(world: Connectivity, source: str, target: str, wanted: PortSet, options: argparse.Namespace) -> str:
    verdict = world.explain(source, target, wanted)
    if options.format == "json":
        question = {"from": source, "to": target, "ports": wanted.words(), **listing.verdict_record(verdict)}
        return tree.as_json({"question": question})
    return tree.as_lines(listing.answer(source, target, wanted, verdict))


def _pair(world: Connectivity, source: str, target: str, edges: Sequence[Edge]) -> Iterator[str]:
    """Both ends without a port: every port that is open, with reasons; or why none is."""
    if not edges:
        yield from listing.answer(source, target, ALL, world.explain(source, target, ALL))
    yield from _explained(world, edges)


def _explained(world: Connectivity, edges: Sequence[Edge]) -> Iterator[str]:
    for edge in edges:
        yield f"{edge.source} -> {edge.target}: {listing.suffix(edge)}"
        yield from (f"  {text}" for text in dict.fromkeys(str(each) for each in _reasons(world, edge)))


def _reasons(world: Connectivity, edge: Edge) -> Iterator[Any]:
    for word in edge.ports.words():
        verdict: Verdict = world.explain(edge.source, edge.target, ports(word))
        yield from verdict.because


def _record(world: Connectivity, edge: Edge, explain: bool) -> dict[str, Any]:
    found = listing.record(edge)
    if explain:
        reasons = {str(each): each for each in _reasons(world, edge)}
        found["because"] = [listing.because_record(each) for each in reasons.values()]
    return found


def _exposed(options: argparse.Namespace) -> int:
    """What the outside, the nodes and the cluster can reach, of all workloads or of the one asked for by `--to`."""
    from conformance.network.exposure import exposure, listing

    if options.source or options.format == "svg":
        raise ValueError("--exposed is asked for all, or with --to for one, as text or json")
    inventory = tree.read(options)
    found = exposure(inventory)
    for each in found.unreadable:
        tree.say(f"{each.subject.locate(each.path)}: {each.subject} is left out: {each.text}")
    if not found.world.endpoints and not found.problems:
        tree.say("no workloads there")
        return 5
    wanted = found.world.ends.meant(options.target) if options.target else None
    tree.write(
        tree.as_json(listing.record(found, wanted))
        if options.format == "json"
        else tree.as_lines(listing.listing(found, wanted, explain=options.explain))
    )
    return 1 if inventory.rejected or found.unreadable else 0


def _difference(options: argparse.Namespace) -> int:
    (old, old_faults), (new, new_faults) = (_world([path], options) for path in options.diff)
    found = difference(_chosen(old, "", ""), _chosen(new, "", ""))
    if options.format == "svg":
        raise ValueError("--diff has no picture; use text or json")
    tree.write(
        tree.as_json(listing.difference_record(found))
        if options.format == "json"
        else tree.as_lines(listing.changes(found))
    )
    return 1 if old_faults or new_faults else 0
