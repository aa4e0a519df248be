"""The documented matrix of connections held against what all policies together allow, and policies without effect."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from conformance.access.workloads import making_pods
from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.path import render
from conformance.network.assumed import AssumedError, with_ends
from conformance.network.connectivity import Connectivity, connectivity
from conformance.network.gaps import gaps
from conformance.network.matrix import Documented, MatrixError, Mismatch, Side, compare, documented


@check
def test_connectivity(
    inventory: Inventory,
    *,
    edges: list[dict[str, Any]],
    subjects: list[str] = [],  # noqa: B006
    ends: dict[str, dict[str, Any]] = {},  # noqa: B006
    deny_rest: bool = True,
    side: Side = "both",
    others: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """Every documented connection is open, and with `deny_rest` every other one from or to the subjects is closed.

    A policy that allows too little and one that allows too much are both findings, each at the policy and the field
    that decide; where no policy decides, at the workload. An edge is `{from, to, port, methods}`, with ends as
    `plumbline reach` names them: `ns/Kind/name` or any end of it, `ns/*`, `*`, `external`, `external:github.com`,
    `external:10.0.0.0/8`, `nodes`, `kube-apiserver`, or a name of `ends`. With `methods` exactly these HTTP methods
    must pass. `ends` gives names to pods by `{namespace, labels, ports, serviceAccount}`: the real ones that have these
    labels, else one that is taken to be there, such as the DNS of the cluster or a stranger's pod. The subjects are all
    workloads that edges name, unless they are given; with `others` only what goes between the two is asked for. An edge
    with `needed: false` may be open and need not be. `side` asks the subjects' own policies alone (`ingress`, `egress`,
    `own` for both), so that a port which a policy opens is reported although nobody's egress leads there today.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    try:
        world = with_ends(inventory, ends)
        entries = [documented(entry) for entry in edges]
    except (AssumedError, MatrixError) as error:
        yield Unjudged(None, "", str(error))
        return
    for thing, unreadable in world.unreadable:
        yield Unjudged(thing, unreadable.path, str(unreadable))
    missing = {end: reason for end in _named(entries, [*subjects, *others]) if (reason := _missing(world, end))}
    for end, reason in missing.items():
        yield Finding(None, "", f"{reason}; connections of it are documented", end)  # the rest is compared without it
    there = [each for each in entries if not {each.source, each.target} & missing.keys()]
    about = [each for each in subjects if each not in missing]
    deny_rest = deny_rest and (bool(about) or not subjects)
    towards = [each for each in others if each not in missing]
    if (there or about) and (towards or not others):
        for each in compare(world, there, about, deny_rest=deny_rest, side=side, others=towards):
            yield _finding(world, each, {name for one in about for name in world.ends.meant(one)})


def _named(entries: list[Documented], subjects: list[str]) -> list[str]:
    return [end for each in entries for end in (each.source, each.target)] + subjects


def _missing(world: Connectivity, end: str) -> str:
    """Why an end is not there, or not clear; empty where it is."""
    try:
        return "" if world.ends.find(end) else f"there is no workload {end}"
    except ValueError as error:
        return str(error)


def _finding(world: Connectivity, mismatch: Mismatch, about: set[str]) -> Finding:
    """At the field that decides; where no policy does, at the workload that has none, a subject before others."""
    policy, path = mismatch.place
    if policy is not None:
        return Finding(policy, path, str(mismatch))
    ends = sorted((mismatch.edge.target, mismatch.edge.source), key=lambda end: end not in about)
    owners = (owner for end in ends for owner in world.ends.owners.get(end, ()) if owner.origin.path)
    owner = next(owners, None)
    return Finding(owner, "metadata.name" if owner else "", str(mismatch))


@check
def test_policy_gaps(
    inventory: Inventory,
    *,
    expected: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """Every policy has an effect: it selects pods, its peers exist, and somebody opens the ports that it names.

    A selector with a mistake in it protects nothing, and a rule for a port that nobody opens is a rule for the wrong
    port. A namespace of which no pod is shown, or in which an operator makes some, may have what is meant; so may one
    in which a workload has the right to run pods. Other exceptions are listed in `expected`: `namespace/policy`, or
    `namespace/policy field` for one field, as globs.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-to-and-from-selectors
    """
    world = connectivity(inventory)
    for thing, unreadable in world.unreadable:
        yield Unjudged(thing, unreadable.path, str(unreadable))
    if not world.sections:
        yield NotApplicable("there is no policy")
    for each in gaps(world, inventory, making_pods(inventory)):
        name = f"{each.policy.namespace or '-'}/{each.policy.name}"
        if not any(fnmatchcase(text, one) for one in expected for text in (name, f"{name} {render(each.path)}")):
            yield Finding(each.policy, each.path, each.text)
