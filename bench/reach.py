"""Time the connectivity of a generated cluster: workloads with labels of several sorts under many policies.

    python bench/reach.py [--workloads 1000] [--policies 300] [--runs 5]

Printed for each step, in seconds of one process: reading the policies, deciding every direction, listing every edge.
The cluster is seeded: applications of five workloads in 25 namespaces, each namespace denying by default, policies by
label, by namespace, by address block, a tenth of them Cilium's.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.network.connectivity import Connectivity

TIERS = ("web", "api", "db", "cache", "job")
SPACES = 25


class Nowhere:
    path = ""

    def locate(self, path: Any) -> Location:
        return Location("")


def cluster(workloads: int, policies: int, seed: int) -> list[Object]:
    """Objects of a cluster; the same seed gives the same."""
    chance = random.Random(seed)
    raws = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns{n}", "labels": {"zone": f"z{n % 5}"}}}
        for n in range(SPACES)
    ]
    raws += [workload(number) for number in range(workloads)]
    raws += [policy(number, workloads, chance) for number in range(policies)]
    return [Object(raw, Nowhere()) for raw in raws]


def workload(number: int) -> dict[str, Any]:
    app, tier = number // len(TIERS), TIERS[number % len(TIERS)]
    labels = {"app": f"app{app}", "tier": tier, "version": f"v{number % 3}"}
    ports = [{"name": "http", "containerPort": 8000 + number % 7}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "ports": ports}]}}
    metadata = {"name": f"w{number}", "namespace": f"ns{app % SPACES}"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def policy(number: int, workloads: int, chance: random.Random) -> dict[str, Any]:
    app = chance.randrange(max(1, workloads // len(TIERS)))
    space, tier = f"ns{app % SPACES}", chance.choice(TIERS)
    if number < SPACES:
        return native(number, f"ns{number}", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    own = {"matchLabels": {"app": f"app{app}", "tier": tier}}
    if number % 10 == 0:
        rule = {
            "fromEndpoints": [{"matchLabels": {"tier": chance.choice(TIERS)}}],
            "toPorts": [{"ports": [{"port": "http"}]}],
        }
        spec = {"endpointSelector": own, "ingress": [rule], "egress": [{"toEntities": ["cluster"]}]}
        metadata = {"name": f"p{number}", "namespace": space}
        return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}
    peers = [
        {"podSelector": {"matchLabels": {"tier": chance.choice(TIERS)}}},
        {"namespaceSelector": {"matchLabels": {"zone": f"z{chance.randrange(5)}"}}},
        {"ipBlock": {"cidr": f"10.{chance.randrange(256)}.0.0/16"}},
    ]
    chosen = chance.sample(peers, chance.randint(1, 3))
    ports = [{"port": "http"}, {"port": chance.choice([5432, 6379, 9090])}]
    spec = {
        "podSelector": own if chance.random() < 0.7 else {"matchLabels": {"tier": tier}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": chosen, "ports": ports[: chance.randint(0, 2)]}],
        "egress": [{"to": chosen, "ports": ports}],
    }
    return native(number, space, spec)


def native(number: int, space: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": f"p{number}", "namespace": space}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=1000)
    parser.add_argument("--policies", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    steps: dict[str, list[float]] = {"read": [], "decide": [], "list": [], "all": []}
    edges = groups = 0
    for _ in range(given.runs):
        objects = cluster(given.workloads, given.policies, 1)
        started = time.perf_counter()
        world = Connectivity(Inventory(objects))
        read = time.perf_counter()
        assert world.egress
        assert world.ingress
        decided = time.perf_counter()
        edges = sum(1 for _ in world.edges())
        ended = time.perf_counter()
        groups = len(world.population.groups)
        times = (read - started, decided - read, ended - decided, ended - started)
        for step, seconds in zip(steps, times, strict=True):
            steps[step].append(seconds)
    print(f"{given.workloads} workloads in {groups} groups, {given.policies} policies, {edges} edges")
    for step, values in steps.items():
        print(f"{step:8} {statistics.median(values):6.2f} s ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
