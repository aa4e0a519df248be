"""The arithmetic against the controllers and the scheduler of a real control plane.

PLUMBLINE_API_SERVER names the kubeconfig of an API server of Kubernetes 1.34 with controller-manager and scheduler;
without it these tests are skipped, or fail when PLUMBLINE_REQUIRE_API_SERVER is 1. Pods are declared ready by the test;
nodes are objects without a machine. Only a namespace and nodes of its own are made, and removed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.relations import relations
from conformance.scaling import Event, Place, Prospect, documented, rollout, workload
from conformance.scaling import budget as budgets
from conformance.scaling.nodes import ZONE
from conformance.scaling.placement import Board
from tests.network.world import inventory as world
from tests.scaling import cluster as clusters
from tests.scaling.cluster import Cluster, Raw, is_ready, node, owner, until

pytestmark = pytest.mark.api_server

AMOUNTS: list[dict[str, Any]] = [
    *({"minAvailable": each} for each in (0, 1, 2, 3, "0%", "1%", "33%", "50%", "67%", "100%")),
    *({"maxUnavailable": each} for each in (0, 1, 2, "0%", "1%", "25%", "34%", "50%", "99%", "100%")),
]
OWNERS = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with clusters.cluster(clusters.kubeconfig()) as found:
        yield found


def in_namespace(cluster: Cluster, *objects: Raw) -> Inventory:
    for each in objects:
        each["metadata"].setdefault("namespace", cluster.namespace)
    return world(*objects)


def budget(name: str, amounts: Raw, chosen: Raw | None) -> Raw:
    spec = {**amounts, **({"selector": chosen} if chosen is not None else {})}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def budget_cases() -> dict[str, list[Raw]]:
    """By name of a budget: itself and the workloads it selects."""
    found: dict[str, list[Raw]] = {}
    kinds = itertools.cycle(OWNERS)
    for number, amounts in enumerate(AMOUNTS):
        for replicas in (1, 3, 4):
            name = f"one-{number}-{replicas}"
            found[name] = [budget(name, amounts, clusters.selector(app=name)), owner(next(kinds), name, replicas)]
    for number, amounts in enumerate(AMOUNTS[3:]):
        name = f"two-{number}"
        pair = [owner(next(kinds), f"{name}-{each}", count, {"both": name}) for each, count in (("a", 2), ("b", 3))]
        found[name] = [budget(name, amounts, clusters.selector(both=name)), *pair]
    for number, amounts in enumerate(AMOUNTS[1::4]):
        name = f"job-{number}"
        mixed = [owner("Deployment", f"{name}-a", 3, {"both": name}), owner("Job", f"{name}-b", 1, {"both": name})]
        found[name] = [budget(name, amounts, clusters.selector(both=name)), *mixed]
        name = f"bare-{number}"
        pod = clusters.template({"app": name, "both": name})
        bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **pod["metadata"]}, "spec": pod["spec"]}
        mixed = [owner("Deployment", f"{name}-a", 2, {"both": name}), bare]
        found[name] = [budget(name, amounts, clusters.selector(both=name)), *mixed]
    found["null"] = [budget("null", {"minAvailable": 1}, None), owner("Deployment", "null", 2)]
    return found


@pytest.fixture(scope="module")
def statuses(cluster: Cluster) -> dict[str, Raw]:
    """Status of every budget once all pods are there and ready."""
    cases = budget_cases()
    wanted = 0
    for objects in cases.values():
        for each in objects:
            cluster.create(each)
            spec = each["spec"]
            wanted += 1 if each["kind"] == "Pod" else spec.get("replicas", spec.get("parallelism", 0))

    def all_ready() -> Any:
        pods = cluster.list("v1", "Pod")
        for pod in pods:
            if not is_ready(pod):
                cluster.ready(pod)
        return True if len(pods) == wanted and all(map(is_ready, pods)) else (len(pods), wanted)

    until(all_ready, "pods")
    found: dict[str, Raw] = {}

    def settled() -> Any:
        now = {
            each["metadata"]["name"]: each.get("status", {})
            for each in cluster.list("policy/v1", "PodDisruptionBudget")
        }
        same, found_before = now == found, bool(found)
        found.clear()
        found.update(now)
        time.sleep(2.0)
        return (same and found_before) or "still changing"

    until(settled, "budgets")
    return found


@pytest.mark.parametrize("name", budget_cases())
def test_budget(name: str, statuses: dict[str, Raw], cluster: Cluster) -> None:
    objects = budget_cases()[name]
    inventory = in_namespace(cluster, *objects)
    ours = inventory.objects[0]
    known = relations(inventory)

    def count(each: Any) -> int:
        fewest = known.fewest_replicas(each)
        return fewest if fewest is not None else 1

    standing = budgets.standing(ours, budgets.selected(ours, inventory, count))
    status = statuses[name]
    assert standing.allowed == status.get("disruptionsAllowed", 0), (standing, status)
    if not standing.broken:
        assert (standing.desired, standing.expected) == (status["desiredHealthy"], status["expectedPods"]), status
    reasons = {each["reason"] for each in status["conditions"] if each["type"] == "DisruptionAllowed"}
    assert bool(standing.broken) == (reasons == {"SyncFailed"}), reasons


def test_there_are_enough_budgets() -> None:
    assert len(budget_cases()) >= 60


@pytest.mark.parametrize("allowed", [1, 0])
def test_eviction(allowed: int, statuses: dict[str, Raw], cluster: Cluster) -> None:
    name = next(
        each for each, status in statuses.items() if each.startswith("one") and status["disruptionsAllowed"] == allowed
    )
    pod = cluster.list("v1", "Pod", f"app={name}")[0]["metadata"]["name"]
    assert cluster.eviction(pod) == (201 if allowed else 429)


def test_a_pod_with_two_budgets_cannot_be_evicted(statuses: dict[str, Raw], cluster: Cluster) -> None:
    name = next(
        each for each, status in statuses.items() if each.startswith("one") and status["disruptionsAllowed"] > 1
    )
    second = budget("second", {"maxUnavailable": "100%"}, clusters.selector(app=name))
    cluster.create(second)
    objects = [*budget_cases()[name], second]
    found = workload_of(in_namespace(cluster, *objects), name)
    left = Prospect(found, in_namespace(cluster, *objects), documented(2), 3).left("drain")
    assert left is not None
    assert "several budgets" in left.blocked
    pod = cluster.list("v1", "Pod", f"app={name}")[0]["metadata"]["name"]
    until(lambda: cluster.eviction(pod) == 500, "refusal")


def workload_of(inventory: Inventory, name: str) -> Any:
    thing = next(each for each in inventory.objects if each.name == name and each.kind != "PodDisruptionBudget")
    found = workload(thing, inventory)
    assert found is not None
    return found


ROLLINGS: list[Raw] = [
    {},
    {"maxUnavailable": 0, "maxSurge": 1},
    {"maxUnavailable": "1%", "maxSurge": 0},
    {"maxUnavailable": "33%", "maxSurge": 0},
    {"maxUnavailable": "50%", "maxSurge": "50%"},
    {"maxUnavailable": 2, "maxSurge": 0},
    {"maxUnavailable": "100%", "maxSurge": "1%"},
    {"maxUnavailable": 9, "maxSurge": 9},
    {"maxSurge": 0},
    {"maxUnavailable": "0%"},
]


def rollouts() -> dict[str, Raw]:
    found: dict[str, Raw] = {}
    for (number, rolling), replicas in itertools.product(enumerate(ROLLINGS), (1, 3, 4, 7)):
        name = f"roll-{number}-{replicas}"
        strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
        found[name] = owner("Deployment", name, replicas, strategy=strategy)
    found["recreate"] = owner("Deployment", "recreate", 3, strategy={"type": "Recreate"})
    for partition, replicas in ((0, 3), (2, 3), (3, 3), (5, 2)):
        name = f"set-{partition}-{replicas}"
        rolling = {"rollingUpdate": {"partition": partition}}
        found[name] = owner("StatefulSet", name, replicas, updateStrategy=rolling)
    found["on-delete"] = owner("StatefulSet", "on-delete", 3, updateStrategy={"type": "OnDelete"})
    return found


@pytest.fixture(scope="module")
def rolled(cluster: Cluster) -> dict[str, tuple[int, int]]:
    """How many old pods are left, and how many pods there are, after a change whose new pods never get ready."""
    cases = rollouts()
    for each in cases.values():
        cluster.create(each)
    wanted = sum(each["spec"]["replicas"] for each in cases.values())

    def mine() -> list[Raw]:
        return [each for each in cluster.list("v1", "Pod") if each["metadata"]["labels"]["app"] in cases]

    def all_ready() -> Any:
        pods = mine()
        for pod in pods:
            if not is_ready(pod):
                cluster.ready(pod)
        return True if len(pods) == wanted and all(map(is_ready, pods)) else (len(pods), wanted)

    until(all_ready, "pods")
    old = {each["metadata"]["name"] + each["metadata"]["uid"] for each in mine()}

    def available() -> Any:
        sets = [*cluster.list("apps/v1", "Deployment"), *cluster.list("apps/v1", "StatefulSet")]
        ours = [each for each in sets if each["metadata"]["name"] in cases]
        late = [e["metadata"]["name"] for e in ours if e["status"].get("availableReplicas") != e["spec"]["replicas"]]
        return late or True

    until(available, "availability")
    for name, each in cases.items():
        change = {"spec": {"template": {"metadata": {"labels": {"revision": "two"}}}}}
        place = cluster.path("apps/v1", each["kind"], name)
        assert cluster.send("PATCH", place, change, "application/merge-patch+json")[0] == 200
    found: dict[str, tuple[int, int]] = {}

    def settled() -> Any:
        pods = [each for each in mine() if "deletionTimestamp" not in each["metadata"]]
        now = {}
        for name in cases:
            own = [each for each in pods if each["metadata"]["labels"]["app"] == name]
            left = [each for each in own if each["metadata"]["name"] + each["metadata"]["uid"] in old]
            now[name] = len(left), len(own)
        same, before = now == found, bool(found)
        found.update(now)
        time.sleep(3.0)
        return (same and before) or "still changing"

    time.sleep(3.0)
    until(settled, "rollouts")
    return found


@pytest.mark.parametrize("name", rollouts())
def test_rollout(name: str, rolled: dict[str, tuple[int, int]], cluster: Cluster) -> None:
    raw = rollouts()[name]
    (ours,) = in_namespace(cluster, raw).objects
    replicas = raw["spec"]["replicas"]
    found = rollout.bounds(ours, replicas)
    assert found is not None
    left, running = rolled[name]
    assert left == replicas - found.unavailable, (found, running)
    if raw["kind"] == "Deployment" and name != "recreate":
        # There are never more new pods than replicas.
        assert running == min(replicas + found.surge, left + replicas), found


def spread(key: str, skew: int = 1, **more: Any) -> Raw:
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", **more}


HOST = "kubernetes.io/hostname"
TAINT = "dedicated=cp:NoSchedule"
#: by name of a set of nodes: zone and taints of each
NODES: dict[str, list[tuple[str, list[str]]]] = {
    "plain": [("a", []), ("b", []), ("c", [])],
    "tainted": [("a", [TAINT]), ("a", []), ("b", [])],
    "uneven": [("a", []), ("a", []), ("a", []), ("b", []), ("b", [TAINT])],
    "small": [("a", []), ("b", [])],
}
TOLERATES = {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}
#: more of the pod's spec; SELF in a selector is replaced by the workload's own labels
SPECS: dict[str, Raw] = {
    "free": {},
    "host": {"topologySpreadConstraints": [spread(HOST)]},
    "host-honor": {"topologySpreadConstraints": [spread(HOST, nodeTaintsPolicy="Honor")]},
    "host-skew": {"topologySpreadConstraints": [spread(HOST, 2)]},
    "host-tolerates": {"topologySpreadConstraints": [spread(HOST)], **TOLERATES},
    "zone": {"topologySpreadConstraints": [spread(ZONE)]},
    "zone-domains": {"topologySpreadConstraints": [spread(ZONE, minDomains=4)]},
    "both": {"topologySpreadConstraints": [spread(HOST), spread(ZONE)]},
    "both-honor": {"topologySpreadConstraints": [spread(HOST, 2, nodeTaintsPolicy="Honor"), spread(ZONE)]},
    "nobody": {"topologySpreadConstraints": [spread(HOST, labelSelector=clusters.selector(app="nobody"))]},
    "no-selector": {"topologySpreadConstraints": [spread(HOST, labelSelector=None)]},
    "anyway": {"topologySpreadConstraints": [{**spread(HOST), "whenUnsatisfiable": "ScheduleAnyway"}]},
    "no-key": {"topologySpreadConstraints": [spread("example.com/rack")]},
    "ignore-affinity": {"topologySpreadConstraints": [spread(ZONE, nodeAffinityPolicy="Ignore")]},
    "apart": {"podAntiAffinity": HOST},
    "apart-zone": {"podAntiAffinity": ZONE},
    "close-zone": {"podAffinity": ZONE},
    "port": {"port": True},
    "large": {"cpu": "30"},
}


PODS = 5


def placements() -> dict[str, tuple[str, str]]:
    """By name: the set of nodes, and what the pods ask for."""
    return {f"{nodes}-{spec}": (nodes, spec) for nodes, spec in itertools.product(NODES, SPECS)}


def placed_workload(name: str, space: str, number: int) -> Raw:
    nodes, spec = placements()[name]
    pod: Raw = {"nodeSelector": {"set": f"{space}-{nodes}"}}
    asked = SPECS[spec]
    for key, value in asked.items():
        if key in ("podAntiAffinity", "podAffinity"):
            term = {"topologyKey": value, "labelSelector": clusters.selector(app=name)}
            pod["affinity"] = {key: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        elif key == "topologySpreadConstraints":
            own = {"labelSelector": clusters.selector(app=name)}
            pod[key] = [{k: v for k, v in {**own, **each}.items() if v is not None} for each in value]
        elif key == "tolerations":
            pod[key] = value
    container: Raw = {"name": "app", "image": "app:1"}
    if asked.get("port"):
        container["ports"] = [{"containerPort": 80, "hostPort": 20000 + number}]
    if asked.get("cpu"):
        container["resources"] = {"requests": {"cpu": asked["cpu"]}}
    return owner("ReplicaSet", name, PODS, pod={**pod, "containers": [container]})


def set_of(space: str, nodes: str) -> tuple[list[Raw], list[Place]]:
    raws, said = [], []
    for number, (zone, taints) in enumerate(NODES[nodes]):
        name, labels = f"{space}-{nodes}-{number}", {ZONE: zone, "set": f"{space}-{nodes}"}
        raws.append(node(name, labels, taints))
        allocatable = {"cpu": "64", "memory": "64Gi", "pods": "110"}
        said.append({"name": name, "labels": labels, "taints": taints, "allocatable": allocatable})
    return raws, documented(said)


class Kubelets:
    """Says again and again that the nodes live: after 40 s of silence they would be tainted."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.nodes = [each for nodes in NODES for each in set_of(cluster.namespace, nodes)[0]]
        self.last = 0.0

    def beat(self) -> None:
        if time.monotonic() < self.last + 8:
            return
        self.last = time.monotonic()
        for each in self.nodes:
            each["status"]["conditions"][0]["lastHeartbeatTime"] = clusters.now()
            place = self.cluster.path("v1", "Node", each["metadata"]["name"]) + "/status"
            body = {"status": each["status"]}
            assert self.cluster.send("PATCH", place, body, "application/merge-patch+json")[0] == 200


@pytest.fixture(scope="module")
def bound(cluster: Cluster) -> Iterator[dict[str, list[str]]]:
    """Names of the nodes on which each workload's pods were placed, once the scheduler has looked at all of them."""
    kubelets = Kubelets(cluster)
    for each in kubelets.nodes:
        cluster.create(each)
    try:
        kubelets.beat()
        until(lambda: not_ready(cluster) == [] or not_ready(cluster), "nodes")
        for number, name in enumerate(placements()):
            cluster.create(placed_workload(name, cluster.namespace, number))
        found: dict[str, list[str]] = {}
        before: list[object] = []

        def settled() -> Any:
            # A pod that was refused is tried again, so that one look is not enough.
            kubelets.beat()
            seen = looked_at(cluster)
            found.update(nodes_of_pods(cluster))
            before.append((seen, str(found)))
            time.sleep(3.0)
            return (seen is True and len(before) > 1 and before[-1] == before[-2]) or seen

        until(settled, "scheduler")
        yield found
    finally:
        for each in kubelets.nodes:
            cluster.send("DELETE", cluster.path("v1", "Node", each["metadata"]["name"]))


def nodes_of_pods(cluster: Cluster) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in placements()}
    for pod in cluster.list("v1", "Pod"):
        if pod["metadata"]["labels"]["app"] in found and pod["spec"].get("nodeName"):
            found[pod["metadata"]["labels"]["app"]].append(pod["spec"]["nodeName"])
    return found


def not_ready(cluster: Cluster) -> list[str]:
    """Nodes that still carry the taint which every new node is given."""
    nodes = [each for each in cluster.list("v1", "Node") if each["metadata"]["name"].startswith(cluster.namespace)]
    taints = [(e["metadata"]["name"], t["key"]) for e in nodes for t in e["spec"].get("taints", ())]
    return [name for name, key in taints if key.startswith("node.kubernetes.io/")]


def looked_at(cluster: Cluster) -> Any:
    """Whether every pod has a node or was refused."""
    pods = [each for each in cluster.list("v1", "Pod") if each["metadata"]["labels"]["app"] in placements()]
    known = [
        any(c["type"] == "PodScheduled" for c in each["status"].get("conditions", ())) or "nodeName" in each["spec"]
        for each in pods
    ]
    wanted = PODS * len(placements())
    return True if len(pods) == wanted and all(known) else f"{known.count(True)} of {len(pods)} of {wanted}"


@pytest.mark.parametrize("name", placements())
def test_placement(name: str, bound: dict[str, list[str]], cluster: Cluster) -> None:
    inventory = in_namespace(cluster, placed_workload(name, cluster.namespace, 0))
    # Nodes of the other sets count as domains where the affinity of the pods is ignored.
    places = [place for nodes in NODES for place in set_of(cluster.namespace, nodes)[1]]
    prospect = Prospect(workload_of(inventory, name), inventory, places, PODS)
    observed = [bound[name].count(place.name) for place in places]
    assert sum(observed) == len(bound[name])
    assert sum(prospect.placed()) == sum(observed), prospect.board.why_full(prospect.placed())
    assert bool(prospect.pending) == (sum(observed) < PODS)
    events: tuple[Event, ...] = ("node-loss", "zone-loss")
    for event in events:
        left = prospect.left(event)
        assert left is not None
        assert left.pods <= lost(event, observed, places), left
    # Whatever the scheduler did, it did one pod at a time where we would let it.
    assert reachable(prospect.board, tuple(observed)), observed


def lost(event: str, observed: list[int], places: list[Place]) -> int:
    """What the loss of the fullest node or zone leaves of what the scheduler really placed."""
    groups: dict[str, int] = {}
    for count, place in zip(observed, places, strict=True):
        key = place.zone if event == "zone-loss" else place.name
        groups[key] = groups.get(key, 0) + count
    return sum(observed) - max(groups.values())


def reachable(board: Board, counts: tuple[int, ...]) -> bool:
    """Whether the pods can have been placed one after another."""
    seen, waiting = {counts}, [counts]
    while waiting:
        now = waiting.pop()
        if not any(now):
            return True
        for index, each in enumerate(now):
            before = (*now[:index], each - 1, *now[index + 1 :])
            if each and before not in seen and not board.blocked(index, before):
                seen.add(before)
                waiting.append(before)
    return False
