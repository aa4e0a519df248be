"""The documented matrix of connections, held against what all policies together allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.network.connectivity import Connectivity, connectivity
from conformance.network.matrix import MatrixError, Mismatch, compare, documented


@check
def test_connectivity(
    inventory: Inventory,
    *,
    edges: list[dict[str, Any]],
    subjects: list[str] = [],  # noqa: B006
    deny_rest: bool = True,
) -> Iterator[Said]:
    """Every documented connection is open, and with `deny_rest` every other one from or to the subjects is closed.

    A policy that allows too little and one that allows too much are both findings, each at the policy and the field
    that decide; where no policy decides, at the workload. An edge is `{from, to, port}`, with ends as `plumbline reach`
    names them: `ns/Kind/name` or any end of it, `external`, `external:github.com`, `external:10.0.0.0/8`, `nodes`,
    `kube-apiserver`. The subjects are all workloads that edges name, unless they are given.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    world = connectivity(inventory)
    for thing, error in world.unreadable:
        yield Unjudged(thing, error.path, str(error))
    try:
        for each in compare(world, [documented(entry) for entry in edges], subjects, deny_rest=deny_rest):
            yield _finding(world, each)
    except MatrixError as error:
        yield Finding(None, "", str(error), "the documented workload")


def _finding(world: Connectivity, mismatch: Mismatch) -> Finding:
    policy, path = mismatch.place
    if policy is not None:
        return Finding(policy, path, str(mismatch))
    ends = mismatch.edge.target, mismatch.edge.source
    owner = next((owners[0] for end in ends if (owners := world.ends.owners.get(end))), None)
    return Finding(owner, "metadata.name" if owner else "", str(mismatch))
